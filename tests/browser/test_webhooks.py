"""The pages of webhooks in a real browser: accessible, on a phone, and used from the first form to the secret."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Administrator, Subscription
from reports.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from tests.browser.site import Site
from tests.browser.test_pages import check, violations
from tests.webhook_deliveries import make_delivery, make_endpoint, make_message

LONG = "https://hooks.example.com/" + "tally" * 60


@pytest.fixture
def delivery(subscription: Subscription) -> WebhookDelivery:
    """Create a delivery that failed twice, to an endpoint with a long URL."""
    endpoint = make_endpoint(account=subscription.account, url=LONG, failing_since=timezone.now())
    message = make_message(account=endpoint.account, payload='{"x": "' + "y" * 500 + '"}')
    delivery = make_delivery(endpoint=endpoint, message=message, tries=2)
    for error, status in (("It answered 500.", 500), ("The connection was refused.", None)):
        WebhookAttempt.objects.create(
            account=endpoint.account,
            delivery=delivery,
            started_at=timezone.now(),
            milliseconds=9,
            status_code=status,
            error=error,
            answer="z" * 1000 if status else "",
        )
    make_endpoint(account=endpoint.account, disabled_at=timezone.now(), disabled_reason="It answered 410 Gone.")
    make_delivery(endpoint=endpoint, state=DeliveryState.SKIPPED, next_attempt_at=None)
    return delivery


def pages(delivery: WebhookDelivery) -> list[str]:
    about_one = ("webhook", "webhook-edit", "webhook-rotate", "webhook-delete")
    return [
        *(reverse(f"account_settings:{name}") for name in ("webhooks", "webhook-new")),
        *(reverse(f"account_settings:{name}", args=[delivery.endpoint_id]) for name in about_one),
        reverse("account_settings:webhook-delivery", args=[delivery.pk]),
    ]


def test_the_pages_are_accessible_and_not_wider_than_a_telephone(
    site: Site, staff: Administrator, delivery: WebhookDelivery
) -> None:
    site.sign_in(staff)
    for address in pages(delivery):
        check(site, address)


def test_a_webhook_is_added_and_shows_its_secret(site: Site, staff: Administrator, subscription: Subscription) -> None:
    site.sign_in(staff)
    site.open(reverse("account_settings:webhooks"))
    site.page.get_by_role("link", name="New webhook").click()
    site.page.get_by_label("URL").fill("https://hooks.example.com/tally")
    site.page.get_by_label("report_job.expired").uncheck()
    site.page.get_by_role("button", name="Add webhook").click()
    expect(site.page.get_by_text("shown only once")).to_be_visible()
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.events == ["report_job.succeeded", "report_job.failed"]
    expect(site.page.get_by_text(endpoint.secret)).to_be_visible()
    assert violations(site) == []
    site.page.get_by_role("link", name="I have copied it").click()
    expect(site.page.get_by_text("No messages yet.")).to_be_visible()
    expect(site.page.get_by_text(endpoint.secret)).to_have_count(0)
