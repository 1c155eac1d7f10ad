"""The files of jobs in the default storage: stored entirely or not at all; left-over files are collected."""

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
    """Yield a file open for writing. It is stored under the name if the block succeeds, and discarded if it raises.

    In a local folder the file is written under a temporary name, synced, then renamed. Any other storage reads it while
    it is being written, so that it is never on a local disk, nor in memory as a whole. The name must be new, as is any
    name that holds a job's ID and fence.
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
    """Delete a stored file and its temporary file, either of which may be missing."""
    with suppress(FileNotFoundError):
        default_storage.delete(name)
        default_storage.delete(name + TEMPORARY)


def is_lost(name: str, size: int | None) -> bool:
    """Return whether a file that was stored with this size is missing, or has another size now."""
    try:
        return default_storage.size(name) != size
    except FileNotFoundError:
        return True


def local_path(name: str) -> Path | None:
    """Return the path of a stored file; None if the default storage is not a local folder."""
    storage = storages["default"]
    return Path(storage.path(name)) if isinstance(storage, FileSystemStorage) else None


def collect(folder: str, *, wanted: Callable[[list[str]], set[str]], older_than: timedelta) -> int:
    """Delete the unwanted files of a storage folder that are older than `older_than`, and return how many there were.

    `wanted` is called with up to BATCH names, relative to the folder, and returns those to keep.
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
    """Sync a folder, so that a rename in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
