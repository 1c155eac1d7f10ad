"""The application for the frame that all screens share."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Holds the admin's frame, static files, template tags and formatting; it has no models."""

    name = "ui"
    verbose_name = "Screens"
