"""Objects of S3-compatible storage as files open for reading, and its errors as errors of files."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    BytesFile = File[bytes]
else:
    BytesFile = File  # is generic for type checkers alone

BUFFER_BYTES = 256 * 1024


class StorageError(OSError):
    """Raised when the storage cannot be reached, or refuses a request."""


@contextmanager
def errors_of_files() -> Iterator[None]:
    """Raise FileNotFoundError for a missing object, and StorageError for every other error of the storage."""
    try:
        yield
    except ClientError as error:
        is_missing = error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        if is_missing and error.response["Error"]["Code"] != "NoSuchBucket":
            raise FileNotFoundError(errno.ENOENT, str(error)) from error
        raise StorageError(str(error)) from error
    except BotoCoreError as error:
        raise StorageError(str(error)) from error


class StoredFile(BytesFile):
    """A stored object as a named file, which can be reopened after it is closed.

    Bytes are transferred as they are read. Seeking starts a new transfer at that position, so that little of what is
    skipped is transferred, and nothing is kept. `client` is boto3's; `address` is Bucket and Key, as its methods take.
    """

    def __init__(self, client: Any, address: dict[str, str], name: str) -> None:
        """Open the object. Raises FileNotFoundError if there is none."""
        self._new = partial(_Object, client, address)
        super().__init__(io.BufferedReader(self._new(), BUFFER_BYTES), name)

    def open(self, mode: str | None = None, *_arguments: Any, **_named: Any) -> "StoredFile":
        if self.closed:
            self.file = io.BufferedReader(self._new(), BUFFER_BYTES)
        self.seek(0)
        return self


class _Object(io.RawIOBase):
    """The bytes of an object, without buffering."""

    def __init__(self, client: Any, address: dict[str, str]) -> None:
        self._client = client
        self._address = address
        with errors_of_files():
            self._size = int(client.head_object(**address)["ContentLength"])
        self._position = 0
        self._answer: Any = None
        self._answer_at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "Cannot seek before the beginning of a file")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self._size or not view:
            return 0
        try:
            block = self._read(len(view))
        except OSError:
            self._forget()  # reading here again starts a new request
            raise
        view[: len(block)] = block
        self._position = self._answer_at = self._position + len(block)
        return len(block)

    def _read(self, most: int) -> bytes:
        with errors_of_files():
            if self._answer is None or self._answer_at != self._position:
                self._ask()
            block: bytes = self._answer.read(most)
        if not block:
            raise StorageError("The file ended too early")
        return block

    def _ask(self) -> None:
        self._forget()
        answer = self._client.get_object(**self._address, Range=f"bytes={self._position}-")
        self._answer, self._answer_at = answer["Body"], self._position

    def _forget(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def close(self) -> None:
        if not self.closed:
            self._forget()
        super().close()
