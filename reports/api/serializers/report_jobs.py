"""Report jobs: how one stands."""

from typing import Any

from rest_framework import serializers

from jobs.states import State
from reports.api.links import LinkField
from reports.models import ReportJob, ReportJobQuerySet
from reports.orders.enqueue import OrderOutcome, PlacedOrder


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the work is."""

    rows_done = serializers.IntegerField(help_text="The rows written so far.")
    rows_expected = serializers.IntegerField(
        allow_null=True, help_text="How many there will be; null until it is known."
    )
    percent = serializers.IntegerField(
        allow_null=True,
        min_value=0,
        max_value=100,
        help_text="How much is done, rounded down: 100 once the file is there and not before; null until it is known.",
    )

    def get_attribute(self, instance: ReportJob) -> ReportJob:
        """The job's own fields."""
        return instance


class FailureSerializer(serializers.Serializer[Any]):
    """Why there is no report, as a problem (RFC 9457)."""

    type = serializers.CharField(default="urn:tallydesk:problem:report-failed", help_text="Always the same.")
    title = serializers.CharField(default="The report could not be made", help_text="Always the same.")
    detail = serializers.CharField(source="failure", help_text="What happened and what to do, as a sentence.")

    def get_attribute(self, instance: ReportJob) -> ReportJob | None:
        """The job that failed; None of any other."""
        return instance if instance.state == State.FAILED else None


class ResultSerializer(serializers.Serializer[Any]):
    """The file of a report."""

    format = serializers.CharField(help_text="The slug of its format.")
    bytes = serializers.IntegerField(source="file_bytes", help_text="How long it is.")
    rows = serializers.IntegerField(source="file_rows", help_text="How many rows it has, without the headings.")
    sha256 = serializers.CharField(source="file_sha256", help_text="The SHA-256 of its bytes, in hexadecimal.")
    as_of = serializers.DateTimeField(
        source="file_as_of", allow_null=True, help_text="The instant of the data that it shows."
    )
    file = LinkField(
        "report-job-file", when=lambda job: not job.is_expired, help_text="The file itself; null once it was deleted."
    )
    manifest = LinkField("report-job-manifest", help_text="What the file holds; stays when the file is gone.")
    expires_at = serializers.DateTimeField(help_text="When the file is deleted, unless somebody does it before.")

    def get_attribute(self, instance: ReportJob) -> ReportJob | None:
        """The job that succeeded; None of any other."""
        return instance if instance.state == State.SUCCEEDED else None


class ReportJobSerializer(serializers.Serializer[Any]):
    """One request for one report, and what became of it."""

    id = serializers.UUIDField(help_text="What its address names it by.")
    url = LinkField("report-job", help_text="This job.")
    state = serializers.ChoiceField(
        choices=State.choices, help_text="queued → running → succeeded, failed or cancelled."
    )
    report_type = serializers.CharField(help_text="The slug of the report type.")
    format = serializers.CharField(help_text="The slug of the file's format.")
    totals_sheet = serializers.BooleanField(help_text="Whether the file has the control totals as a sheet of its own.")
    subscription = serializers.CharField(source="subscription.number", help_text="The subscription's number.")
    subscription_url = LinkField("subscription", of="subscription_id", help_text="The subscription.")
    account = serializers.CharField(source="account.code", help_text="The code of the account.")
    date_from = serializers.DateField(help_text="The first day (UTC) that the report covers.")
    date_through = serializers.DateField(help_text="The last day (UTC) that it covers.")
    requested_at = serializers.DateTimeField(help_text="When it was asked for.")
    requested_by = serializers.EmailField(source="requested_by.email", help_text="Who asked for it.")
    started_at = serializers.DateTimeField(allow_null=True, help_text="When the last attempt began; null before.")
    finished_at = serializers.DateTimeField(allow_null=True, help_text="When it ended, in whichever way; null before.")
    progress = ProgressSerializer(help_text="How far the work is.")
    error = FailureSerializer(allow_null=True, help_text="Why it failed; null unless it did.")
    result = ResultSerializer(allow_null=True, help_text="The file; null unless it succeeded.")
    cancel = LinkField(
        "report-job-cancel",
        when=lambda job: not job.is_finished,
        help_text="POST here ends it or your part in it; null once it ended.",
    )


class RequestedReportJobSerializer(ReportJobSerializer):
    """The job that answers a request for a report: a new one, or one that was there."""

    joined = serializers.SerializerMethodField(
        help_text="Whether the same was under way already: the job is that one, and you wait for it too."
    )
    unchanged = serializers.SerializerMethodField(
        help_text="Whether the job was finished before, and nothing that its file shows has changed since."
    )

    def get_joined(self, _job: ReportJob) -> bool:
        """As the context has it."""
        return self.context["outcome"] is OrderOutcome.JOINED

    def get_unchanged(self, _job: ReportJob) -> bool:
        """As the context has it."""
        return self.context["outcome"] is OrderOutcome.UNCHANGED


def complete(jobs: ReportJobQuerySet) -> ReportJobQuerySet:
    """The jobs with all that their answer shows, in one query."""
    return jobs.select_related("subscription", "account", "requested_by")


def job_json(job: ReportJob, *, base_url: str) -> dict[str, Any]:
    """A job as the API shows it, ready for JSON; outside of a request `base_url` is `settings.SITE_URL`."""
    return dict(ReportJobSerializer(job, context={"base_url": base_url}).data)


def requested_json(placed: PlacedOrder, *, base_url: str) -> dict[str, Any]:
    """What came of a request as the API answers it, ready for JSON."""
    context = {"base_url": base_url, "outcome": placed.outcome}
    return dict(RequestedReportJobSerializer(placed.job, context=context).data)
