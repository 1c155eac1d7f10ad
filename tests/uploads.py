"""Take uploads from the received file to the applied one."""

import io

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.db import connection

from billing.models import Account, Administrator
from tests.people import make_uploader
from usage import tasks
from usage.models import Upload, UploadKind, UploadStatus
from usage.uploads import decide
from usage.uploads.receive import receive_upload


def uploaded(text: str | bytes, *, name: str = "users.csv") -> InMemoryUploadedFile:
    """Return a file as a form passes it on."""
    content = text.encode() if isinstance(text, str) else text
    return InMemoryUploadedFile(io.BytesIO(content), "file", name, "text/csv", len(content), None)


def receive_users(text: str, *, account: Account, administrator: Administrator | None = None) -> Upload:
    """Return a received file of users whose check is queued."""
    return receive_upload(
        administrator=administrator or make_uploader(accounts=(account,)),
        kind=UploadKind.USERS,
        account=account,
        file=uploaded(text),
    )


def taken(upload: Upload) -> Upload:
    """Return the upload after a worker ran its latest step."""
    upload.refresh_from_db()
    tasks.take_step(str(upload.latest_step_id))
    return Upload.objects.select_related("latest_step", "account").get(pk=upload.pk)


def applied(upload: Upload, *, skips_errors: bool = False) -> Upload:
    """Return a received upload after check, confirmation by its uploader and application, or where it stopped."""
    upload = taken(upload)
    if upload.status == UploadStatus.READY and upload.uploaded_by:
        decide.confirm(upload, upload.uploaded_by, skips_errors=skips_errors)
        upload = taken(upload)
    return upload


def tables_of_uploads() -> list[str]:
    """Return the names of the staged tables in the database."""
    return [name for name in connection.introspection.table_names() if name.startswith("upload_")]
