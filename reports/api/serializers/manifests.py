"""Manifests: what a report's file holds, for who verifies it."""

from typing import Any

from rest_framework import serializers

from reports import formats
from reports.models import ReportJob


class WrittenColumnSerializer(serializers.Serializer[Any]):
    """One column, as it was when the file was written."""

    name = serializers.CharField(help_text="Its exact heading.")
    kind = serializers.CharField(help_text="text, integer, decimal, date, instant or duration.")
    unit = serializers.CharField(allow_blank=True, help_text="What its numbers count; empty for none.")


class ManifestSerializer(serializers.Serializer[Any]):
    """What the file of a report holds. It stays when the file is gone."""

    report_type = serializers.CharField(help_text="The slug of the report type.")
    title = serializers.CharField(source="get_report_type_display", help_text="What people call it.")
    columns = WrittenColumnSerializer(source="file_columns", many=True, help_text="The columns of the file, in order.")
    subscription = serializers.CharField(source="subscription.number", help_text="The subscription's number.")
    account = serializers.CharField(source="account.code", help_text="The code of the account.")
    date_from = serializers.DateField(help_text="The first day (UTC) that the report covers.")
    date_through = serializers.DateField(help_text="The last day (UTC) that it covers.")
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

    def get_content_type(self, job: ReportJob) -> str:
        """As the format declares it."""
        return formats.by_slug(job.format).content_type
