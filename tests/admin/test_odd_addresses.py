"""Odd addresses: meaningless characters, numbers and pages are refused and never cause a server error."""

import pytest
from django.urls import reverse

from tests.admin.objects import make_world
from tests.admin.test_urls import EXPORTED, MODELS
from tests.factories import make_account, make_subscription
from tests.people import client_of, make_role

pytestmark = pytest.mark.django_db

HUGE = "9" * 5000
SCREENS = ["subscriptions", "report-jobs"]


@pytest.mark.parametrize("name", [f"account_settings:{name}" for name in SCREENS] + ["admin:autocomplete"])
def test_a_nul_character_in_a_query_is_a_400(name: str) -> None:
    account = make_account()
    make_subscription(account=account)
    client = client_of(make_role("customer with all permissions", account))
    assert client.get(f"{reverse(name)}?q=%00").status_code == 400


def test_a_nul_character_in_a_query_is_a_400_in_every_list_of_the_admin() -> None:
    client = client_of(make_role("superuser"))
    for model in MODELS:
        assert client.get(f"{reverse(f'admin:{model}_changelist')}?q=%00").status_code == 400, model


def test_a_nul_character_in_a_cookie_is_a_400() -> None:
    cookie = 'sessionid="\\000aaaaaaaaaaaaaaaa"'
    assert client_of(None).get("/admin/", headers={"cookie": cookie}).status_code == 400


@pytest.mark.parametrize("query", ["page=-1", f"page={HUGE}", "page=x", f"subscription={HUGE}", "subscription=-1"])
def test_a_page_or_number_out_of_any_range_is_answered_on_the_screens(query: str) -> None:
    account = make_account()
    make_subscription(account=account)
    client = client_of(make_role("customer with all permissions", account))
    for name in SCREENS:
        assert client.get(f"{reverse(f'account_settings:{name}')}?{query}").status_code in {200, 302}, name


@pytest.mark.parametrize("query", ["p=-1", "p=x", f"p={HUGE}", "o=x", "nothing=1", "account__id__exact=x", "e=1"])
def test_an_odd_query_is_no_fault_in_any_list_of_the_admin(query: str) -> None:
    make_world()
    client = client_of(make_role("superuser"))
    for model in MODELS:
        for page in ("changelist", "export") if model in EXPORTED else ("changelist",):
            answer = client.get(f"{reverse(f'admin:{model}_{page}')}?{query}")
            assert answer.status_code in {200, 302, 400}, (model, page)


@pytest.mark.parametrize("number", ["abc", "-1", "9" * 30, HUGE, "%00", "_00", "1e3"])
def test_a_malformed_number_is_a_missing_object(number: str) -> None:
    make_world()
    client = client_of(make_role("superuser"))
    for model in MODELS:
        for page in ("change", "delete", "history"):
            address = f"/admin/{model.replace('_', '/', 1)}/{number}/{page}/"
            assert client.get(address).status_code == 404, address
