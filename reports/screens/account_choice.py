"""The choice of an account on a form: from a list, or by its code where there are too many for a list."""

from django import forms
from django.db.models import Q

from billing.models import Account, AccountQuerySet

MOST_LISTED = 25
"""The most accounts that a list offers; with more, the account is entered by its code."""

MOST_SUGGESTED = 4


def listed(accounts: AccountQuerySet) -> list[Account] | None:
    """Return the accounts to choose from; None if there are too many for a list."""
    first = list(accounts.order_by("name", "code")[: MOST_LISTED + 1])
    return first if len(first) <= MOST_LISTED else None


def chosen(accounts: AccountQuerySet, code: str) -> Account:
    """Return the account with this code. Raises ValidationError, which suggests accounts with similar names."""
    account = accounts.filter(code=code).first()
    if account is None:
        sentence = f"You have no account with the code “{code}”."
        raise forms.ValidationError(f"{sentence}{_suggestion(accounts, code)}")
    return account


def _suggestion(accounts: AccountQuerySet, text: str) -> str:
    similar = accounts.filter(Q(code__icontains=text) | Q(name__icontains=text)).order_by("name", "code")
    names = ", ".join(f"{account.code} ({account.name})" for account in similar[:MOST_SUGGESTED])
    return f" Did you mean {names}?" if names else ""
