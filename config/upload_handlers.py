"""Stores the files of requests on disk while they arrive, up to the largest size that an upload may have."""

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class LimitedFileUploadHandler(TemporaryFileUploadHandler):
    """Keeps nothing of a file with more than UPLOAD_MAX_BYTES, but counts the rest of it.

    Such a file reaches the view empty, with the size that was sent, so that the form can say how large it is. The rest
    is read because browsers show no response before they have sent everything.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write a chunk that is within the limit; delete what was written when the first one exceeds it."""
        limit = settings.UPLOAD_MAX_BYTES
        if not limit or start + len(raw_data) <= limit:
            return super().receive_data_chunk(raw_data, start)
        if start <= limit:
            self.file.truncate(0)
        return None
