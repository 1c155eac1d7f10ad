"""Files in an S3-compatible storage: written in parts, read by range, its errors told as those of any file."""

import errno
import io
import os
import posixpath
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage

from jobs.files import TEMPORARY

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    BytesFile = File[bytes]
else:
    BytesFile = File  # is generic for type checkers alone

# Two of them are in memory at a time. A file has 10,000 at most, and but for the last none is below 5 MiB.
PART_BYTES = 8 * 1024 * 1024
BUFFER_BYTES = 256 * 1024
# A storage that hangs is one that is away: what is done with it is tried again later.
PATIENCE = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})


class StorageError(OSError):
    """The storage cannot be reached, or refuses."""


@contextmanager
def _errors_of_files() -> Iterator[None]:
    """Raise FileNotFoundError for what is not there, StorageError for all else that goes wrong with the storage."""
    try:
        yield
    except ClientError as error:
        is_missing = error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        if is_missing and error.response["Error"]["Code"] != "NoSuchBucket":
            raise FileNotFoundError(errno.ENOENT, str(error)) from error
        raise StorageError(str(error)) from error
    except BotoCoreError as error:
        raise StorageError(str(error)) from error


class ObjectStorage(S3Storage):  # type: ignore[misc] # django-storages has no types
    """A bucket, or what is under `location` in it.

    A file is there once it is complete. The unfinished upload of one, which a killed process leaves behind, appears as
    the temporary file of that name: it is listed, has the time at which it began, and can be deleted.
    """

    client_config: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.client_config = self.client_config.merge(PATIENCE)

    @property
    def client(self) -> Any:
        """One for all threads."""
        return self.bucket.meta.client

    def head(self, name: str) -> dict[str, Any]:
        """What is known of a file. Raises FileNotFoundError."""
        with _errors_of_files():
            found: dict[str, Any] = self.client.head_object(**self.address(name))
            return found

    def address(self, name: str) -> dict[str, str]:
        """A file's bucket and key, as the client's methods take them."""
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            self.head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """In bytes. Raises FileNotFoundError."""
        return int(self.head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        """When the file was complete; of a temporary one, when it was begun. Raises FileNotFoundError."""
        if not name.endswith(TEMPORARY):
            return self.head(name)["LastModified"]  # type: ignore[no-any-return]
        begun = [upload["Initiated"] for upload in self._unfinished(name.removesuffix(TEMPORARY))]
        if not begun:
            raise FileNotFoundError(errno.ENOENT, "There is no unfinished upload", name)
        return max(begun)  # type: ignore[no-any-return]

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """The folders and the files in a folder, unfinished ones included."""
        with _errors_of_files():
            folders, files = super().listdir(path)
        prefix = self._normalize_name(path)
        unfinished = {posixpath.relpath(it["Key"], prefix) for it in self._all_unfinished(f"{prefix}/")}
        return folders, files + [name + TEMPORARY for name in sorted(unfinished) if "/" not in name]

    def delete(self, name: str) -> None:
        """Delete a file, or an unfinished one; it may be missing."""
        with _errors_of_files():
            if not name.endswith(TEMPORARY):
                self.client.delete_object(**self.address(name))
                return
        name = name.removesuffix(TEMPORARY)
        for upload in self._unfinished(name):
            with suppress(FileNotFoundError), _errors_of_files():
                self.client.abort_multipart_upload(**self.address(name), UploadId=upload["UploadId"])

    def _unfinished(self, name: str) -> list[dict[str, Any]]:
        key = self._normalize_name(name)
        return [upload for upload in self._all_unfinished(key) if upload["Key"] == key]

    def _all_unfinished(self, prefix: str) -> Iterator[dict[str, Any]]:
        with _errors_of_files():
            pages = self.client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix):
                yield from page.get("Uploads", ())

    def _open(self, name: str, mode: str = "rb") -> BytesFile:
        if mode != "rb":
            raise ValueError("A stored file is opened to be read as bytes; one is written by saving it.")
        return _StoredFile(self, name)

    def _save(self, name: str, content: BytesFile) -> str:
        """Write the content as it is read, in parts of which two are in memory; nothing is left when that raises."""
        target = self.address(name)
        about = {"ContentType": self.default_content_type, **self.get_object_parameters(name)}
        if content.seekable():
            content.seek(0)
        with _errors_of_files():
            read = [content.read(PART_BYTES)]
            if len(read[0]) < PART_BYTES:
                self.client.put_object(**target, **about, Body=read[0])
                return name
            upload = {**target, "UploadId": self.client.create_multipart_upload(**target, **about)["UploadId"]}
            try:
                parts = self._upload_parts(upload, read, content)
                self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            except BaseException:
                with suppress(BotoCoreError, ClientError):  # then it is collected later
                    self.client.abort_multipart_upload(**upload)
                raise
        return name

    def _upload_parts(self, upload: dict[str, str], read: list[bytes], content: BytesFile) -> list[dict[str, Any]]:
        """The parts as the completion names them. One is on its way while the next is read.

        Of what is read already nothing is left: as a mere argument it would stay in memory until the end.
        """

        def put(number: int, body: bytes) -> dict[str, Any]:
            answer = self.client.upload_part(**upload, PartNumber=number, Body=body)
            return {"PartNumber": number, "ETag": answer["ETag"]}

        done: list[dict[str, Any]] = []
        part = read.pop()
        with ThreadPoolExecutor(1, "upload") as executor:
            while part:
                under_way: Future[dict[str, Any]] = executor.submit(put, len(done) + 1, part)
                part = content.read(PART_BYTES)
                done.append(under_way.result())
        return done


class _StoredFile(BytesFile):
    """A file of the storage, open for reading; can be opened again once it is closed."""

    def __init__(self, storage: ObjectStorage, name: str) -> None:
        self._storage = storage
        super().__init__(io.BufferedReader(_Object(storage, name), BUFFER_BYTES), name)

    def open(self, mode: str | None = None, *_arguments: Any, **_named: Any) -> "_StoredFile":
        if self.closed:
            self.file = io.BufferedReader(_Object(self._storage, self.name or ""), BUFFER_BYTES)
        self.seek(0)
        return self


class _Object(io.RawIOBase):
    """The bytes of an object, which the storage sends from wherever reading goes on."""

    def __init__(self, storage: ObjectStorage, name: str) -> None:
        self._storage = storage
        self._address = storage.address(name)
        self._size = int(storage.head(name)["ContentLength"])
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
            raise OSError(errno.EINVAL, "There is nothing before a file")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self._size or not view:
            return 0
        with _errors_of_files():
            if self._answer is None or self._answer_at != self._position:
                self._ask()
            block = self._answer.read(len(view))
        if not block:
            raise StorageError("The file ended too early")
        view[: len(block)] = block
        self._position = self._answer_at = self._position + len(block)
        return len(block)

    def _ask(self) -> None:
        self._forget()
        answer = self._storage.client.get_object(**self._address, Range=f"bytes={self._position}-")
        self._answer, self._answer_at = answer["Body"], self._position

    def _forget(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def close(self) -> None:
        if not self.closed:
            self._forget()
        super().close()
