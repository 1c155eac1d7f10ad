"""Files that one thread writes while another reads, through a pipe, with nothing on disk."""

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
    """Raised to the reader when the writer fails: the file will never be complete."""


class _Source(io.RawIOBase):
    """The reading end of a pipe. It ends with the end of the file, or with an AbandonedError."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.is_abandoned = False
        self.has_raised = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        read = os.readv(self._descriptor, [buffer])
        if self.is_abandoned:
            self.has_raised = True
            raise AbandonedError
        return read

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


@contextmanager
def streamed(take: Callable[[BinaryIO], object]) -> Iterator[BinaryIO]:
    """Yield a file open for writing; another thread calls `take` with the file to read, which cannot seek.

    If the block raises, reading raises AbandonedError, and `take` must undo what it began. If `take` raises, its error
    is raised here, and replaces the error of writing to a pipe without a reader. Either way `take` has ended.
    """
    reading, writing = os.pipe()
    source, target = _Source(reading), os.fdopen(writing, "wb", BLOCK_BYTES)
    with ThreadPoolExecutor(1, "streamed") as executor:
        taking = executor.submit(_take, take, source)
        try:
            yield target
            target.close()
        except BaseException as error:
            source.is_abandoned = True  # set before closing, which wakes the reader
            with suppress(OSError):
                target.close()
            failure = taking.exception()
            if isinstance(error, Exception) and failure is not None and not source.has_raised:
                raise failure from error
            raise
        taking.result()


def _take(take: Callable[[BinaryIO], object], source: _Source) -> None:
    """Call `take`, then close the source, which unblocks a writer that waits for a reader."""
    with io.BufferedReader(source, BLOCK_BYTES) as file:
        take(file)
