"""The body of a request for a report."""

from datetime import date
from typing import Any

from rest_framework.serializers import ValidationError

from billing.cycles import NOTHING_YET, DateRange, RangeError
from billing.models import Subscription
from reports import formats, types
from reports.api.exceptions import FieldError, invalid
from reports.api.fields import DayField, InputSerializer, JSONBooleanField, JSONStringField, OneOfField
from reports.api.permissions import Caller

DAYS = ("date_from", "date_through")
NO_SUCH_SUBSCRIPTION = "There is no such subscription."


def _report_types() -> list[str]:
    return [report_type.slug for report_type in types.all_types()]


def _formats() -> list[str]:
    return [file_format.slug for file_format in formats.all_formats()]


class ReportJobOrderSerializer(InputSerializer):
    """The report to produce.

    The context has the `caller` and `today`. The validated data has `days`, a range inside the subscription's available
    window, in place of `date_from` and `date_through`.
    """

    report_type = OneOfField(
        allowed=_report_types,
        error_messages={"unknown": "There is no such report type."},
        help_text="The slug of the report type.",
    )
    subscription = JSONStringField(max_length=255, trim_whitespace=False, help_text="The number of the subscription.")
    date_from = DayField(
        required=False,
        help_text="The first day (UTC). Omit both days to use the subscription's `default_range`.",
    )
    date_through = DayField(required=False, help_text="The last day (UTC), inclusive.")
    format = OneOfField(
        allowed=_formats,
        default="csv",
        error_messages={"unknown": "There is no such format."},
        help_text="The slug of the file format.",
    )
    totals_sheet = JSONBooleanField(
        default=False,
        help_text="Whether to add a sheet with the control totals; only for formats that have sheets.",
    )
    again = JSONBooleanField(
        default=False,
        help_text="Whether to produce the report again even if the data has not changed since an earlier one.",
    )

    def validate_subscription(self, number: str) -> Subscription:
        """Return the subscription; the error does not reveal whether one exists that the caller cannot see."""
        caller: Caller = self.context["caller"]
        subscription = caller.subscriptions.select_related("account").filter(number=number).first()
        if subscription is None:
            raise ValidationError(NO_SUCH_SUBSCRIPTION)
        return subscription

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Replace `date_from` and `date_through` by `days`."""
        given = {name: attrs.pop(name) for name in DAYS if name in attrs}
        if attrs["totals_sheet"] and not formats.by_slug(attrs["format"]).holds_totals:
            holding = [it.slug for it in formats.all_formats() if it.holds_totals]
            raise invalid([FieldError("totals_sheet", f"Only these formats can hold totals: {', '.join(holding)}.")])
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
            raise invalid([FieldError(missing[0], f"Give both {next(iter(given))} and {missing[0]}, or neither.")])
        try:
            return DateRange(given["date_from"], given["date_through"]).within(window)
        except RangeError as error:
            raise invalid(_at_fault(str(error), given, window)) from error


def _at_fault(sentence: str, given: dict[str, date], window: DateRange) -> list[FieldError]:
    """Return an error for each day outside the window, or for both if they are in the wrong order."""
    outside = [name for name in DAYS if given[name] not in window]
    shown = {"date_from": window.date_from.isoformat(), "date_through": window.date_through.isoformat()}
    return [FieldError(name, sentence, window=shown) for name in outside or DAYS]
