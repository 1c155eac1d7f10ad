"""The form that adds or changes a webhook."""

from collections.abc import Mapping
from typing import Any

from django import forms

from billing.models import Account, AccountQuerySet
from reports.models import WebhookEndpoint, WebhookEvent
from reports.models.webhooks import every_event
from reports.screens.account_choice import chosen, listed
from reports.webhooks.addresses import LONGEST_URL, AddressError, read_url

MOST_OF_AN_ACCOUNT = 20


class WebhookForm(forms.Form):
    """The account, URL, description and events of a webhook.

    Once valid, `cleaned_data` has `account` (one of `accounts`, or the endpoint's own), the normalized `url`,
    `description` and `events`.
    """

    account = forms.CharField(
        max_length=255,
        required=False,
        error_messages={"max_length": "An account code can have at most 255 characters."},
    )
    url = forms.CharField(
        error_messages={"required": "Enter the URL that receives the messages."}, max_length=LONGEST_URL
    )
    description = forms.CharField(
        required=False,
        max_length=255,
        error_messages={"max_length": "The description can have at most 255 characters."},
    )
    events = forms.MultipleChoiceField(
        choices=WebhookEvent.choices,
        error_messages={"required": "Choose at least one event.", "invalid_choice": "This event does not exist."},
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        accounts: AccountQuerySet,
        endpoint: WebhookEndpoint | None = None,
        account: str = "",
    ) -> None:
        initial: dict[str, Any] = {"events": every_event(), "account": account}
        if endpoint is not None:
            initial = {"url": endpoint.url, "description": endpoint.description, "events": endpoint.events}
        super().__init__(data, initial=initial)
        self.accounts = accounts
        self.endpoint = endpoint
        self.listed_accounts = listed(accounts) if endpoint is None else []
        """The accounts to choose from; None if there are too many for a list."""

    @property
    def chosen_events(self) -> list[tuple[str, str, bool]]:
        """Return each event's name, its meaning, and whether it is chosen."""
        chosen = self["events"].value() or []
        return [(value, str(label), value in chosen) for value, label in WebhookEvent.choices]

    def clean_url(self) -> str:
        """Return the normalized URL, if messages may be sent there."""
        try:
            return read_url(self.cleaned_data["url"]).url
        except AddressError as error:
            raise forms.ValidationError(str(error)) from None

    def clean_account(self) -> Account:
        """Return the endpoint's account or the chosen one, unless that has reached its limit of webhooks."""
        if self.endpoint is not None:
            return self.endpoint.account
        account = self._chosen_account(self.cleaned_data["account"])
        if WebhookEndpoint.objects.filter(account=account).count() >= MOST_OF_AN_ACCOUNT:
            raise forms.ValidationError(f"{account} has reached the limit of {MOST_OF_AN_ACCOUNT} webhooks.")
        return account

    def _chosen_account(self, code: str) -> Account:
        if self.listed_accounts is not None and len(self.listed_accounts) == 1:
            return self.listed_accounts[0]
        if not code:
            raise forms.ValidationError("Choose an account." if self.listed_accounts else "Enter an account code.")
        return chosen(self.accounts, code)

    def clean(self) -> dict[str, Any]:
        """Refuse a second endpoint with the same URL in one account."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "account" in cleaned and "url" in cleaned:
            others = WebhookEndpoint.objects.filter(account=cleaned["account"], url=cleaned["url"])
            if self.endpoint is not None:
                others = others.exclude(pk=self.endpoint.pk)
            if others.exists():
                self.add_error("url", "The account already has a webhook with this URL.")
        return cleaned
