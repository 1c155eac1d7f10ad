"""Calls: the call detail records, rated or not."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.functions import Cast

from billing.models import Account, Administrator, Direction, RateSheetVersion, UploadedModel


class CallQuerySet(models.QuerySet["Call"]):
    def visible_to(self, administrator: Administrator) -> Self:
        """Return the calls of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))

    def started_within(self, period: tuple[datetime, datetime]) -> Self:
        """Return the calls that start in a half-open period."""
        return self.filter(started_at__gte=period[0], started_at__lt=period[1])

    def unrated(self) -> Self:
        """Return the calls without a rate. They are never dropped and never free."""
        return self.filter(rate_per_minute__isnull=True)


def _is_finite(field: str) -> Func:
    return Func(F(field), function="isfinite", output_field=models.BooleanField())


class Call(UploadedModel):
    """A call detail record (CDR). It has all of rate, adjusted seconds, cost and currency, or none of them."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False, related_name="calls")
    sip_call_id = models.CharField("SIP call ID", max_length=255, db_collation="C")
    origin = models.CharField(max_length=255)
    destination = models.CharField(max_length=255)
    usage_group = models.CharField(max_length=255, db_collation="C")
    call_type = models.CharField(max_length=255, db_collation="C")
    direction = models.CharField(max_length=8, choices=Direction.choices)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    # Computed as in `billing.rating.duration_seconds`; stored, because reports read it over and over. It is null if an
    # instant is infinite: otherwise such a row would fail without the name of the constraint that it violates.
    duration_seconds = models.GeneratedField(
        expression=Case(
            When(
                Q(_is_finite("started_at"), _is_finite("ended_at")),
                then=Func(
                    F("ended_at") - F("started_at"), template="ceil(extract(epoch FROM %(expressions)s))::bigint"
                ),
            )
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    # The version in force at the start, which also names the usage group. An unrated call may have one, too.
    rate_sheet_version = models.ForeignKey(
        RateSheetVersion, null=True, blank=True, on_delete=models.PROTECT, db_index=False, related_name="calls"
    )
    rate_per_minute = models.DecimalField(max_digits=16, decimal_places=6, null=True, blank=True)
    adjusted_seconds = models.BigIntegerField(null=True, blank=True)
    cost = models.DecimalField(max_digits=24, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, null=True, blank=True)  # noqa: DJ001 - null with the rest of the rating

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # The ID leads: the same index answers a search across accounts.
            models.UniqueConstraint(fields=["sip_call_id", "account"], name="sip_call_id_is_unique_in_account"),
            models.CheckConstraint(
                condition=Q(direction__in=["Inbound", "Outbound"]), name="call_direction_is_inbound_or_outbound"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__gte=F("started_at")),
                name="call_ends_after_start",
                violation_error_message="The call ends before it starts.",
            ),
            models.CheckConstraint(
                condition=Q(started_at__gt=Cast(Value("-infinity"), models.DateTimeField()))
                & Q(ended_at__lt=Cast(Value("infinity"), models.DateTimeField())),
                name="call_has_finite_instants",
            ),
            models.CheckConstraint(
                condition=Q(
                    rate_per_minute__isnull=True,
                    adjusted_seconds__isnull=True,
                    cost__isnull=True,
                    currency__isnull=True,
                )
                | Q(
                    rate_sheet_version__isnull=False,
                    rate_per_minute__gte=0,
                    adjusted_seconds__gte=0,
                    cost__gte=0,
                    currency__isnull=False,
                ),
                name="call_is_rated_in_full_or_not_at_all",
            ),
            models.CheckConstraint(
                condition=~Q(rate_per_minute=Cast(Value("NaN"), models.DecimalField(max_digits=24, decimal_places=6)))
                & ~Q(cost=Cast(Value("NaN"), models.DecimalField(max_digits=24, decimal_places=6))),
                name="call_has_finite_amounts",
            ),
        ]
        indexes = [
            # voice-usage reads the calls of a period in the order of the report.
            models.Index(fields=["account", "started_at", "sip_call_id"], name="call_in_report_order"),
            # Unrated calls are counted on the screen and rated when their rates arrive.
            models.Index(
                fields=["account", "started_at"], condition=Q(rate_per_minute__isnull=True), name="call_unrated"
            ),
        ]

    def __str__(self) -> str:
        return self.sip_call_id
