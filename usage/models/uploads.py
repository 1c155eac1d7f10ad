"""Uploads: a file of raw data on its way in, and the steps that workers take with it."""

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from billing.models import Account, Administrator
from jobs.models import Job
from jobs.querysets import JobQuerySet
from jobs.states import State

FOLDER = "uploads"


class UploadKind(models.TextChoices):
    """The kinds of file, in the order in which a new customer's data can be uploaded."""

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
        """Return whether each row belongs to an account, named for the whole file or in a column `account`."""
        return self in {
            UploadKind.USERS,
            UploadKind.DEVICES,
            UploadKind.SESSIONS,
            UploadKind.RESOURCE_USAGE,
            UploadKind.CALLS,
        }


class UploadStatus(models.TextChoices):
    """The status of an upload, as screens show it."""

    WAITING = "waiting", "waiting to be checked"
    CHECKING = "checking", "being checked"
    BROKEN_OFF = "broken_off", "not checked"
    REFUSED = "refused", "cannot be read"
    READY = "ready", "ready to apply"
    DISCARDED = "discarded", "discarded"
    CONFIRMED = "confirmed", "waiting to be applied"
    APPLYING = "applying", "being applied"
    NOT_APPLIED = "not_applied", "not applied"
    APPLIED = "applied", "applied"
    UNDOING = "undoing", "being undone"
    UNDONE = "undone", "undone"


class Step(models.TextChoices):
    """A step that a worker takes with an upload. Between checking and applying, a person decides."""

    CHECK = "check", "check"
    APPLY = "apply", "apply"
    UNDO = "undo", "undo"


_STATUSES: dict[tuple[str, str], UploadStatus] = {
    (Step.CHECK, State.QUEUED): UploadStatus.WAITING,
    (Step.CHECK, State.RUNNING): UploadStatus.CHECKING,
    (Step.CHECK, State.SUCCEEDED): UploadStatus.READY,
    (Step.CHECK, State.FAILED): UploadStatus.BROKEN_OFF,
    (Step.CHECK, State.CANCELLED): UploadStatus.DISCARDED,
    (Step.APPLY, State.QUEUED): UploadStatus.CONFIRMED,
    (Step.APPLY, State.RUNNING): UploadStatus.APPLYING,
    (Step.APPLY, State.SUCCEEDED): UploadStatus.APPLIED,
    (Step.APPLY, State.FAILED): UploadStatus.NOT_APPLIED,
    (Step.APPLY, State.CANCELLED): UploadStatus.READY,
    (Step.UNDO, State.QUEUED): UploadStatus.UNDOING,
    (Step.UNDO, State.RUNNING): UploadStatus.UNDOING,
    (Step.UNDO, State.SUCCEEDED): UploadStatus.UNDONE,
    (Step.UNDO, State.FAILED): UploadStatus.APPLIED,
    (Step.UNDO, State.CANCELLED): UploadStatus.APPLIED,
}


def upload_file_name(upload: "Upload", _name: str) -> str:
    """Return the storage name of an upload's file: its own ID, never a name that a person chose."""
    return f"{FOLDER}/{upload.pk}"


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, administrator: Administrator) -> Self:
        """Return all uploads for platform staff; for others, those into their accounts by customers' administrators."""
        if administrator.is_active and administrator.is_platform_staff:
            return self
        return self.filter(account__in=Account.objects.visible_to(administrator), by_platform_staff=False)

    def same_file(self, upload: "Upload") -> Self:
        """Return the other applied uploads of the identical file, kind and account, latest first."""
        applied = self.filter(applied_at__isnull=False, undone_at=None).exclude(pk=upload.pk).exclude(sha256="")
        same = applied.filter(sha256=upload.sha256, kind=upload.kind, account=upload.account_id)
        return same.order_by("-applied_at")

    def standing(self, status: UploadStatus) -> Self:
        """Return the uploads with this status: `Upload.status` as a condition on the rows."""
        found = Q(pk__in=[])
        for (step, state), status_then in _STATUSES.items():
            if status_then == status:
                found |= Q(latest_step__step=step, latest_step__state=state)
        is_refused = Q(latest_step__step=Step.CHECK, latest_step__state=State.SUCCEEDED) & ~Q(refusal="")
        if status == UploadStatus.DISCARDED:
            return self.filter(found | Q(discarded_at__isnull=False))
        if status == UploadStatus.REFUSED:
            found = is_refused
        elif status == UploadStatus.READY:
            found &= ~is_refused
        elif status == UploadStatus.APPLIED:
            found |= Q(latest_step=None)
        return self.filter(found, discarded_at=None)


class Upload(models.Model):
    """A file that is stored, checked by a worker, decided on by a person, applied, and perhaps undone.

    `rows…`, `notices` and `preview` hold the results of the last check, and after applying what was done. A worker
    leaves `staging_table` and `checked_versions` for the next step; they may be missing at any time.
    """

    id = models.UUIDField("ID", primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=UploadKind.choices)
    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="uploads",
        help_text="The account whose data the file holds. Leave empty if a column of the file names accounts.",
    )
    file = models.FileField(upload_to=upload_file_name, max_length=255)
    file_name = models.CharField(max_length=255, help_text="The original name of the file.")
    file_bytes = models.PositiveBigIntegerField("size", null=True, editable=False)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)
    creates_users = models.BooleanField("create the users that login sessions name", default=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text="Empty if the file was uploaded on the command line.",
    )
    # Kept, because the uploader may join or leave the staff later: it decides whose the upload and its rows are.
    by_platform_staff = models.BooleanField(
        default=True,
        editable=False,
        help_text="Whether the uploader was platform staff at the time; so is the command line.",
    )
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)
    latest_step = models.ForeignKey(
        "UploadStep", null=True, on_delete=models.PROTECT, related_name="+", editable=False, db_index=False
    )
    refusal = models.TextField(blank=True, editable=False, help_text="Why the file as a whole cannot be read.")
    rows = models.PositiveBigIntegerField(null=True, editable=False)
    rows_new = models.PositiveBigIntegerField("new", null=True, editable=False)
    rows_changed = models.PositiveBigIntegerField("changed", null=True, editable=False)
    rows_unchanged = models.PositiveBigIntegerField("unchanged", null=True, editable=False)
    rows_in_error = models.PositiveBigIntegerField("in error", null=True, editable=False)
    notices = models.PositiveBigIntegerField(null=True, editable=False)
    preview = models.JSONField(default=dict, editable=False)
    errors_file = models.FileField(max_length=255, blank=True, editable=False)
    notices_file = models.FileField(max_length=255, blank=True, editable=False)
    rows_in_error_file = models.FileField(max_length=255, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    checked_versions = models.TextField(blank=True, editable=False)
    staging_table = models.CharField(max_length=40, blank=True, editable=False)
    applied_at = models.DateTimeField(null=True, editable=False)
    applied_versions = models.TextField(blank=True, editable=False)
    undone_at = models.DateTimeField(null=True, editable=False)
    discarded_at = models.DateTimeField(null=True, editable=False)
    discarded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    objects = models.Manager.from_queryset(UploadQuerySet)()

    class Meta:
        ordering = ["-uploaded_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(file_name=""), name="upload_has_a_file_name"),
        ]
        indexes = [
            models.Index(fields=["-uploaded_at", "-id"], name="upload_latest"),
            # Finds earlier uploads of the same file.
            models.Index(fields=["sha256"], name="upload_by_hash"),
            models.Index(fields=["staging_table"], condition=~Q(staging_table=""), name="upload_staged"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def status(self) -> UploadStatus:
        """Return the status. Reads `latest_step`."""
        if self.discarded_at:
            return UploadStatus.DISCARDED
        if self.latest_step is None:
            return UploadStatus.APPLIED  # from the command line, which saves only applied uploads
        status = _STATUSES[self.latest_step.step, self.latest_step.state]
        is_refused = self.refusal and self.latest_step.step == Step.CHECK and status == UploadStatus.READY
        return UploadStatus.REFUSED if is_refused else status

    @property
    def file_names(self) -> set[str]:
        """Return the storage names of the file and of those that its last check wrote."""
        found = (self.file, self.errors_file, self.rows_in_error_file, self.notices_file)
        return {file.name for file in found if file.name}

    @property
    def is_under_way(self) -> bool:
        """Return whether a worker has the upload or will take it."""
        return self.latest_step is not None and not self.latest_step.is_finished

    @property
    def is_applied(self) -> bool:
        """Return whether its rows are in the tables. Later uploads may have overwritten them."""
        return self.applied_at is not None and self.undone_at is None

    def left_behind(self, step: "UploadStep") -> dict[str, str]:
        """Return the storage names of an attempt's files, by field. No other attempt uses them."""
        start = f"{FOLDER}/{self.pk}.{step.pk}.{step.fence}"
        return {
            "errors_file": f"{start}.errors.csv",
            "rows_in_error_file": f"{start}.rows.csv",
            "notices_file": f"{start}.notices.csv",
        }


class UploadStepQuerySet(JobQuerySet["UploadStep"]):
    """The queue operations of steps, which are jobs."""


class UploadStep(Job):
    """A step of an upload, taken by a worker. The steps of one account are taken one after the other."""

    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="steps")
    account = models.ForeignKey(
        Account, null=True, on_delete=models.PROTECT, related_name="+", help_text="The account of the upload."
    )
    step = models.CharField(max_length=5, choices=Step.choices)
    skips_errors = models.BooleanField("leave out rows in error", default=False)

    objects: ClassVar = UploadStepQuerySet.as_manager()

    task_name = "usage.tasks.take_step"
    concurrency_key = "account_id"

    class Meta(Job.Meta):
        default_permissions = ()
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(condition=Q(step__in=["check", "apply", "undo"]), name="upload_step_is_known"),
            models.UniqueConstraint(
                fields=["upload"],
                condition=Q(state__in=["queued", "running"]),
                name="upload_takes_one_step_at_a_time",
                violation_error_message="The upload is already being processed.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.upload}"

    @classmethod
    def max_concurrent(cls) -> int:
        """Return 1 for each account: a file is checked against what the one before it has written."""
        return 1


class UploadChange(models.Model):
    """An entry of the journal: what a row was before an upload changed it, which undoing restores.

    `before` is the row as JSON, null for a row that did not exist. `after` is the row as the upload left it, null for a
    row that it removed; it is kept for kinds that write into several tables and for users created for login sessions.
    For all other rows, their own `upload_id` tells who wrote them.
    """

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="changes", db_constraint=False)
    relation = models.CharField(max_length=63)
    row_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.relation} {self.row_id}"
