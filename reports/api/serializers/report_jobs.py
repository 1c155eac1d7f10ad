"""Report jobs: their state, progress, and result or error."""

from typing import Any

from rest_framework import serializers

from jobs.states import State
from reports.api.links import LinkField
from reports.models import ReportJob, ReportJobQuerySet
from reports.orders.enqueue import OrderOutcome, PlacedOrder


class ProgressSerializer(serializers.Serializer[Any]):
    """The progress of the current attempt."""

    rows_done = serializers.IntegerField(help_text="The number of rows written so far.")
    rows_expected = serializers.IntegerField(
        allow_null=True, help_text="The number of rows the file will have; null until it is known."
    )
    percent = serializers.IntegerField(
        allow_null=True,
        min_value=0,
        max_value=100,
        help_text="Progress in percent, rounded down. It is 100 only when the file is ready, and null until "
        "`rows_expected` is "
        "known.",
    )

    def get_attribute(self, instance: ReportJob) -> ReportJob:
        return instance


class FailureSerializer(serializers.Serializer[Any]):
    """The reason why the report failed, as problem details (RFC 9457)."""

    type = serializers.CharField(
        default="urn:tallydesk:problem:report-failed", help_text="Always `urn:tallydesk:problem:report-failed`."
    )
    title = serializers.CharField(default="The report could not be made", help_text="A short, constant summary.")
    detail = serializers.CharField(
        source="failure", help_text="What happened and what to do about it, in words for people."
    )

    def get_attribute(self, instance: ReportJob) -> ReportJob | None:
        """Return the job if it failed, else None."""
        return instance if instance.state == State.FAILED else None


class ResultSerializer(serializers.Serializer[Any]):
    """The file of a finished report."""

    format = serializers.CharField(help_text="The slug of the file format.")
    bytes = serializers.IntegerField(source="file_bytes", help_text="The size of the file in bytes.")
    rows = serializers.IntegerField(source="file_rows", help_text="The number of rows, without the header row.")
    sha256 = serializers.CharField(source="file_sha256", help_text="The SHA-256 of the file, in hexadecimal.")
    as_of = serializers.DateTimeField(
        source="file_as_of",
        allow_null=True,
        help_text="When the data was read: the file includes every change made before. Null for files written before "
        "this was recorded.",
    )
    file = LinkField(
        "report-job-file",
        when=lambda job: not job.is_expired,
        help_text="The URL of the file; null after the file was deleted.",
    )
    manifest = LinkField(
        "report-job-manifest", help_text="The URL of the manifest, which remains after the file is deleted."
    )
    expires_at = serializers.DateTimeField(
        help_text="When the file will be deleted, unless it is deleted earlier by hand."
    )

    def get_attribute(self, instance: ReportJob) -> ReportJob | None:
        """Return the job if it succeeded, else None."""
        return instance if instance.state == State.SUCCEEDED else None


class ReportJobSerializer(serializers.Serializer[Any]):
    """A job that produces one report, and its outcome."""

    id = serializers.UUIDField(help_text="The identifier used in URLs.")
    url = LinkField("report-job", help_text="The URL of this job.")
    state = serializers.ChoiceField(
        choices=State.choices, help_text="`queued`, then `running`, then `succeeded`, `failed` or `cancelled`."
    )
    report_type = serializers.CharField(help_text="The slug of the report type.")
    format = serializers.CharField(help_text="The slug of the file format.")
    totals_sheet = serializers.BooleanField(help_text="Whether the file has a separate sheet with the control totals.")
    subscription = serializers.CharField(source="subscription.number", help_text="The number of the subscription.")
    subscription_url = LinkField("subscription", of="subscription_id", help_text="The URL of the subscription.")
    account = serializers.CharField(source="account.code", help_text="The code of the account.")
    date_from = serializers.DateField(help_text="The first day (UTC) that the report covers.")
    date_through = serializers.DateField(help_text="The last day (UTC) that the report covers, inclusive.")
    requested_at = serializers.DateTimeField(help_text="When the report was requested.")
    requested_by = serializers.EmailField(
        source="requested_by.email", help_text="The e-mail address of the administrator who requested the report."
    )
    started_at = serializers.DateTimeField(
        allow_null=True, help_text="When the latest attempt started; null before the first."
    )
    finished_at = serializers.DateTimeField(
        allow_null=True, help_text="When the job succeeded, failed or was cancelled; null until then."
    )
    progress = ProgressSerializer(help_text="The progress of the job.")
    error = FailureSerializer(allow_null=True, help_text="Why the job failed; null unless `state` is `failed`.")
    result = ResultSerializer(allow_null=True, help_text="The report's file; null unless `state` is `succeeded`.")
    cancel = LinkField(
        "report-job-cancel",
        when=lambda job: not job.is_finished,
        help_text="POST to this URL to cancel the job, or your request for it; null once the job has finished.",
    )


class RequestedReportJobSerializer(ReportJobSerializer):
    """The job for a requested report: a new one or an existing one."""

    joined = serializers.SerializerMethodField(
        help_text="Whether the same report was already queued or running; you were added to that job."
    )
    unchanged = serializers.SerializerMethodField(
        help_text="Whether this is an earlier job that has succeeded, because its data has not changed since."
    )

    def get_joined(self, _job: ReportJob) -> bool:
        return self.context["outcome"] is OrderOutcome.JOINED

    def get_unchanged(self, _job: ReportJob) -> bool:
        return self.context["outcome"] is OrderOutcome.UNCHANGED


def complete(jobs: ReportJobQuerySet) -> ReportJobQuerySet:
    """Return the jobs together with everything that their JSON needs, in one query."""
    return jobs.select_related("subscription", "account", "requested_by")


def job_json(job: ReportJob, *, base_url: str) -> dict[str, Any]:
    """Return a job as the API shows it, ready for JSON. Outside a request, pass `settings.SITE_URL` as `base_url`."""
    return dict(ReportJobSerializer(job, context={"base_url": base_url}).data)


def requested_json(placed: PlacedOrder, *, base_url: str) -> dict[str, Any]:
    """Return the outcome of an order as the API shows it, ready for JSON."""
    context = {"base_url": base_url, "outcome": placed.outcome}
    return dict(RequestedReportJobSerializer(placed.job, context=context).data)
