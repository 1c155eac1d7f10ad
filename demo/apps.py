"""The application of the demo."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Data of contact centres that never existed."""

    name = "demo"
    verbose_name = "Demo"
