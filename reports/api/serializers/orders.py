"""What a program sends to ask for a report."""

from datetime import date
from typing import Any

from rest_framework.serializers import ValidationError

from billing.cycles import NOTHING_YET, DateRange, RangeError
from billing.models import Subscription
from reports import formats, types
from reports.api.exceptions import FieldError, invalid
from reports.api.fields import DayField, OneOfField, InputSerializer, JSONStringField, JSONBooleanField
from reports.api.permissions import Caller

DAYS = ("date_from", "date_through")


def _report_types() -> list[str]:
    return [report_type.slug for report_type in types.all_types()]


def _formats() -> list[str]:
    return [file_format.slug for file_format in formats.all_formats()]


class ReportJobOrderSerializer(InputSerializer):
    """A report to be made. The context has the `caller` and `today`.

    The validated data are the subscription, the report type, the format and what it is to hold, whether the report is
    to be made again, and `days`, which lie in the subscription's window.
    """

    report_type = OneOfField(
        allowed=_report_types,
        error_messages={"unknown": "There is no such report type."},
        help_text="The slug of a report type.",
    )
    subscription = JSONStringField(max_length=255, trim_whitespace=False, help_text="The number of a subscription.")
    date_from = DayField(
        required=False,
        help_text="The first day (UTC). Without both days: the subscription's default range.",
    )
    date_through = DayField(required=False, help_text="The last day (UTC), included.")
    format = OneOfField(
        allowed=_formats,
        default="csv",
        error_messages={"unknown": "There is no such format."},
        help_text="The slug of a format of the report type.",
    )
    totals_sheet = JSONBooleanField(
        default=False,
        help_text="Whether the file has the control totals too, as a sheet of its own; for a format with sheets alone.",
    )
    again = JSONBooleanField(
        default=False,
        help_text="Whether the report is made again also where a file is there and nothing has changed since.",
    )

    def validate_subscription(self, number: str) -> Subscription:
        """One that the caller sees: of any other it is not said whether there is one."""
        caller: Caller = self.context["caller"]
        subscription = caller.subscriptions.select_related("account").filter(number=number).first()
        if subscription is None:
            raise ValidationError("There is no such subscription.")
        return subscription

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Put `days` in the place of the two."""
        given = {name: attrs.pop(name) for name in DAYS if name in attrs}
        if attrs["totals_sheet"] and not formats.by_slug(attrs["format"]).holds_totals:
            holding = [it.slug for it in formats.all_formats() if it.holds_totals]
            raise invalid(
                [FieldError("totals_sheet", f"There is a place for the totals in {', '.join(holding)} alone.")]
            )
        return {**attrs, "days": self._days(attrs["subscription"], given)}

    def _days(self, subscription: Subscription, given: dict[str, date]) -> DateRange:
        today: date = self.context["today"]
        window = subscription.contract.available(today)
        default = subscription.contract.default_range(today) if window else None
        if window is None or default is None:
            raise invalid([FieldError("subscription", NOTHING_YET)])
        if not given:
            return default
        if missing := [name for name in DAYS if name not in given]:
            raise invalid([FieldError(missing[0], f"Give it along with {next(iter(given))}, or neither of them.")])
        try:
            return DateRange(given["date_from"], given["date_through"]).within(window)
        except RangeError as error:
            raise invalid(_at_fault(str(error), given, window)) from error


def _at_fault(sentence: str, given: dict[str, date], window: DateRange) -> list[FieldError]:
    """Each day that is not in the window; both where they stand in the wrong order."""
    outside = [name for name in DAYS if given[name] not in window]
    shown = {"date_from": window.date_from.isoformat(), "date_through": window.date_through.isoformat()}
    return [FieldError(name, sentence, window=shown) for name in outside or DAYS]
