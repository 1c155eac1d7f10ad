"""HTTP responses with a stored file: the whole file, a range of its bytes, or 304 if the client already has it.

Implements conditional and range requests (RFC 9110) for files that never change once they exist.
"""

import base64
import re
from collections.abc import Mapping

from django.core.files import File
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date

from billing.models import Administrator
from reports import formats
from reports.orders.downloads import JobWithFile, open_stored, refuse_unless_there
from ui.http import PRIVATE

BLOCK_BYTES = 64 * 1024
# A single range. Longer numbers are no position in any file, and Python refuses to parse those of thousands of digits.
_RANGE = re.compile(r"bytes=\s*(?:([0-9]{1,99})-([0-9]{0,99})|-([0-9]{1,99}))\s*", re.IGNORECASE)


class PreconditionFailedError(Exception):
    """The request's conditions (`If-Match`, `If-Unmodified-Since`) exclude the existing file."""


class UnsatisfiableRangeError(Exception):
    """The request is for bytes beyond the end of the file; `content_range` is the header of the response."""

    def __init__(self, total: int) -> None:
        super().__init__(f"The file has {total} bytes, none of them in the requested range.")
        self.content_range = f"bytes */{total}"


def file_response(request: HttpRequest, job: JobWithFile, *, administrator: Administrator) -> HttpResponseBase:
    """Return the response to a GET or HEAD for the file: 200, 206 or 304.

    Raises as `refuse_unless_there` does, and PreconditionFailedError and UnsatisfiableRangeError. HEAD and 304 do not
    open the file.
    """
    refuse_unless_there(job, administrator=administrator)
    refuse_other_than(request, job)
    bare = HttpResponse(content_type=formats.by_slug(job.format).content_type, headers=_headers(job))
    answer = get_conditional_response(request, etag(job), _last_modified(job), bare)
    if answer is not bare or request.method == "HEAD":
        return answer or bare
    total = job.file_bytes or 0
    wanted = _wanted_range(request, job, total)
    file = open_stored(job)
    if wanted is None:
        return _streaming(file, bare)
    part = _streaming(Section(file, wanted), bare)
    part.status_code = 206
    _put(part, {"Content-Length": str(len(wanted)), "Content-Range": f"bytes {wanted[0]}-{wanted[-1]}/{total}"})
    return part


def refuse_other_than(request: HttpRequest, job: JobWithFile) -> None:
    """Raise PreconditionFailedError if the request's conditions exclude the job's file."""
    answer = get_conditional_response(request, etag(job), _last_modified(job))
    if answer is not None and answer.status_code == 412:
        raise PreconditionFailedError("The file does not match the conditions of the request.")


def etag(job: JobWithFile) -> str:
    """Return the file's strong validator, its SHA-256."""
    return f'"{job.file_sha256}"'


class Section:
    """A range of a file's bytes, read from first to last. Reading raises OSError if the file ends too early."""

    def __init__(self, file: "File[bytes]", wanted: range) -> None:
        self._file = file
        self._left = len(wanted)
        self.close = file.close
        file.seek(wanted.start)

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """Return the next bytes, or none at the end of the range."""
        block: bytes = self._file.read(min(size, self._left))
        if not block and self._left:
            # This breaks off the connection, so that the client sees that bytes are missing.
            raise OSError("the file ended too early")
        self._left -= len(block)
        return block


class _FileResponse(FileResponse):
    """A response whose open file the web server may send without Python."""

    block_size = BLOCK_BYTES


def _streaming(file: "File[bytes] | Section", like: HttpResponse) -> _FileResponse:
    answer = _FileResponse(file, content_type=like["Content-Type"])
    _put(answer, dict(like.items()))
    return answer


def _put(answer: HttpResponseBase, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        answer[name] = value


def _headers(job: JobWithFile) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(job.file_sha256)).decode()
    return {
        "Accept-Ranges": "bytes",
        **PRIVATE,
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=job.download_name) or "",
        "Content-Length": str(job.file_bytes),
        "ETag": etag(job),
        "Last-Modified": http_date(_last_modified(job)),
        "Repr-Digest": f"sha-256=:{digest}:",
    }


def _last_modified(job: JobWithFile) -> int:
    """Return when the file was finished, in whole seconds since 1970."""
    return int(job.finished_at.timestamp()) if job.finished_at else 0


def _wanted_range(request: HttpRequest, job: JobWithFile, total: int) -> range | None:
    """Return the positions of the requested bytes; None for the whole file.

    The whole file is also the answer to several ranges, to a malformed range, and if `If-Range` names another file:
    a client that sends `Range` must accept a full response. Raises UnsatisfiableRangeError.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    condition = request.headers.get("If-Range", "").strip()
    if not found or condition not in ("", etag(job), http_date(_last_modified(job))):
        return None
    first, last, suffix = found.groups()
    if first and last and int(last) < int(first):
        return None
    wanted = range(total)[int(first) : int(last or total) + 1] if first else range(total)[-int(suffix) or total :]
    if not wanted:
        raise UnsatisfiableRangeError(total)
    return wanted
