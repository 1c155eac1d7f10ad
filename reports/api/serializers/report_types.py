"""Report types: which reports are available, with the columns and formats of their files."""

from typing import Any

from rest_framework import serializers

from reports import formats
from reports.api.links import LinkField


class ColumnSerializer(serializers.Serializer[Any]):
    """One column of a report's file."""

    name = serializers.CharField(source="heading", help_text="The column's exact heading in the file.")
    kind = serializers.CharField(help_text="The kind of value: text, integer, decimal, date, instant or duration.")
    unit = serializers.CharField(allow_blank=True, help_text="The unit of its numbers; empty if it has none.")


class FormatSerializer(serializers.Serializer[Any]):
    """A format in which report files are available."""

    slug = serializers.CharField(help_text="The identifier used in report jobs; also the file name extension.")
    title = serializers.CharField(help_text="The name shown to people.")
    content_type = serializers.CharField(help_text="The media type of files in this format.")


class ReportTypeSerializer(serializers.Serializer[Any]):
    """A kind of report, with the columns and formats of its files."""

    url = LinkField("report-type", of="slug", help_text="The URL of this report type.")
    slug = serializers.CharField(help_text="The identifier used in report jobs.")
    title = serializers.CharField(help_text="The name shown to people.")
    description = serializers.CharField(help_text="What the report shows.")
    columns = ColumnSerializer(many=True, help_text="The columns of the file, in order.")
    formats = FormatSerializer(many=True, default=formats.all_formats, help_text="The available file formats.")
