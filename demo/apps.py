"""The application for demo data."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Holds data of invented contact centres, and has no models."""

    name = "demo"
    verbose_name = "Demo"
