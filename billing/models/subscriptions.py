"""Subscriptions, the contracts under which usage is reported, and their discounts."""

from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Deferrable, F, Q

from billing.composite_keys import CompositeForeignKey
from billing.cycles import Contract, CyclePolicy
from billing.models.accounts import Account
from billing.models.amounts import currency_is_a_code
from billing.models.day_ranges import days_do_not_overlap
from billing.models.identifiers import IdentifierField
from billing.models.rate_sheets import RateSheet
from billing.models.uploaded import UploadedModel
from billing.tenancy import SameAccountForeignKey

if TYPE_CHECKING:
    from billing.models.administrators import Administrator


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def visible_to(self, administrator: "Administrator") -> Self:
        """Return the subscriptions of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))


class Subscription(UploadedModel):
    """An account's contract. An account may have several, one after the other, never two at a time."""

    number = IdentifierField(max_length=255, unique=True, db_collation="C")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscriptions")
    activation_date = models.DateField()
    ended_on = models.DateField(
        null=True, blank=True, help_text="The last day of the contract. Leave empty if it is open-ended."
    )
    currency = models.CharField(max_length=3)
    cycle_policy = models.CharField(
        max_length=20,
        choices=[
            (CyclePolicy.THROUGH_ANNIVERSARY.value, "A cycle runs through the monthly anniversary"),
            (CyclePolicy.BEFORE_ANNIVERSARY.value, "The next cycle starts on the monthly anniversary"),
        ],
        default=CyclePolicy.THROUGH_ANNIVERSARY.value,
    )
    rate_sheet = models.ForeignKey(
        RateSheet, null=True, blank=True, on_delete=models.PROTECT, related_name="subscriptions"
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        permissions = [("all_permissions", "Billing > All Permissions")]
        constraints = [
            models.UniqueConstraint(fields=["account", "id"], name="subscription_id_stands_with_its_account"),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=F("activation_date")),
                name="subscription_ends_after_activation",
                violation_error_message="The subscription ends before its activation.",
            ),
            models.CheckConstraint(
                condition=Q(cycle_policy__in=["through_anniversary", "before_anniversary"]),
                name="subscription_has_known_cycle_policy",
                violation_error_message="The cycle policy must be through_anniversary or before_anniversary.",
            ),
            currency_is_a_code(name="subscription_currency_is_a_code"),
            CompositeForeignKey(
                field="rate_sheet",
                shared="currency",
                name="subscription_has_a_sheet_in_its_currency",
                violation_error_message="The subscription and its rate sheet are in different currencies. "
                "Name a sheet in the subscription's currency, or correct the currency.",
            ),
            days_do_not_overlap(
                name="subscriptions_of_an_account_do_not_overlap",
                of="account",
                first="activation_date",
                last="ended_on",
                # Checked at the end of each statement: an upload moves the border between two subscriptions in one.
                deferrable=Deferrable.IMMEDIATE,
                violation_error_message="The account has another subscription on some of these days.",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def clean(self) -> None:
        """Refuse days in the wrong order, and a rate sheet in another currency."""
        if self.ended_on and self.activation_date and self.ended_on < self.activation_date:
            raise ValidationError({"ended_on": "The subscription ends before its activation."})
        if self.rate_sheet_id and self.rate_sheet and self.currency:
            other = self.rate_sheet.currency
            if other != self.currency:
                raise ValidationError(
                    {
                        "rate_sheet": f"The sheet is in {other}, the subscription in {self.currency}. "
                        f"Choose a sheet in {self.currency}, or correct the currency of one of the two."
                    }
                )

    @property
    def contract(self) -> Contract:
        """The subscription as the arithmetic of cycles sees it."""
        return Contract(self.activation_date, CyclePolicy(self.cycle_policy), self.ended_on)


class TelcoCommitDiscount(models.Model):
    """A percentage off a subscription's rates for calls that start on certain days, or without days for all calls."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, db_constraint=False, related_name="telco_commit_discounts"
    )
    percent = models.DecimalField(max_digits=7, decimal_places=4)
    effective_from = models.DateField(null=True, blank=True)
    effective_through = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = "Telco Commit discount"
        ordering = ["effective_from"]
        constraints = [
            SameAccountForeignKey(field="subscription", name="discount_is_for_a_subscription_of_its_account"),
            models.CheckConstraint(
                condition=Q(percent__gte=Decimal(0)) & Q(percent__lte=Decimal(100)),
                name="discount_is_a_percentage",
                violation_error_message="The discount must be a percentage from 0 to 100.",
            ),
            models.CheckConstraint(
                condition=Q(effective_from__isnull=True)
                | Q(effective_through__isnull=True)
                | Q(effective_through__gte=F("effective_from")),
                name="discount_ends_after_start",
                violation_error_message="The discount ends before it starts.",
            ),
            days_do_not_overlap(
                name="discounts_of_a_subscription_do_not_overlap",
                of="subscription",
                violation_error_message="The subscription has another discount on some of these days.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent.normalize():f} % off {self.subscription}"

    def clean(self) -> None:
        """Refuse days in the wrong order first: PostgreSQL cannot build a range that ends before it starts."""
        if self.effective_from and self.effective_through and self.effective_through < self.effective_from:
            raise ValidationError({"effective_through": "The discount ends before it starts."})
