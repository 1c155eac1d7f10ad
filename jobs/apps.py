"""The application of work that outlives a request."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The life that uploads and report jobs share."""

    name = "jobs"
