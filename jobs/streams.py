"""A file that one thread writes while another one reads it, with a pipe between them and nothing on disk."""

import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 256 * 1024


class AbandonedError(Exception):
    """Whoever writes has given up: what was read so far is the beginning of a file that will never be."""


class _Source(io.RawIOBase):
    """The reading end of a pipe. Its end is the file's end, or an AbandonedError."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.is_abandoned = False
        self.has_said_so = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        read = os.readv(self._descriptor, [buffer])
        if self.is_abandoned:
            self.has_said_so = True
            raise AbandonedError
        return read

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


@contextmanager
def streamed(take: Callable[[BinaryIO], object]) -> Iterator[BinaryIO]:
    """A file open for writing; another thread calls `take` with the file to read, which cannot seek.

    When the block raises, reading raises AbandonedError, and `take` has to undo what it began. When `take` raises, that
    is raised here, whatever becomes of writing to a pipe without a reader. Either way `take` has ended when this ends.
    """
    reading, writing = os.pipe()
    source, target = _Source(reading), os.fdopen(writing, "wb", BLOCK_BYTES)
    with ThreadPoolExecutor(1, "streamed") as executor:
        taking = executor.submit(_take, take, source)
        try:
            yield target
            target.close()
        except BaseException as error:
            source.is_abandoned = True  # before it is closed, which wakes the reader
            with suppress(OSError):
                target.close()
            failure = taking.exception()
            if isinstance(error, Exception) and failure is not None and not source.has_said_so:
                raise failure from error
            raise
        taking.result()


def _take(take: Callable[[BinaryIO], object], source: _Source) -> None:
    """Closing the source at the end is what lets a writer go that waits for a reader."""
    with io.BufferedReader(source, BLOCK_BYTES) as file:
        take(file)
