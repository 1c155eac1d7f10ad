"""The application for work that outlives a request."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Holds the life cycle that uploads and report jobs share."""

    name = "jobs"
