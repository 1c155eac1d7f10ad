"""Finished reports with their files."""

import hashlib
from typing import Any

from django.core.files.base import ContentFile

from billing.models import Subscription
from jobs.states import State
from reports.models import ReportJob
from tests.acme import NOW
from tests.factories import instant
from tests.report_jobs import make_job

CONTENT = b"User,Date,Duration\n" + b"ana@acme.example,2017-11-22,01:00:00:000\n" * 10_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TOTAL = len(CONTENT)
COLUMNS = [{"name": "User", "kind": "text", "unit": ""}, {"name": "Minutes", "kind": "integer", "unit": "minutes"}]


def make_ready(subscription: Subscription, **fields: Any) -> ReportJob:
    """Return a finished report whose file holds CONTENT."""
    job = make_job(
        subscription=subscription,
        state=State.SUCCEEDED,
        finished_at=NOW,
        file_bytes=TOTAL,
        file_rows=10_000,
        file_sha256=SHA256,
        file_columns=COLUMNS,
        file_as_of=instant("2017-11-24T10:03:59.123"),
        **fields,
    )
    name = job.file_name(1)
    job.file.storage.save(name, ContentFile(CONTENT))
    ReportJob.objects.filter(pk=job.pk).update(file=name)
    job.refresh_from_db()
    return job
