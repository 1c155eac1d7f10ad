"""Report jobs, and the keys under which programs asked for them."""

from reports.models.idempotency_keys import IdempotencyKey
from reports.models.report_jobs import ReportJob, ReportJobQuerySet

__all__ = ["IdempotencyKey", "ReportJob", "ReportJobQuerySet"]
