"""Files in S3-compatible storage: uploaded in parts as they are written, read by range, visible once complete."""

import errno
import posixpath
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from jobs.files import TEMPORARY
from jobs.object_files import BytesFile, StoredFile, errors_of_files

# S3's minimum for all parts but the last. Two parts are in memory at a time; at most 10,000 make a file of 48 GB.
PART_BYTES = 5 * 1024 * 1024
# A storage that hangs counts as unavailable; the work is retried later.
PATIENCE = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})


class ObjectStorage(S3Storage):  # type: ignore[misc] # django-storages has no types
    """A bucket, or the part of it below `location`.

    A file exists once it is complete. The unfinished upload that a killed process leaves behind appears as the
    temporary file of that name: it is listed, its modification time is when it began, and it can be deleted.
    """

    client_config: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.client_config = self.client_config.merge(PATIENCE)

    @property
    def client(self) -> Any:
        """The boto3 client, shared by all threads."""
        return self.bucket.meta.client

    def head(self, name: str) -> dict[str, Any]:
        """Return the metadata of a file. Raises FileNotFoundError."""
        with errors_of_files():
            found: dict[str, Any] = self.client.head_object(**self.address(name))
            return found

    def address(self, name: str) -> dict[str, str]:
        """Return a file's bucket and key, as the client's methods take them."""
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}

    def exists(self, name: str) -> bool:
        """Return whether a complete file has this name."""
        try:
            self.head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """Return the size in bytes. Raises FileNotFoundError."""
        return int(self.head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        """Return when the file was completed, or when its unfinished upload began. Raises FileNotFoundError."""
        if not name.endswith(TEMPORARY):
            return self.head(name)["LastModified"]  # type: ignore[no-any-return]
        begun = [upload["Initiated"] for upload in self._unfinished(name.removesuffix(TEMPORARY))]
        if not begun:
            raise FileNotFoundError(errno.ENOENT, "There is no unfinished upload", name)
        return max(begun)  # type: ignore[no-any-return]

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the folders and the files in a folder, unfinished uploads included."""
        prefix = posixpath.join(self._normalize_name(path), "")
        folders, names = list[str](), list[str]()
        with errors_of_files():
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix, Delimiter="/"):
                folders += [
                    found["Prefix"].removeprefix(prefix).rstrip("/") for found in page.get("CommonPrefixes", ())
                ]
                names += [found["Key"].removeprefix(prefix) for found in page.get("Contents", ())]
        begun = sorted({upload["Key"].removeprefix(prefix) for upload in self._all_unfinished(prefix)})
        return folders, [*filter(None, names), *(name + TEMPORARY for name in begun if "/" not in name)]

    def delete(self, name: str) -> None:
        """Delete a file or an unfinished upload, which may be missing."""
        with errors_of_files():
            if not name.endswith(TEMPORARY):
                self.client.delete_object(**self.address(name))
                return
        name = name.removesuffix(TEMPORARY)
        for upload in self._unfinished(name):
            with suppress(FileNotFoundError), errors_of_files():
                self.client.abort_multipart_upload(**self.address(name), UploadId=upload["UploadId"])

    def _unfinished(self, name: str) -> list[dict[str, Any]]:
        key = self._normalize_name(name)
        return [upload for upload in self._all_unfinished(key) if upload["Key"] == key]

    def _all_unfinished(self, prefix: str) -> Iterator[dict[str, Any]]:
        with errors_of_files():
            pages = self.client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix):
                yield from page.get("Uploads", ())

    def _open(self, name: str, mode: str = "rb") -> BytesFile:
        if mode != "rb":
            raise ValueError("A stored file opens only for reading bytes; write one by saving it.")
        return StoredFile(self.client, self.address(name), name)

    def _save(self, name: str, content: BytesFile) -> str:
        """Upload the content while reading it, with two parts in memory. Leaves nothing behind if that raises."""
        target = self.address(name)
        about = {"ContentType": self.default_content_type, **self.get_object_parameters(name)}
        if content.seekable():
            content.seek(0)
        with errors_of_files():
            read = [content.read(PART_BYTES)]
            if len(read[0]) < PART_BYTES:
                self.client.put_object(**target, **about, Body=read[0])
                return name
            upload = {**target, "UploadId": self.client.create_multipart_upload(**target, **about)["UploadId"]}
            try:
                parts = self._upload_parts(upload, read, content)
                self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            except BaseException:
                with suppress(BotoCoreError, ClientError):  # what remains is collected later
                    self.client.abort_multipart_upload(**upload)
                raise
        return name

    def _upload_parts(self, upload: dict[str, str], read: list[bytes], content: BytesFile) -> list[dict[str, Any]]:
        """Upload the content, sending one part while reading the next, and return the parts for the completion request.

        `read` holds the first part, and is emptied: as a plain argument that part would stay in memory until the end.
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
