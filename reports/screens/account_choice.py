"""Choosing an account on a form: from a list, or by its code where there are too many for one."""

from django import forms
from django.db.models import Q

from billing.models import Account, AccountQuerySet

MOST_LISTED = 25
"""So many accounts are offered in a list; of more, the one is named by its code."""

MOST_SUGGESTED = 4


def listed(accounts: AccountQuerySet) -> list[Account] | None:
    """The accounts to choose from; None when there are too many for a list."""
    first = list(accounts.order_by("name", "code")[: MOST_LISTED + 1])
    return first if len(first) <= MOST_LISTED else None


def chosen(accounts: AccountQuerySet, code: str) -> Account:
    """The one of the accounts with the code. Raises ValidationError, which names those that are called alike."""
    account = accounts.filter(code=code).first()
    if account is None:
        sentence = f"There is no account with the code “{code}” that you may see."
        raise forms.ValidationError(f"{sentence}{_called_alike(accounts, code)}")
    return account


def _called_alike(accounts: AccountQuerySet, text: str) -> str:
    similar = accounts.filter(Q(code__icontains=text) | Q(name__icontains=text)).order_by("name", "code")
    names = ", ".join(f"{account.code} ({account.name})" for account in similar[:MOST_SUGGESTED])
    return f" Do you mean {names}?" if names else ""
