"""Read an XLSX workbook: another process, with limits, converts it to CSV, and every way it can end has its message."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from pathlib import Path
from typing import IO, BinaryIO

from usage.files import workbook_reader
from usage.files.errors import FileNotice, refusal

SIGNATURE = b"PK\x03\x04"
# For a process that hangs without computing, for example on storage; one that computes has its own limit.
MAX_SECONDS = 300
# The process is isolated from environment and working folder, but has to find the modules beside it.
_PROGRAM = (
    "import runpy, sys; sys.path.append(sys.argv.pop()); "
    f"runpy.run_module('{workbook_reader.__name__}', run_name='__main__', alter_sys=True)"
)
_ROOT = Path(__file__).parent.parent.parent
_END_OF_ARCHIVE = b"PK\x05\x06"
_LONGEST_END = 22 + 0xFFFF
_LONGEST_REMARKS = 1 << 16
_AWAY = "The workbook is too large to read, or one of its cells lies far away from the others:"
_TOO_SLOW = f"{_AWAY} reading took too long. {workbook_reader.ADVICE}"
_TOO_MUCH = f"{_AWAY} it takes too much memory. {workbook_reader.ADVICE}"
# Messages by the reader's exit status.
_TOO_LARGE = {
    -signal.SIGXCPU: _TOO_SLOW,
    -signal.SIGKILL: _TOO_SLOW,
    -signal.SIGABRT: _TOO_MUCH,
    workbook_reader.OUT_OF_MEMORY: _TOO_MUCH,
}
_BROKEN = "The workbook is broken and cannot be read. Save it again, or save the sheet as CSV and upload that."


def is_workbook(file: BinaryIO) -> bool:
    """Return whether a seekable file is a workbook or another ZIP archive, by its first bytes."""
    file.seek(0)
    return file.read(len(SIGNATURE)) == SIGNATURE


def refuse_cut_off(file: BinaryIO) -> None:
    """Raise FileRefusedError for an archive whose end, and with it the directory, is missing."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _LONGEST_END, 0))
    if _END_OF_ARCHIVE not in file.read(_LONGEST_END):
        raise refusal("The workbook is broken: its end is missing. Upload it again, or save it again.")


@contextmanager
def as_csv(file: BinaryIO) -> Iterator[tuple[BinaryIO, list[FileNotice]]]:
    """Yield the one sheet with data, and what is unusual about it.

    The sheet is a temporary CSV file whose first column is the row that a spreadsheet shows. Its cells may end in
    `usage.files.workbook_cells.NOT_TEXT`.

    Raise FileRefusedError when the workbook cannot be read, OSError when this machine has no room for the file.
    """
    refuse_cut_off(file)
    with _on_disk(file) as source, tempfile.TemporaryFile() as target, tempfile.TemporaryFile() as remarks:
        status = _run(source, target, remarks, workbook_reader.CONVERT)
        if status in _TOO_LARGE and _run(source, target, remarks, workbook_reader.EXPLAIN) == workbook_reader.REFUSED:
            status = workbook_reader.REFUSED
        if status == workbook_reader.REFUSED:
            target.seek(0)
            line, _, sentence = target.read(4096).decode(errors="replace").partition(" ")
            raise refusal(sentence, line=int(line))
        if status == workbook_reader.OUT_OF_SPACE:
            raise OSError(errno.ENOSPC, "There is no room for a workbook's rows in the temporary folder")
        if status:
            raise refusal(_TOO_LARGE.get(status, _BROKEN))
        yield target, _notices(remarks)


@contextmanager
def _on_disk(file: BinaryIO) -> Iterator[IO[bytes]]:
    """Yield the file if it has a descriptor on this machine, or else a temporary copy."""
    file.seek(0)
    try:
        file.fileno()
    except (AttributeError, UnsupportedOperation):
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield copy
    else:
        yield file


def _notices(remarks: IO[bytes]) -> list[FileNotice]:
    """Return the notices among what the reader wrote to its standard error."""
    remarks.seek(0)
    lines = remarks.read(_LONGEST_REMARKS).decode(errors="replace").splitlines()
    mark = workbook_reader.NOTICE
    return [FileNotice(0, "", "", line.removeprefix(mark)) for line in lines if line.startswith(mark)]


def _run(source: IO[bytes], target: IO[bytes], remarks: IO[bytes], act: str) -> int:
    """Run the reader and return its exit status, negative for a signal.

    It inherits only the three files: no other descriptor, no secret of the environment, no Ctrl-C of the terminal.
    """
    target.seek(0)
    target.truncate()
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-c", _PROGRAM, act, str(os.getpid()), str(_ROOT)]
    environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    try:
        return subprocess.run(  # noqa: S603 - our own program; no argument comes from users
            command,
            stdin=source,
            stdout=target,
            stderr=remarks,
            env=environment,
            start_new_session=True,
            timeout=MAX_SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
