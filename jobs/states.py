"""The states of a job."""

from django.db import models


class State(models.TextChoices):
    """Where a job stands: queued → running → succeeded | failed | cancelled."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


UNFINISHED = frozenset({State.QUEUED, State.RUNNING})
