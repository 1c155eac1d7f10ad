"""What all pages share: one policy without exceptions, and the same frame for errors."""

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription

POLICY = {"default-src 'self'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'"}


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/admin/login/", "/admin/password-reset/", "/nothing/here/"])
def test_strangers_get_every_page_under_the_policy(address: str) -> None:
    assert set(Client().get(address)["Content-Security-Policy"].split("; ")) == POLICY


def test_the_screens_are_under_the_policy(ana_client: Client, subscription: Subscription) -> None:
    page = ana_client.get(reverse("account_settings:download-usage-report", args=[subscription.pk]))
    assert set(page["Content-Security-Policy"].split("; ")) == POLICY


def test_a_fault_of_ours_is_a_page_in_the_same_dress(
    ana: Administrator, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("reports.screens.subscriptions.views.overviews", fail)
    client = Client(raise_request_exception=False)
    client.force_login(ana)
    page = client.get(reverse("account_settings:subscription", args=[subscription.pk]))
    assert page.status_code == 500
    assert "Something went wrong" in page.content.decode()
    assert "tallydesk/shell.css" in page.content.decode()
