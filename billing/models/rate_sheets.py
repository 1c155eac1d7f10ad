"""Rate sheets: the price of a minute by usage group, call type and direction, for a range of days."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from billing.models.amounts import currency_is_a_code, finite
from billing.models.day_ranges import InclusiveDays as InclusiveDays  # the first migration names it by this module
from billing.models.day_ranges import days_do_not_overlap
from billing.models.identifiers import IdentifierField
from billing.models.uploaded import UploadedModel


class Direction(models.TextChoices):
    """The direction of a call, from the customer's side."""

    INBOUND = "Inbound", "Inbound"
    OUTBOUND = "Outbound", "Outbound"


class RateSheet(models.Model):
    """A named price list in one currency, whose prices are in its versions. It may have subscriptions before prices.

    A composite foreign key of the subscription holds the two to one currency.
    """

    name = IdentifierField(max_length=255, unique=True, db_collation="C")
    currency = models.CharField(
        max_length=3,
        help_text="It cannot change while a subscription has the sheet, or once a call was rated with it.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["id", "currency"], name="rate_sheet_id_stands_with_its_currency"),
            currency_is_a_code(name="rate_sheet_currency_is_a_code"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse another currency than that of a subscription with this sheet."""
        if self.pk and self.currency:
            other = self.subscriptions.exclude(currency=self.currency).first()
            if other:
                raise ValidationError(
                    {
                        "currency": f"Subscription {other} has this sheet, and is in {other.currency}. "
                        f"Write {other.currency}, or give the subscription another sheet first."
                    }
                )


class RateSheetVersion(models.Model):
    """A rate sheet as in force on some days, with the blocks of time that it bills."""

    rate_sheet = models.ForeignKey(RateSheet, on_delete=models.PROTECT, related_name="versions")
    effective_from = models.DateField()
    effective_through = models.DateField(
        null=True, blank=True, help_text="The last day of the version. Leave empty if it is open-ended."
    )
    # The last day was not stated by anyone: the version was open until its successor came, and another version may
    # still come between the two.
    is_ended_by_successor = models.BooleanField(default=False, editable=False)
    increment_seconds = models.PositiveIntegerField(
        default=6, help_text="Durations are rounded up to a multiple of this."
    )
    minimum_seconds = models.PositiveIntegerField(
        default=0, help_text="Every call is billed for at least this many seconds."
    )

    class Meta:
        ordering = ["rate_sheet__name", "-effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["rate_sheet", "effective_from"], name="rate_sheet_version_starts_once"),
            models.CheckConstraint(
                condition=Q(effective_through__isnull=True) | Q(effective_through__gte=F("effective_from")),
                name="rate_sheet_version_ends_after_start",
                violation_error_message="The version ends before it starts.",
            ),
            models.CheckConstraint(
                condition=Q(increment_seconds__gte=1),
                name="rate_sheet_increment_is_positive",
                violation_error_message="The increment must be at least one second.",
            ),
            days_do_not_overlap(
                name="rate_sheet_versions_do_not_overlap",
                of="rate_sheet",
                violation_error_message="Another version of this sheet is in force on some of these days.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate_sheet} from {self.effective_from}"

    def clean(self) -> None:
        """Refuse days in the wrong order, from which PostgreSQL cannot build a range."""
        if self.effective_through and self.effective_from and self.effective_through < self.effective_from:
            raise ValidationError({"effective_through": "The version ends before it starts."})


class UsageGroup(models.Model):
    """A group of destinations on one version of a sheet: its code, and the name under which it is shown."""

    version = models.ForeignKey(RateSheetVersion, on_delete=models.PROTECT, related_name="usage_groups")
    code = IdentifierField(max_length=255, db_collation="C")
    display_name = models.CharField(max_length=255)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["version", "code"], name="usage_group_stands_once_on_a_version"),
        ]

    def __str__(self) -> str:
        return self.display_name


class Rate(UploadedModel):
    """The price of a minute for one usage group, call type and direction, on one version of a sheet."""

    usage_group = models.ForeignKey(UsageGroup, on_delete=models.PROTECT, related_name="rates")
    call_type = IdentifierField(max_length=255, db_collation="C")
    direction = models.CharField(max_length=8, choices=Direction.choices)
    rate_per_minute = models.DecimalField(max_digits=16, decimal_places=6)

    class Meta:
        ordering = ["usage_group__code", "call_type", "direction"]
        constraints = [
            models.UniqueConstraint(
                fields=["usage_group", "call_type", "direction"],
                name="rate_stands_once_on_a_version",
                violation_error_message="The version already has a rate for this usage group, call type and direction.",
            ),
            models.CheckConstraint(
                condition=Q(direction__in=["Inbound", "Outbound"]), name="rate_direction_is_inbound_or_outbound"
            ),
            models.CheckConstraint(
                condition=finite("rate_per_minute"),
                name="rate_is_a_finite_amount",
                violation_error_message="The rate must be a number of 0 or more.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.usage_group.code}, {self.call_type}, {self.direction}: {self.rate_per_minute}"
