"""Report types: what can be asked for, and which columns and formats the file has."""

from typing import Any

from rest_framework import serializers

from reports import formats
from reports.api.links import LinkField


class ColumnSerializer(serializers.Serializer[Any]):
    """One column of a report's file."""

    name = serializers.CharField(source="heading", help_text="Its exact heading.")
    kind = serializers.CharField(help_text="text, integer, decimal, date, instant or duration.")
    unit = serializers.CharField(allow_blank=True, help_text="What its numbers count; empty for none.")


class FormatSerializer(serializers.Serializer[Any]):
    """A format of files."""

    slug = serializers.CharField(help_text="What report jobs name it by; also the ending of the file's name.")
    title = serializers.CharField(help_text="What people call it.")
    content_type = serializers.CharField(help_text="The media type of its files.")


class ReportTypeSerializer(serializers.Serializer[Any]):
    """A kind of report."""

    url = LinkField("report-type", of="slug", help_text="This report type.")
    slug = serializers.CharField(help_text="What report jobs name it by.")
    title = serializers.CharField(help_text="What people call it.")
    description = serializers.CharField(help_text="What it shows.")
    columns = ColumnSerializer(many=True, help_text="The columns of its file, in order.")
    formats = FormatSerializer(many=True, default=formats.all_formats, help_text="The formats that it comes in.")
