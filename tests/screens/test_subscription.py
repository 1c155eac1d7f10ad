"""The Subscription screen and the list of subscriptions."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Administrator, Subscription
from tests.acme import TODAY, make_acme
from tests.factories import make_account, make_subscription
from tests.people import make_member, make_staff
from tests.screens.pages import words

LIST = reverse("account_settings:subscriptions")


def screen_of(subscription: Subscription) -> str:
    return reverse("account_settings:subscription", args=[subscription.pk])


def signed_in(administrator: Administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


def test_a_customer_comes_from_the_sign_in_to_their_only_subscription(
    subscription: Subscription, ana: Administrator
) -> None:
    client = Client()
    response = client.post(
        reverse("admin:login") + "?next=" + reverse("admin:index"),
        {"username": ana.email, "password": "a long enough one"},
        follow=True,
    )
    assert response.request["PATH_INFO"] == screen_of(subscription)


def test_the_screen_says_what_the_subscription_is_and_where_its_cycle_stands(
    ana_client: Client, subscription: Subscription
) -> None:
    said = words(ana_client.get(screen_of(subscription)))
    assert "Acme Contact Centers Subscription SUB-1001 · active since 21 Oct 2017 · USD" in said
    assert "Current billing cycle 22 Nov – 21 Dec 2017 day 3 of 30" in said
    assert "Data 21 Oct 2017 through 23 Nov 2017 Updated daily. Usage of 24 Nov appears on 25 Nov (UTC)." in said
    assert "Billable users and devices 3 Peak concurrent 2 on 22 Nov" in said
    assert "Calls 6 · 0.00 EUR · 1,000.01 USD Unrated calls 3 → missing rates" in said
    assert "Download Usage Report" in said


def test_each_number_leads_to_the_rows_behind_it(ana_client: Client, subscription: Subscription) -> None:
    page = ana_client.get(screen_of(subscription)).content.decode()
    for slug in ("billable-usage", "concurrent-usage", "voice-usage"):
        address = reverse("account_settings:rows", args=[subscription.pk, slug])
        assert f'href="{address}?from=2017-11-22&amp;through=2017-11-23"' in page
    assert reverse("account_settings:missing-rates", args=[subscription.pk]) in page


def test_the_bar_has_a_tick_for_each_day(ana_client: Client, subscription: Subscription) -> None:
    ticks = ana_client.get(screen_of(subscription)).context["overview"].ticks
    assert ticks == ["past"] * 2 + ["now"] + ["ahead"] * 27


def test_on_the_activation_day_the_screen_says_when_usage_appears(db: None) -> None:
    subscription = make_subscription(activation_date=TODAY)
    page = signed_in(make_member(subscription.account)).get(screen_of(subscription))
    assert "Usage of 24 Nov appears on 25 Nov (UTC)." in words(page)
    assert "There is nothing to download yet." in words(page)
    assert "Download Usage Report" in words(page)


def test_before_the_activation_the_screen_says_when_it_is(db: None) -> None:
    subscription = make_subscription(activation_date=TODAY + timedelta(days=8))
    said = words(signed_in(make_member(subscription.account)).get(screen_of(subscription)))
    assert "starts on 2 Dec 2017" in said
    assert "The subscription starts on 2 Dec 2017. Its first usage appears on the following day (UTC)." in said


def test_on_the_first_day_of_a_cycle_the_cycle_before_is_shown(
    ana_client: Client, subscription: Subscription, now: time_machine.Traveller
) -> None:
    now.move_to("2017-11-22T10:00Z")
    said = words(ana_client.get(screen_of(subscription)))
    assert "Current billing cycle 22 Nov – 21 Dec 2017 day 1 of 30" in said
    assert "Previous cycle 21 Oct – 21 Nov 2017" in said
    assert "Its first usage appears on 23 Nov 2017 (UTC)" in said
    assert "Billable users and devices 2" in said


def test_an_ended_subscription_shows_its_last_cycle(ana_client: Client, subscription: Subscription) -> None:
    Subscription.objects.filter(pk=subscription.pk).update(ended_on=date(2017, 11, 22))
    said = words(ana_client.get(screen_of(subscription)))
    assert "ended on 22 Nov 2017" in said
    assert "Last billing cycle 22 Nov 2017" in said
    assert "Data 21 Oct 2017 through 22 Nov 2017" in said
    assert "Calls 3" in said


def test_a_subscription_with_an_end_to_come_says_so(ana_client: Client, subscription: Subscription) -> None:
    Subscription.objects.filter(pk=subscription.pk).update(ended_on=date(2017, 11, 30))
    said = words(ana_client.get(screen_of(subscription)))
    assert "ends on 30 Nov 2017" in said
    assert "Current billing cycle 22 Nov – 30 Nov 2017 day 3 of 9" in said


def test_several_subscriptions_are_a_list_with_the_same_numbers(ana: Administrator, subscription: Subscription) -> None:
    other = make_acme(name="Harbour", number="SUB-1002")
    ana.accounts.add(other.account)
    said = words(signed_in(ana).get(LIST))
    assert "Acme Contact Centers Subscription SUB-1001" in said
    assert "Harbour Subscription SUB-1002" in said
    assert said.count("Calls 6 · 0.00 EUR · 1,000.01 USD") == 2


@pytest.mark.parametrize("query", ["1002", "harb", "HARBOUR-CODE"])
def test_the_list_is_searched_by_number_name_and_code(subscription: Subscription, query: str) -> None:
    make_subscription(account=make_account(code="HARBOUR-CODE", name="Harbour"), number="SUB-1002")
    page = signed_in(make_staff()).get(LIST, {"q": query})
    assert [overview.subscription.number for overview in page.context["overviews"]] == ["SUB-1002"]


def test_a_search_without_a_match_says_so(ana_client: Client) -> None:
    assert "No subscription matches “nothing”." in words(ana_client.get(LIST, {"q": "nothing"}))


def test_a_longer_list_takes_no_more_queries(subscription: Subscription) -> None:
    client = signed_in(make_staff())

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LIST, {"q": "SUB"}).status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(25):
        make_subscription(number=f"SUB-X{number}")
    assert queries() == few
    assert len(client.get(LIST, {"q": "SUB"}).context["overviews"]) == 10
    assert "Page 3 of 3" in words(client.get(LIST, {"page": "3"}))


def test_the_screen_takes_few_queries(
    ana_client: Client, subscription: Subscription, django_assert_max_num_queries: Any
) -> None:
    ana_client.get(screen_of(subscription))
    with django_assert_max_num_queries(11):
        ana_client.get(screen_of(subscription))


def test_staff_see_every_subscription_and_may_upload(subscription: Subscription) -> None:
    make_subscription()
    client = signed_in(make_staff())
    assert len(client.get(LIST).context["overviews"]) == 2
    page = client.get(screen_of(subscription)).content.decode()
    assert f"{reverse('admin:usage_upload_add')}?account={subscription.account_id}" in page


def test_customers_are_not_offered_uploads(ana_client: Client, subscription: Subscription) -> None:
    assert "Upload usage" not in ana_client.get(screen_of(subscription)).content.decode()


def test_the_sections_are_those_one_may_open(ana_client: Client, subscription: Subscription) -> None:
    page = ana_client.get(screen_of(subscription)).content.decode()
    sidebar = page.partition('id="side-nav"')[2].partition("</nav>")[0]
    assert [line for line in ("Account settings", "Subscription", "Reports") if line in sidebar] == [
        "Account settings",
        "Subscription",
        "Reports",
    ]
    assert "Usage<" not in sidebar
    assert 'aria-current="page"' in sidebar
