"""The files of jobs in Django's default storage: stored whole or not at all, and what is left over collected."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage, storages
from django.db.models import Model, QuerySet
from django.utils import timezone

from jobs.streams import streamed

TEMPORARY = ".part"
BATCH = 500
_BEGINS_WITH_ID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b.*")

RowT = TypeVar("RowT", bound=Model)


@contextmanager
def storing(name: str) -> Iterator[BinaryIO]:
    """A file open for writing, which is stored under the name when the block ends well and is gone when it does not.

    In a folder of this machine: under a temporary name beside the final one, synced, then renamed. A storage
    elsewhere reads it while it is written: it is never on a disk of this machine, nor in memory as a whole. The name
    must be new, as one with a job's ID and fence is.
    """
    path = local_path(name)
    if path is None:
        with streamed(lambda file: default_storage.save(name, File(file, name))) as file:
            yield file
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        temporary.touch(mode=0o600)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove(name: str) -> None:
    """Delete a stored file and its temporary one; it may be missing."""
    with suppress(FileNotFoundError):
        default_storage.delete(name)
        default_storage.delete(name + TEMPORARY)


def is_lost(name: str, size: int | None) -> bool:
    """Whether a file that was stored with so many bytes is not there any more, or has others."""
    try:
        return default_storage.size(name) != size
    except FileNotFoundError:
        return True


def local_path(name: str) -> Path | None:
    """Where the default storage keeps a name on this machine; None when it keeps files elsewhere."""
    storage = storages["default"]
    return Path(storage.path(name)) if isinstance(storage, FileSystemStorage) else None


def collect(folder: str, *, wanted: Callable[[list[str]], set[str]], older_than: timedelta) -> int:
    """Delete the old files of a folder of the storage that are not wanted; returns how many.

    `wanted` is asked about some names at a time (inside the folder) and answers with those to keep.
    """
    try:
        names = sorted(default_storage.listdir(folder)[1])
    except FileNotFoundError:
        return 0
    deleted = 0
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        for name in sorted(set(batch) - wanted(batch)):
            deleted += _delete_older(str(PurePosixPath(folder, name)), older_than)
    return deleted


def names_to_keep(names: Sequence[str], rows: QuerySet[RowT], *, is_needed_by: Callable[[RowT, str], bool]) -> set[str]:
    """Return the file names that must not be collected: those that a row needs, and those that are not ours.

    A file of ours is named for its row: the name begins with the row's ID. `is_needed_by` gets a row and one of the
    names that begin with its ID. A name that begins with no ID at all is kept. Runs one query.
    """
    by_id: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        if match := _BEGINS_WITH_ID.fullmatch(name):
            by_id[match[1]].add(name)
    kept = set(names).difference(*by_id.values())
    for row in rows.filter(pk__in=by_id):
        kept |= {name for name in by_id[str(row.pk)] if is_needed_by(row, name)}
    return kept


def _delete_older(name: str, older_than: timedelta) -> bool:
    with suppress(FileNotFoundError):
        if default_storage.get_modified_time(name) <= timezone.now() - older_than:
            default_storage.delete(name)
            return True
    return False


def sync_folder(folder: Path) -> None:
    """Make a rename outlive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
