"""Rows written by hand count as a change of the data, and no longer belong to an upload."""

from uuid import uuid4

import pytest
from django.urls import reverse

from billing.models import Account, DataVersion
from tests.factories import make_account
from tests.people import client_of, make_role

pytestmark = pytest.mark.django_db


def test_an_account_written_by_hand_changes_what_all_share_and_is_no_uploads_any_more() -> None:
    account = make_account()
    Account.objects.update(upload_id=uuid4())
    before = DataVersion.objects.of([account.pk])
    client = client_of(make_role("operator"))
    address = reverse("admin:billing_account_change", args=[account.pk])
    assert client.post(address, {"code": account.code, "name": "Another"}).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.upload_id) == ("Another", None)
    assert DataVersion.objects.of([account.pk]) != before
    deleted = client.post(reverse("admin:billing_account_delete", args=[account.pk]), {"post": "yes"})
    assert deleted.status_code == 302
    assert DataVersion.objects.of([]) == ":2"
