"""Subscriptions: their billing cycles, and the days for which data is available."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from rest_framework import serializers

from billing.cycles import Cycle, DateRange
from billing.models import Subscription
from reports.api.links import LinkField

PREVIOUS_CYCLES = 36


@dataclass(frozen=True, slots=True)
class SubscriptionOn:
    """A subscription as seen on a given day."""

    subscription: Subscription
    today: date

    @property
    def pk(self) -> int:
        return self.subscription.pk

    @property
    def number(self) -> str:
        return self.subscription.number

    @property
    def cycle(self) -> Cycle | None:
        """Return the current cycle, or the last one after the subscription ended; None before the activation."""
        contract = self.subscription.contract
        return None if self.today < contract.activated_on else contract.current_cycle(self.today)

    @property
    def previous_cycles(self) -> list[Cycle]:
        """Return up to PREVIOUS_CYCLES cycles before the current one, latest first."""
        before = self.cycle.index if self.cycle else 0
        earliest = max(before - PREVIOUS_CYCLES, 0)
        return [self.subscription.contract.cycle(index) for index in reversed(range(earliest, before))]

    @property
    def window(self) -> DateRange | None:
        """Return the days for which data is available."""
        return self.subscription.contract.available(self.today)

    @property
    def default_range(self) -> DateRange | None:
        """Return the days that a report covers if its order gives none."""
        return self.subscription.contract.default_range(self.today) if self.window else None


class AccountSerializer(serializers.Serializer[Any]):
    """The account of a customer organization."""

    code = serializers.CharField(help_text="The identifier used in uploads and filters.")
    name = serializers.CharField(help_text="The name shown to people.")


class CycleSerializer(serializers.Serializer[Any]):
    """A billing cycle, from its first through its last day."""

    index = serializers.IntegerField(help_text="The number of the cycle, starting at 0.")
    first_day = serializers.DateField(help_text="The first day of the cycle (UTC).")
    last_day = serializers.DateField(help_text="The last day of the cycle (UTC), inclusive.")


class RangeSerializer(serializers.Serializer[Any]):
    """An inclusive range of days."""

    date_from = serializers.DateField(help_text="The first day (UTC).")
    date_through = serializers.DateField(help_text="The last day (UTC), inclusive.")


class SubscriptionSerializer(serializers.Serializer[Any]):
    """A subscription and its billing cycles, as of today.

    The context has the day as `today`.
    """

    url = LinkField("subscription", help_text="The URL of this subscription.")
    id = serializers.IntegerField(source="pk", help_text="The identifier used in URLs.")
    number = serializers.CharField(help_text="The subscription number, used in report jobs.")
    account = AccountSerializer(
        source="subscription.account", help_text="The account that the subscription belongs to."
    )
    currency = serializers.CharField(
        source="subscription.currency", help_text="The ISO 4217 code of the subscription's currency."
    )
    activation_date = serializers.DateField(
        source="subscription.activation_date",
        help_text="The first day of the subscription, from which its billing cycles are computed.",
    )
    ended_on = serializers.DateField(
        source="subscription.ended_on",
        allow_null=True,
        help_text="The last day of the subscription; null if it has not been ended.",
    )
    cycle_policy = serializers.CharField(
        source="subscription.cycle_policy",
        help_text="`through_anniversary`: a cycle ends on the monthly anniversary of the activation date. "
        "`before_anniversary`: a cycle ends on the day before it.",
    )
    cycle = CycleSerializer(
        allow_null=True,
        help_text="The current cycle; after the subscription has ended, its last cycle, which ends on `ended_on`. Null "
        "before the activation date.",
    )
    previous_cycles = CycleSerializer(
        many=True, help_text=f"The cycles before it, latest first, at most {PREVIOUS_CYCLES}."
    )
    data_available_from = serializers.DateField(
        source="window.date_from",
        default=None,
        allow_null=True,
        help_text="The first day for which data is available; null if there is none yet.",
    )
    data_available_through = serializers.DateField(
        source="window.date_through",
        default=None,
        allow_null=True,
        help_text="The last day for which data is available; null if there is none yet.",
    )
    default_range = RangeSerializer(
        allow_null=True, help_text="The days that a report covers if you give none; null if no data is available yet."
    )
    report_jobs = LinkField(
        "report-jobs", query={"subscription": "number"}, help_text="The report jobs for this subscription."
    )

    def to_representation(self, instance: Subscription) -> dict[str, Any]:
        return super().to_representation(SubscriptionOn(instance, self.context["today"]))
