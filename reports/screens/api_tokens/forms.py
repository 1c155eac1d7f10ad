"""The form that makes an API token."""

import uuid
from datetime import date, timedelta
from typing import Any

from django import forms

from billing.models import Account, AccountQuerySet
from billing.models.api_tokens import LONGEST, end_of
from reports.screens.account_choice import chosen, listed
from ui.formatting import day_text

DAYS = (30, 90, 365)
OTHER_DAY = "day"
READ_AND_REQUEST = "read-and-request"
READING = "read"


class TokenForm(forms.Form):
    """What a token is for, how long it is good, and what it may be used for.

    Valid, `cleaned_data` has `name`, `expires_at` (the end of a day, at most a year ahead), `account` (one of those
    given, or None for all), `is_read_only`, and `form_key`, by which the same form sent twice is known.
    """

    form_key = forms.UUIDField(
        initial=uuid.uuid4,
        error_messages={"required": "Open this page anew.", "invalid": "Open this page anew."},
    )
    name = forms.CharField(
        max_length=100,
        error_messages={
            "required": "Give the token a name: what is it for?",
            "max_length": "A name has at most 100 characters.",
        },
    )
    expiry = forms.ChoiceField(
        initial="90",
        choices=[*((str(days), f"{days} days") for days in DAYS), (OTHER_DAY, "Another day")],
        error_messages={"required": "Choose how long the token is good.", "invalid_choice": "There is no such choice."},
    )
    last_day = forms.DateField(required=False, error_messages={"invalid": "Enter the last day as YYYY-MM-DD."})
    account = forms.CharField(required=False, max_length=255)
    access = forms.ChoiceField(
        initial=READ_AND_REQUEST,
        choices=[(READ_AND_REQUEST, "Read, and request reports"), (READING, "Read only")],
        error_messages={"required": "Choose what the token may do.", "invalid_choice": "There is no such choice."},
    )

    def __init__(self, *args: Any, accounts: AccountQuerySet, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = accounts
        self.today = today
        self.latest = today + LONGEST

    @property
    def periods(self) -> list[tuple[str, date]]:
        """The periods to choose from: how many days, and the last of them."""
        return [(str(days), self.today + timedelta(days=days)) for days in DAYS]

    @property
    def listed_accounts(self) -> list[Account] | None:
        """The accounts to choose from; None when there are too many for a list."""
        return listed(self.accounts)

    def clean_account(self) -> Account | None:
        """The account with that code, if one may see it."""
        code = self.cleaned_data["account"]
        return chosen(self.accounts, code) if code else None

    def clean(self) -> dict[str, Any]:
        """Add `expires_at` and `is_read_only`; a last day that is none, or too far away, is an error of `expiry`."""
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["is_read_only"] = cleaned.get("access") == READING
        wrong_day = self.errors.pop("last_day", None)
        if wrong_day and cleaned.get("expiry") == OTHER_DAY:
            self.add_error("expiry", " ".join(map(str, wrong_day)))
        elif "expiry" in cleaned:
            self._add_expiry(cleaned)
        return cleaned

    def _add_expiry(self, cleaned: dict[str, Any]) -> None:
        if cleaned["expiry"] != OTHER_DAY:
            last_day = self.today + timedelta(days=int(cleaned["expiry"]))
        elif cleaned["last_day"] is None:
            self.add_error("expiry", "Enter the last day on which the token is good.")
            return
        else:
            last_day = cleaned["last_day"]
        if self.today <= last_day <= self.latest:
            cleaned["expires_at"] = end_of(last_day)
        else:
            window = f"{day_text(self.today)} through {day_text(self.latest)}"
            self.add_error("expiry", f"A token is good for a year at most: its last day is one from {window}.")
