"""Subscriptions: their billing cycles, and the days for which there is data."""

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
    """A subscription as it stands on a day."""

    subscription: Subscription
    today: date

    @property
    def pk(self) -> int:
        """The subscription's own."""
        return self.subscription.pk

    @property
    def number(self) -> str:
        """The subscription's own."""
        return self.subscription.number

    @property
    def cycle(self) -> Cycle | None:
        """The current cycle, or the last one; None before the activation."""
        contract = self.subscription.contract
        return None if self.today < contract.activated_on else contract.current_cycle(self.today)

    @property
    def previous_cycles(self) -> list[Cycle]:
        """Those before it, the latest first."""
        before = self.cycle.index if self.cycle else 0
        earliest = max(before - PREVIOUS_CYCLES, 0)
        return [self.subscription.contract.cycle(index) for index in reversed(range(earliest, before))]

    @property
    def window(self) -> DateRange | None:
        """The days with data."""
        return self.subscription.contract.available(self.today)

    @property
    def default_range(self) -> DateRange | None:
        """What a report covers unless told otherwise."""
        return self.subscription.contract.default_range(self.today) if self.window else None


class AccountSerializer(serializers.Serializer[Any]):
    """A customer's account."""

    code = serializers.CharField(help_text="What uploads and filters name it by.")
    name = serializers.CharField(help_text="What people call it.")


class CycleSerializer(serializers.Serializer[Any]):
    """A billing cycle; both days belong to it."""

    index = serializers.IntegerField(help_text="Its number, counted from 0.")
    first_day = serializers.DateField(help_text="Its first day (UTC).")
    last_day = serializers.DateField(help_text="Its last day (UTC).")


class RangeSerializer(serializers.Serializer[Any]):
    """Some days, both included."""

    date_from = serializers.DateField(help_text="The first day (UTC).")
    date_through = serializers.DateField(help_text="The last day (UTC).")


class SubscriptionSerializer(serializers.Serializer[Any]):
    """A subscription as it stands today.

    That is the day `today` of the context.
    """

    url = LinkField("subscription", help_text="This subscription.")
    id = serializers.IntegerField(source="pk", help_text="What its address names it by.")
    number = serializers.CharField(help_text="What report jobs name it by.")
    account = AccountSerializer(source="subscription.account", help_text="Whose it is.")
    currency = serializers.CharField(source="subscription.currency", help_text="ISO 4217 code of its amounts.")
    activation_date = serializers.DateField(
        source="subscription.activation_date", help_text="Its first day; the billing cycles follow it."
    )
    ended_on = serializers.DateField(
        source="subscription.ended_on", allow_null=True, help_text="Its last day; null: it goes on."
    )
    cycle_policy = serializers.CharField(
        source="subscription.cycle_policy",
        help_text="`through_anniversary`: a cycle's last day is the monthly anniversary of the activation; "
        "`before_anniversary`: it is the day before.",
    )
    cycle = CycleSerializer(
        allow_null=True, help_text="The current cycle, or the last one, cut at its end; null before the activation."
    )
    previous_cycles = CycleSerializer(
        many=True, help_text=f"The cycles before that, the latest first, at most {PREVIOUS_CYCLES}."
    )
    data_available_from = serializers.DateField(
        source="window.date_from",
        default=None,
        allow_null=True,
        help_text="The first day with data; null as long as there is none.",
    )
    data_available_through = serializers.DateField(
        source="window.date_through",
        default=None,
        allow_null=True,
        help_text="The last day with data; null as long as there is none.",
    )
    default_range = RangeSerializer(
        allow_null=True, help_text="What a report covers when no days are asked for; null as long as there is no data."
    )
    report_jobs = LinkField("report-jobs", query={"subscription": "number"}, help_text="The report jobs on it.")

    def to_representation(self, instance: Subscription) -> dict[str, Any]:
        """The answer."""
        return super().to_representation(SubscriptionOn(instance, self.context["today"]))
