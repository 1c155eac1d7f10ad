"""The form that asks for a report."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms

from billing.cycles import DateRange, RangeError
from reports import formats, types
from reports.engine.file_format import FileFormat
from reports.screens.reports.presets import Preset

CUSTOM = "custom"
PRESET_VALUE = re.compile(r"(?P<slug>[a-z0-9-]+):(?P<date_from>\d{4}-\d\d-\d\d)/(?P<date_through>\d{4}-\d\d-\d\d)")


def _report_types() -> list[tuple[str, str]]:
    return [(report_type.slug, report_type.title) for report_type in types.all_types()]


def _formats() -> list[tuple[str, str]]:
    return [(file_format.slug, file_format.title) for file_format in formats.all_formats()]


class ReportForm(forms.Form):
    """A range, a report type, a format and what the file is to hold.

    Valid, its `cleaned_data["days"]` are inside the window. `range` is `custom`, with both dates, or a preset with the
    dates that it showed. Everything about the range is an error of the field `range`, which names the window.
    """

    range = forms.CharField(error_messages={"required": "Choose a date range."})
    date_from = forms.DateField(required=False, error_messages={"invalid": "Enter the first day as YYYY-MM-DD."})
    date_through = forms.DateField(required=False, error_messages={"invalid": "Enter the last day as YYYY-MM-DD."})
    report_type = forms.ChoiceField(
        choices=_report_types,
        error_messages={"required": "Choose a report.", "invalid_choice": "There is no such report."},
    )
    format = forms.ChoiceField(
        choices=_formats, required=False, error_messages={"invalid_choice": "There is no such format."}
    )
    totals_sheet = forms.BooleanField(required=False)

    def __init__(self, *args: Any, presets: Sequence[Preset], window: DateRange, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.presets = presets
        self.window = window

    @property
    def formats(self) -> Sequence[FileFormat]:
        """Those to choose from."""
        return formats.all_formats()

    @property
    def chosen_range(self) -> str:
        """`custom`, or the slug of the chosen preset."""
        return str(self["range"].value() or "").partition(":")[0]

    def clean_format(self) -> str:
        """The slug of the format."""
        return self.cleaned_data["format"] or formats.DEFAULT

    def clean(self) -> dict[str, Any]:
        """Add `days`; dates that are no dates, or not in the window, are errors of `range`."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "range" not in cleaned:
            return cleaned
        try:
            cleaned["days"] = self._days(cleaned).within(self.window)
        except RangeError as error:
            self.add_error("range", str(error))
        return cleaned

    def _days(self, cleaned: dict[str, Any]) -> DateRange:
        if cleaned["range"] == CUSTOM:
            return self._custom_days(cleaned)
        match = PRESET_VALUE.fullmatch(cleaned["range"])
        if match is None or match["slug"] not in {preset.slug for preset in self.presets}:
            raise RangeError("Choose a date range.")
        try:
            return DateRange(date.fromisoformat(match["date_from"]), date.fromisoformat(match["date_through"]))
        except RangeError:
            raise
        except ValueError:
            raise RangeError("Choose a date range.") from None

    def _custom_days(self, cleaned: dict[str, Any]) -> DateRange:
        for name in ("date_from", "date_through"):
            if self.has_error(name):
                message = " ".join(map(str, self.errors.pop(name)))
                raise RangeError(f"{message} {self.window_text}")
        if not (cleaned["date_from"] and cleaned["date_through"]):
            raise RangeError(f"Enter the first and the last day. {self.window_text}")
        return DateRange(cleaned["date_from"], cleaned["date_through"])

    @property
    def window_text(self) -> str:
        """Which days one may ask for, as a sentence."""
        return f"Data is available from {self.window.date_from} through {self.window.date_through}."
