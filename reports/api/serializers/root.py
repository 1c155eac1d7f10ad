"""Where everything begins."""

from typing import Any

from rest_framework import serializers


class RootSerializer(serializers.Serializer[Any]):
    """The addresses from which a program finds all others."""

    subscriptions = serializers.URLField(help_text="The subscriptions that you see.")
    report_types = serializers.URLField(help_text="The reports that there are.")
    report_jobs = serializers.URLField(help_text="The reports that were asked for; POST asks for one.")
    schema = serializers.URLField(help_text="The OpenAPI description of this API.")
    documentation = serializers.URLField(help_text="The same for people.")
