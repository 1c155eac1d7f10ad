"""Manifests: what a report's file holds, for who verifies it."""

from typing import Any

from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from reports import formats
from reports.models import ReportJob


class WrittenColumnSerializer(serializers.Serializer[Any]):
    """One column, as it was when the file was written."""

    name = serializers.CharField(help_text="Its exact heading.")
    kind = serializers.CharField(help_text="text, integer, decimal, date, instant or duration.")
    unit = serializers.CharField(allow_blank=True, help_text="What its numbers count; empty for none.")


class TouchedCycleSerializer(serializers.Serializer[Any]):
    """A billing cycle that the range touches, as long as it is: the range may begin later or end before."""

    first_day = serializers.DateField(help_text="Its first day (UTC).")
    last_day = serializers.DateField(help_text="Its last day (UTC), included.")


class SumSerializer(serializers.Serializer[Any]):
    """What the cells of a numeric column add up to."""

    column = serializers.CharField(help_text="The column's heading.")
    amount = serializers.CharField(help_text="The sum, as text with all its digits: a decimal number without exponent.")
    unit = serializers.CharField(
        allow_blank=True, help_text="What it counts; empty for none. Durations are added up in milliseconds."
    )
    per = serializers.CharField(
        allow_blank=True,
        help_text="The heading of the column by which there are several sums, such as the currency; empty for none.",
    )
    group = serializers.CharField(
        allow_blank=True, help_text="What the rows of this sum have in that column, such as `USD`."
    )


class DistinctSerializer(serializers.Serializer[Any]):
    """How many different values a column has."""

    column = serializers.CharField(help_text="The column's heading.")
    count = serializers.IntegerField(help_text="How many different values its cells have.")


class CountSerializer(serializers.Serializer[Any]):
    """How many rows are of a kind that one wants to know of."""

    name = serializers.CharField(help_text="What is counted, such as `Calls unrated`.")
    count = serializers.IntegerField(help_text="How many rows there are of it.")


class TotalsSerializer(serializers.Serializer[Any]):
    """The control totals: those of the very cells of the file, read from the same snapshot of the data."""

    rows = serializers.IntegerField(help_text="How many rows the file has, without the headings.")
    sums = SumSerializer(many=True, help_text="The sums of its numeric columns, in the order of the columns.")
    distinct = DistinctSerializer(many=True, help_text="How many different users, devices or resources it names.")
    counts = CountSerializer(many=True, help_text="How many of its rows are of a kind.")


class ManifestSerializer(serializers.Serializer[Any]):
    """What the file of a report holds. It stays when the file is gone."""

    report_type = serializers.CharField(help_text="The slug of the report type.")
    title = serializers.CharField(source="get_report_type_display", help_text="What people call it.")
    columns = WrittenColumnSerializer(source="file_columns", many=True, help_text="The columns of the file, in order.")
    subscription = serializers.CharField(source="subscription.number", help_text="The subscription's number.")
    account = serializers.CharField(source="account.code", help_text="The code of the account.")
    date_from = serializers.DateField(help_text="The first day (UTC) that the report covers.")
    date_through = serializers.DateField(help_text="The last day (UTC) that it covers.")
    cycles = TouchedCycleSerializer(
        source="file_cycles", many=True, help_text="The billing cycles that these days touch; none in files of old."
    )
    requested_by = serializers.EmailField(source="requested_by.email", help_text="Who asked for it.")
    requested_at = serializers.DateTimeField(help_text="When it was asked for.")
    as_of = serializers.DateTimeField(
        source="file_as_of",
        allow_null=True,
        help_text="The instant of the data: whatever was there before is in the file. Null in files of old.",
    )
    format = serializers.CharField(help_text="The slug of the file's format.")
    content_type = serializers.SerializerMethodField(help_text="The media type of the file.")
    file_name = serializers.CharField(source="download_name", help_text="The name under which to save it.")
    rows = serializers.IntegerField(source="file_rows", help_text="How many rows it has, without the headings.")
    bytes = serializers.IntegerField(source="file_bytes", help_text="How long it is.")
    sha256 = serializers.CharField(source="file_sha256", help_text="The SHA-256 of its bytes, in hexadecimal.")
    totals = TotalsSerializer(allow_null=True, help_text="What to hold the file against; null in files of old.")
    software_version = serializers.CharField(
        allow_blank=True, help_text="The version of Tallydesk that wrote it; empty in files of old."
    )

    def get_content_type(self, job: ReportJob) -> str:
        """As the format declares it."""
        return formats.by_slug(job.format).content_type


def manifest_bytes(job: ReportJob) -> bytes:
    """The manifest of a report that was made, as JSON: the body of the API's answer."""
    return bytes(JSONRenderer().render(ManifestSerializer(job).data))
