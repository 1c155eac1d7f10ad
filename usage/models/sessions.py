"""Login sessions: who was logged in under which charge, from when until when."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast

from billing.models import Account, Administrator, Charge, UploadedModel
from billing.tenancy import SameAccountForeignKey
from usage.models.entities import Entity


class LoginSessionQuerySet(models.QuerySet["LoginSession"]):
    def visible_to(self, administrator: Administrator) -> Self:
        """Return the login sessions of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))

    def started_within(self, period: tuple[datetime, datetime]) -> Self:
        """Return the login sessions that start in a half-open period: the logins of its days."""
        return self.filter(started_at__gte=period[0], started_at__lt=period[1])


class LoginSession(UploadedModel):
    """The time that an entity was logged in, `[started_at, ended_at)`; a null `ended_at` means still logged in."""

    # The composite foreign key to the entity covers the account; another one would cost a needless look-up per row.
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="login_sessions"
    )
    session_id = models.CharField("session ID", max_length=255, db_collation="C")
    entity = models.ForeignKey(
        Entity, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="login_sessions"
    )
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, db_index=False, related_name="login_sessions")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    billable = models.BooleanField(default=True)

    objects = LoginSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            SameAccountForeignKey(field="entity", name="login_session_is_of_an_entity_of_its_account"),
            # The ID leads: the same index answers a search across accounts.
            models.UniqueConstraint(fields=["session_id", "account"], name="session_id_is_unique_in_account"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="login_session_ends_after_start",
                violation_error_message="The session ends before it starts.",
            ),
            models.CheckConstraint(
                condition=Q(started_at__gt=Cast(Value("-infinity"), models.DateTimeField()))
                & Q(started_at__lt=Cast(Value("infinity"), models.DateTimeField()))
                & (Q(ended_at__isnull=True) | Q(ended_at__lt=Cast(Value("infinity"), models.DateTimeField()))),
                name="login_session_has_finite_instants",
            ),
        ]
        indexes = [
            # billable-usage reads the logins of a period by their start.
            models.Index(fields=["account", "started_at"], name="login_session_by_start"),
            # concurrent-usage and user-hours read the sessions still open when a period began.
            models.Index(fields=["account", "ended_at"], name="login_session_by_end"),
            # The admin's list of sessions is searched by entity.
            models.Index(fields=["entity", "started_at"], name="login_session_of_entity"),
        ]

    def __str__(self) -> str:
        return self.session_id
