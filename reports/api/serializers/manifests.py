"""Manifests: the contents of a report's file, for verifying it."""

from typing import Any

from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from reports import formats
from reports.models import ReportJob


class WrittenColumnSerializer(serializers.Serializer[Any]):
    """A column, as it was when the file was written."""

    name = serializers.CharField(help_text="The column's exact heading in the file.")
    kind = serializers.CharField(help_text="The kind of value: text, integer, decimal, date, instant or duration.")
    unit = serializers.CharField(allow_blank=True, help_text="The unit of its numbers; empty if it has none.")


class TouchedCycleSerializer(serializers.Serializer[Any]):
    """A billing cycle that overlaps the report's date range; it may start earlier and end later than the range."""

    first_day = serializers.DateField(help_text="The first day of the cycle (UTC).")
    last_day = serializers.DateField(help_text="The last day of the cycle (UTC), inclusive.")


class SumSerializer(serializers.Serializer[Any]):
    """The sum of a numeric column."""

    column = serializers.CharField(help_text="The column's heading.")
    amount = serializers.CharField(help_text="The exact sum, as a decimal number without an exponent.")
    unit = serializers.CharField(
        allow_blank=True, help_text="The unit of the sum; empty if it has none. Durations are summed in milliseconds."
    )
    per = serializers.CharField(
        allow_blank=True,
        help_text="The heading of the column that the sum is grouped by, such as the currency; empty if it is not "
        "grouped.",
    )
    group = serializers.CharField(
        allow_blank=True,
        help_text="The value of the grouping column for this sum, such as `USD`; empty if it is not grouped.",
    )


class DistinctSerializer(serializers.Serializer[Any]):
    """The number of distinct values in a column."""

    column = serializers.CharField(help_text="The column's heading.")
    count = serializers.IntegerField(help_text="The number of distinct values.")


class CountSerializer(serializers.Serializer[Any]):
    """The number of rows of a notable kind, such as unrated calls."""

    name = serializers.CharField(help_text="What is counted, such as `Calls unrated`.")
    count = serializers.IntegerField(help_text="The number of such rows.")


class TotalsSerializer(serializers.Serializer[Any]):
    """Control totals: computed from the same database snapshot as the rows of the file."""

    rows = serializers.IntegerField(help_text="The number of rows in the file, without the header row.")
    sums = SumSerializer(many=True, help_text="The sums of the numeric columns, in column order.")
    distinct = DistinctSerializer(
        many=True, help_text="The number of distinct users, devices or resources in the file."
    )
    counts = CountSerializer(many=True, help_text="The number of rows of each notable kind.")


class ManifestSerializer(serializers.Serializer[Any]):
    """A description of a report's file. It remains available after the file is deleted."""

    report_type = serializers.CharField(help_text="The slug of the report type.")
    title = serializers.CharField(source="get_report_type_display", help_text="The name shown to people.")
    columns = WrittenColumnSerializer(source="file_columns", many=True, help_text="The columns of the file, in order.")
    subscription = serializers.CharField(source="subscription.number", help_text="The number of the subscription.")
    account = serializers.CharField(source="account.code", help_text="The code of the account.")
    date_from = serializers.DateField(help_text="The first day (UTC) that the report covers.")
    date_through = serializers.DateField(help_text="The last day (UTC) that the report covers, inclusive.")
    cycles = TouchedCycleSerializer(
        source="file_cycles",
        many=True,
        help_text="The billing cycles that overlap the date range; empty for files written before cycles were "
        "recorded.",
    )
    requested_by = serializers.EmailField(source="requested_by.email", help_text="The e-mail address of the requester.")
    requested_at = serializers.DateTimeField(help_text="When the report was requested.")
    as_of = serializers.DateTimeField(
        source="file_as_of",
        allow_null=True,
        help_text="When the data was read: the file includes every change made before. Null for files written "
        "before this "
        "was recorded.",
    )
    format = serializers.CharField(help_text="The slug of the file format.")
    content_type = serializers.SerializerMethodField(help_text="The media type of the file.")
    file_name = serializers.CharField(source="download_name", help_text="The suggested file name.")
    rows = serializers.IntegerField(source="file_rows", help_text="The number of rows, without the header row.")
    bytes = serializers.IntegerField(source="file_bytes", help_text="The size of the file in bytes.")
    sha256 = serializers.CharField(source="file_sha256", help_text="The SHA-256 of the file, in hexadecimal.")
    totals = TotalsSerializer(
        allow_null=True,
        help_text="Control totals for checking the file; null for files written before totals were recorded.",
    )
    software_version = serializers.CharField(
        allow_blank=True,
        help_text="The version of Tallydesk that wrote the file; empty for files written before this was recorded.",
    )

    def get_content_type(self, job: ReportJob) -> str:
        return formats.by_slug(job.format).content_type


def manifest_bytes(job: ReportJob) -> bytes:
    """Return the manifest of a succeeded job as JSON, byte for byte the body of the API's response."""
    return bytes(JSONRenderer().render(ManifestSerializer(job).data))
