"""Each broken, hostile or odd file is refused or read within bounds of memory, and the next file is read."""

import io
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from billing.models import Account, RateSheet
from tests.usage import hostile
from tests.usage_files import counts, upload
from tests.waiting import guarded
from usage.files import workbook_reader
from usage.files.errors import FileRefusedError
from usage.files.raw_files import opened

pytestmark = [pytest.mark.django_db, pytest.mark.processes]

# How much the reading process may grow, in kilobytes; the child that unpacks a workbook has its own limit.
GROWTH = 64_000


@pytest.fixture(autouse=True)
def good_file_afterwards() -> Iterator[None]:
    """A good file is read after each hostile one."""
    yield
    assert upload(kind="accounts", text=hostile.CSV).counts.rows == 2
    assert set(Account.objects.values_list("code", "name")) >= {("ACME", "Acme"), ("BETA", "Beta")}


@pytest.fixture(autouse=True, scope="module")
def good_workbook_at_the_end() -> Iterator[None]:
    """A good workbook is read after all hostile ones; each has its own process, so that no reader harms another."""
    yield
    with opened(io.BytesIO(hostile.GOOD)) as file:
        assert [cells for _line, cells in file.records()] == list(hostile.ROWS)


@contextmanager
def bounded(make: hostile.Make, folder: Path) -> Iterator[Path]:
    """Yield the file in a folder, and require that the work on it ends within bounds of memory."""
    path = folder / "file"
    content = make()
    with path.open("wb") as file:
        for piece in [content] if isinstance(content, bytes) else content:
            file.write(piece)
    del content
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = highest_mark()
    with guarded("the file is read or refused"):
        yield path
    assert highest_mark() - before < GROWTH
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 <= workbook_reader.MEMORY


def highest_mark() -> int:
    """Return the peak memory of this process, in kilobytes."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0])


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_what_is_no_table_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    make, part = hostile.REFUSED[name]
    with bounded(make, tmp_path) as path, path.open("rb") as file, pytest.raises(FileRefusedError) as refused:
        upload(kind="accounts", text=file)
    assert part in str(refused.value)
    assert str(refused.value).endswith(".")
    assert all(error.line >= 1 for error in refused.value.errors)
    assert not Account.objects.exists()


@pytest.mark.parametrize("name", hostile.FAULTY)
def test_a_faulty_row_is_named_with_a_sentence_and_nothing_is_applied(name: str, tmp_path: Path) -> None:
    kind, make, line, column, part = hostile.FAULTY[name]
    with bounded(make, tmp_path) as path, path.open("rb") as file:
        result = upload(kind=kind, text=file)
    [(found, blamed, reason)] = result.reasons
    assert (found, blamed, part in reason) == (line, column, True), reason
    assert result.is_applied is False
    assert not Account.objects.exists()
    assert not RateSheet.objects.exists()


@pytest.mark.parametrize("name", hostile.HARMLESS)
def test_what_is_only_odd_is_read(name: str, tmp_path: Path) -> None:
    with bounded(hostile.HARMLESS[name], tmp_path) as path, path.open("rb") as file:
        result = upload(kind="accounts", text=file)
    assert (result.reasons, result.counts) == ([], counts(2, new=2))
