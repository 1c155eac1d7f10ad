"""The form that orders a report."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms

from billing.cycles import DateRange, RangeError
from reports import formats, types
from reports.engine.file_format import FileFormat
from reports.screens.reports.presets import Preset
from ui.formatting import day_text

CUSTOM = "custom"
PRESET_VALUE = re.compile(r"(?P<slug>[a-z0-9-]+):(?P<date_from>\d{4}-\d\d-\d\d)/(?P<date_through>\d{4}-\d\d-\d\d)")


def _report_types() -> list[tuple[str, str]]:
    return [(report_type.slug, report_type.title) for report_type in types.all_types()]


def _formats() -> list[tuple[str, str]]:
    return [(file_format.slug, file_format.title) for file_format in formats.all_formats()]


class ReportForm(forms.Form):
    """A range, a report type, a format and the content of the file.

    Once valid, `cleaned_data["days"]` lies inside the window. `range` is `custom`, with both dates, or a preset with
    the dates it showed. Every error of the range is an error of the field `range` and names the window.
    """

    range = forms.CharField(error_messages={"required": "Choose a date range."})
    date_from = forms.DateField(required=False, error_messages={"invalid": "Enter the start date as YYYY-MM-DD."})
    date_through = forms.DateField(required=False, error_messages={"invalid": "Enter the end date as YYYY-MM-DD."})
    report_type = forms.ChoiceField(
        choices=_report_types,
        error_messages={"required": "Choose a report.", "invalid_choice": "This report does not exist."},
    )
    format = forms.ChoiceField(
        choices=_formats, required=False, error_messages={"invalid_choice": "This format does not exist."}
    )
    totals_sheet = forms.BooleanField(required=False)

    def __init__(self, *args: Any, presets: Sequence[Preset], window: DateRange, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.presets = presets
        self.window = window

    @property
    def formats(self) -> Sequence[FileFormat]:
        return formats.all_formats()

    @property
    def chosen_range(self) -> str:
        """Return `custom`, or the slug of the chosen preset."""
        return str(self["range"].value() or "").partition(":")[0]

    def clean_format(self) -> str:
        return self.cleaned_data["format"] or formats.DEFAULT

    def clean(self) -> dict[str, Any]:
        """Add `days`; invalid dates and dates outside the window are errors of `range`."""
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
            raise RangeError(f"Enter the start date and the end date. {self.window_text}")
        return DateRange(cleaned["date_from"], cleaned["date_through"])

    @property
    def window_text(self) -> str:
        """Return the available days as a sentence."""
        return f"Data is available from {day_text(self.window.date_from)} through {day_text(self.window.date_through)}."
