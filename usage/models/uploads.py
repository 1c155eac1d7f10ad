"""Uploads: one file of raw data on its way in."""

from typing import Self

from django.db import models
from django.db.models import Q

from billing.models import Account, Administrator
from jobs.models import Job
from jobs.querysets import JobQuerySet

FOLDER = "uploads"


class UploadKind(models.TextChoices):
    """The kinds of file, in the order in which a new customer's data would come."""

    ACCOUNTS = "accounts", "Accounts"
    CHARGES = "charges", "Charges"
    RATES = "rates", "Rates"
    SUBSCRIPTIONS = "subscriptions", "Subscriptions"
    USERS = "users", "Users"
    DEVICES = "devices", "Devices"
    SESSIONS = "sessions", "Login sessions"
    RESOURCES = "resources", "Resources"
    RESOURCE_USAGE = "resource_usage", "Resource usage"
    CALLS = "calls", "Calls"

    @property
    def belongs_to_account(self) -> bool:
        """Whether each row is of one account, named for the whole file or in a column `account`."""
        return self in {
            UploadKind.USERS,
            UploadKind.DEVICES,
            UploadKind.SESSIONS,
            UploadKind.RESOURCE_USAGE,
            UploadKind.CALLS,
        }


def upload_file_name(upload: "Upload", _name: str) -> str:
    """Where an upload's file is stored: under its own ID, never under a name that somebody chose."""
    return f"{FOLDER}/{upload.pk}"


class UploadQuerySet(JobQuerySet["Upload"]):
    """Sets of uploads."""

    def visible_to(self, administrator: Administrator) -> Self:
        """All for platform staff; a customer's administrator sees those into their accounts."""
        if administrator.is_active and administrator.is_platform_staff:
            return self
        return self.filter(account__in=Account.objects.visible_to(administrator))


class Upload(Job):
    """One file: stored, then staged, checked and applied by a worker, all of it or nothing."""

    kind = models.CharField(max_length=20, choices=UploadKind.choices)
    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="uploads",
        help_text="Whose data the file holds; leave it empty when the file names accounts in a column of its own.",
    )
    file = models.FileField(upload_to=upload_file_name, max_length=255)
    file_name = models.CharField(max_length=255, help_text="The name the file came with.")
    skip_errors = models.BooleanField("leave out rows in error", default=False)
    rows = models.PositiveBigIntegerField(null=True, editable=False)
    rows_new = models.PositiveBigIntegerField("new", null=True, editable=False)
    rows_changed = models.PositiveBigIntegerField("changed", null=True, editable=False)
    rows_unchanged = models.PositiveBigIntegerField("unchanged", null=True, editable=False)
    rows_in_error = models.PositiveBigIntegerField("in error", null=True, editable=False)
    errors_file = models.FileField(max_length=255, blank=True, editable=False)

    objects = models.Manager.from_queryset(UploadQuerySet)()

    task_name = "usage.tasks.apply_upload"

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(condition=~Q(file_name=""), name="upload_has_a_file_name"),
        ]

    def __str__(self) -> str:
        return self.file_name

    def errors_file_name(self, fence: int) -> str:
        """Where the attempt with this fence stores the errors that it found: a name that no other attempt uses."""
        return f"{FOLDER}/{self.pk}.{fence}.errors.csv"
