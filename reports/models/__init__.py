"""Report jobs."""

from reports.models.report_jobs import ReportJob, ReportJobQuerySet

__all__ = ["ReportJob", "ReportJobQuerySet"]
