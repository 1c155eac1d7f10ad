"""The entry point of the API."""

from typing import Any

from rest_framework import serializers


class RootSerializer(serializers.Serializer[Any]):
    """Links to everything else in the API."""

    subscriptions = serializers.URLField(help_text="The subscriptions that you can see.")
    report_types = serializers.URLField(help_text="The available report types.")
    report_jobs = serializers.URLField(help_text="The report jobs; POST to request a report.")
    schema = serializers.URLField(help_text="The OpenAPI document of this API.")
    documentation = serializers.URLField(help_text="Interactive documentation for people.")
