"""The form that creates an API token."""

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
    """The name, expiry, account and access of a new token.

    Once valid, `cleaned_data` has `name`, `expires_at` (the end of a day, at most a year ahead), `account` (one of
    `accounts`, or None for all), `is_read_only`, and `form_key`, which identifies a form that is submitted twice.
    """

    form_key = forms.UUIDField(
        initial=uuid.uuid4,
        error_messages={"required": "Reload this page and try again.", "invalid": "Reload this page and try again."},
    )
    name = forms.CharField(
        max_length=100,
        error_messages={
            "required": "Give the token a name that says what it is for.",
            "max_length": "The name can have at most 100 characters.",
        },
    )
    expiry = forms.ChoiceField(
        initial="90",
        choices=[*((str(days), f"{days} days") for days in DAYS), (OTHER_DAY, "Custom date")],
        error_messages={
            "required": "Choose when the token expires.",
            "invalid_choice": "This is not one of the choices.",
        },
    )
    last_day = forms.DateField(required=False, error_messages={"invalid": "Enter the date as YYYY-MM-DD."})
    account = forms.CharField(required=False, max_length=255)
    access = forms.ChoiceField(
        initial=READ_AND_REQUEST,
        choices=[(READ_AND_REQUEST, "Read and request"), (READING, "Read only")],
        error_messages={
            "required": "Choose what the token can do.",
            "invalid_choice": "This is not one of the choices.",
        },
    )

    def __init__(self, *args: Any, accounts: AccountQuerySet, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = accounts
        self.today = today
        self.latest = today + LONGEST

    @property
    def periods(self) -> list[tuple[str, date]]:
        """Return the periods to choose from: the number of days, and the last day."""
        return [(str(days), self.today + timedelta(days=days)) for days in DAYS]

    @property
    def listed_accounts(self) -> list[Account] | None:
        """Return the accounts to choose from; None if there are too many for a list."""
        return listed(self.accounts)

    def clean_account(self) -> Account | None:
        """Return the visible account with this code; None for all accounts."""
        code = self.cleaned_data["account"]
        return chosen(self.accounts, code) if code else None

    def clean(self) -> dict[str, Any]:
        """Add `expires_at` and `is_read_only`; an invalid or too distant last day is an error of `expiry`."""
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
            self.add_error("expiry", "Enter the last day on which the token works.")
            return
        else:
            last_day = cleaned["last_day"]
        if self.today <= last_day <= self.latest:
            cleaned["expires_at"] = end_of(last_day)
        else:
            window = f"{day_text(self.today)} through {day_text(self.latest)}"
            self.add_error("expiry", f"A token can last one year at most. Choose a day from {window}.")
