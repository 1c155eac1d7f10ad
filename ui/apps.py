"""The application of the frame that all screens share."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """The admin's frame, static files, template tags and the formatting of values; it has no models."""

    name = "ui"
    verbose_name = "Screens"
