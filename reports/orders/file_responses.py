"""The HTTP answer that carries a file of ours: whole, a range of its bytes, or word that one has it already.

What RFC 9110 says of conditional and of range requests, for a file that never changes once it is there.
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
from reports.orders.downloads import Made, open_stored, refuse_unless_there
from ui.http import PRIVATE

BLOCK_BYTES = 64 * 1024
# One range. Longer numbers are no position in any file, and Python makes none of those with thousands of digits.
_RANGE = re.compile(r"bytes=\s*(?:([0-9]{1,99})-([0-9]{0,99})|-([0-9]{1,99}))\s*", re.IGNORECASE)


class PreconditionFailedError(Exception):
    """The request is for another file than there is (`If-Match`, `If-Unmodified-Since`)."""


class UnsatisfiableRangeError(Exception):
    """The request is for bytes that the file does not have; `content_range` is what the answer's header says."""

    def __init__(self, total: int) -> None:
        super().__init__(f"The file has {total} bytes, and none of those that were asked for.")
        self.content_range = f"bytes */{total}"


def file_response(request: HttpRequest, job: Made, *, administrator: Administrator) -> HttpResponseBase:
    """The answer to a GET or HEAD for the file: 200, 206 or 304.

    Raises what `refuse_unless_there` does, PreconditionFailedError and UnsatisfiableRangeError. HEAD and 304 leave the
    file closed.
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


def refuse_other_than(request: HttpRequest, job: Made) -> None:
    """Raise PreconditionFailedError when the request's conditions name another file than the job's."""
    answer = get_conditional_response(request, etag(job), _last_modified(job))
    if answer is not None and answer.status_code == 412:
        raise PreconditionFailedError("The file is not the one that the request names in its conditions.")


def etag(job: Made) -> str:
    """The file's strong validator: its SHA-256."""
    return f'"{job.file_sha256}"'


class Section:
    """Some of a file's bytes, to be read from first to last; they are all there, or reading raises an OSError."""

    def __init__(self, file: "File[bytes]", wanted: range) -> None:
        self._file = file
        self._left = len(wanted)
        self.close = file.close
        file.seek(wanted.start)

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """The next bytes; none at the end."""
        block: bytes = self._file.read(min(size, self._left))
        if not block and self._left:
            raise OSError("the file ended too early")  # breaks the connection off: the client sees that bytes lack
        self._left -= len(block)
        return block


class _FileResponse(FileResponse):
    """Hands the web server an open file, which it may send without Python."""

    block_size = BLOCK_BYTES


def _streaming(file: "File[bytes] | Section", like: HttpResponse) -> _FileResponse:
    answer = _FileResponse(file, content_type=like["Content-Type"])
    _put(answer, dict(like.items()))
    return answer


def _put(answer: HttpResponseBase, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        answer[name] = value


def _headers(job: Made) -> dict[str, str]:
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


def _last_modified(job: Made) -> int:
    """When the file was there, in whole seconds since 1970."""
    return int(job.finished_at.timestamp()) if job.finished_at else 0


def _wanted_range(request: HttpRequest, job: Made, total: int) -> range | None:
    """The bytes that are asked for; None for all of them.

    Also for several ranges, for what is no range, and for a continuation of another file (`If-Range`): whoever may
    ask for a part has to take the whole.
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
