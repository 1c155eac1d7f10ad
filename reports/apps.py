"""The application of reports."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Answers drawn from billing and usage, as files."""

    name = "reports"
    verbose_name = "Account settings"
