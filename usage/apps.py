"""The application of raw usage."""

from django.apps import AppConfig


class UsageConfig(AppConfig):
    """What was used, and how it gets in."""

    name = "usage"
    verbose_name = "Usage"
