"""The API's documentation page: readable by everyone, tried out with a token or as the signed-in administrator."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Administrator, ApiToken
from tests.browser.site import Site

STRICT = "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


def directives(policy: str) -> set[str]:
    return {directive.strip() for directive in policy.split(";")}


def test_the_policy_is_loosened_for_images_of_the_documentation_alone(client: Client) -> None:
    page = client.get("/api/docs/").headers["Content-Security-Policy"]
    assert directives(page) - directives(STRICT) == {"img-src 'self' data:"}
    for path in ("/api/schema/", "/admin/login/", "/api/"):
        assert directives(client.get(path).headers["Content-Security-Policy"]) == directives(STRICT), path


def test_anybody_reads_the_documentation_and_nothing_comes_from_elsewhere(site: Site) -> None:
    hosts: set[str] = set()
    site.page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    site.open("/api/docs/")
    expect(site.page.get_by_role("heading", name="Tallydesk", level=1)).to_be_visible()
    expect(site.page.locator(".opblock")).not_to_have_count(0)
    assert hosts == {site.url.split("/")[2]}
    site.page.get_by_role("link", name="Sign in").click()
    expect(site.page.get_by_label("E-mail address")).to_be_visible()


def test_a_request_is_tried_out_with_a_token(site: Site, ana: Administrator) -> None:
    _token, secret = ApiToken.objects.issue(
        administrator=ana, name="Documentation", expires_at=timezone.now() + timedelta(days=1)
    )
    site.open("/api/docs/")
    authorize(site, secret)
    assert "SUB-1001" in tried(site, "list_subscriptions")


def test_who_is_signed_in_tries_out_what_writes_without_a_token(site: Site, ana: Administrator) -> None:
    site.sign_in(ana, "/admin/account-settings/subscriptions/")
    site.open("/api/docs/")
    expect(site.page.get_by_role("link", name="Back to Tallydesk")).to_be_visible()
    body = '{"report_type": "voice-usage", "subscription": "SUB-1001"}'
    assert '"state": "queued"' in tried(site, "request_report", body=body)


def authorize(site: Site, secret: str) -> None:
    site.page.get_by_role("button", name="Authorize").first.click()
    form = site.page.locator(".auth-container", has_text="http, Bearer").last
    form.get_by_role("textbox").fill(secret)
    form.get_by_role("button", name="Apply credentials").click()
    site.page.get_by_role("button", name="Close").first.click()


def tried(site: Site, operation: str, *, body: str | None = None) -> str:
    """Return the answer of an operation that is tried out on the page."""
    block: Any = site.page.locator(f"[id$='{operation}']")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    if body is not None:
        block.locator("textarea.body-param__text").fill(body)
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .highlight-code").first
    expect(answer).to_be_visible()
    return str(answer.inner_text())
