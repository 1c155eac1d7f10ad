"""API tokens in a browser: created, copied, used and revoked; by keyboard, without scripts, on small screens."""

import re

from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing.models import Administrator, ApiToken, Subscription
from tests.browser.site import Site
from tests.browser.test_pages import check_open_page
from tests.factories import make_api_token

LIST = "/admin/account-settings/api-tokens/"
NEW = LIST + "new/"
SECRET = re.compile(r"^tally_[A-Za-z0-9_-]{43}$")


def make(page: Page, name: str) -> str:
    """Fill in and submit the form; return the secret that the next page shows."""
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create token").click()
    shown = page.locator("#token-secret")
    expect(shown).to_have_text(SECRET)
    return shown.inner_text()


def without_the_refusals_expected(site: Site) -> None:
    """The browser itself logs every unsuccessful answer."""
    assert [complaint for complaint in site.complaints if "422" not in complaint] == []
    site.complaints.clear()


def test_a_token_is_made_copied_used_and_revoked(site: Site, ana: Administrator) -> None:
    site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.sign_in(ana)
    page = site.page
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="API tokens").click()
    page.get_by_role("link", name="New API token").click()
    secret = make(page, "Nightly reports")
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("button", name="Copied the token")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("button", name="Copy the command").click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('curl '))")
    assert secret in page.evaluate("navigator.clipboard.readText()")

    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/").status_code == 200
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("listitem").filter(has_text="Nightly reports")).not_to_contain_text("Never")
    page.get_by_role("link", name=re.compile("Revoke Nightly reports")).click()
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_text("was revoked and no longer works")).to_be_visible()
    assert program.get("/api/v1/").status_code == 401


def test_neither_reloading_nor_going_back_shows_a_token_again_or_makes_another(site: Site, ana: Administrator) -> None:
    site.sign_in(ana, NEW)
    page = site.page
    secret = make(page, "Nightly reports")
    page.reload()
    expect(page.get_by_text("This form was already submitted")).to_be_visible()
    assert secret not in page.content()
    page.go_back()
    page.wait_for_load_state()
    assert secret not in page.content()
    assert ApiToken.objects.count() == 1


def test_everything_is_done_by_keyboard(site: Site, ana: Administrator) -> None:
    site.sign_in(ana, NEW)
    page = site.page
    page.get_by_label("Name").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Give the token a name")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="90 days")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#token-secret")).to_have_text(SECRET)
    page.get_by_role("button", name="Copy the token").focus()
    page.get_by_role("link", name="I have copied it").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("Revoke By keyboard")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Revoke the token").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    token = ApiToken.objects.get()
    assert token.revoked_at is not None
    assert (token.last_day - token.created_at.date()).days == 30
    without_the_refusals_expected(site)


def test_who_enters_a_day_has_chosen_it(site: Site, ana: Administrator) -> None:
    site.sign_in(ana, NEW)
    site.page.get_by_label("through", exact=True).fill("2001-01-01")
    expect(site.page.get_by_role("radio", name="Custom date")).to_be_checked()


def test_without_a_script_a_token_is_made_and_revoked_all_the_same(site: Site, ana: Administrator) -> None:
    browser = site.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    plain = Site(context.new_page(), site.url)
    plain.sign_in(ana, NEW)
    page = plain.page
    make(page, "Plain")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name=re.compile("Revoke Plain")).click()
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_text("was revoked and no longer works")).to_be_visible()
    assert ApiToken.objects.get().revoked_at is not None
    context.close()


def test_the_pages_are_accessible_and_not_wider_than_the_screen(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    long_name = "A_name_without_a_single_space_that_goes_on_and_on_" * 2
    token, _secret = make_api_token(administrator=ana, name=long_name, account=subscription.account)
    stopped, _secret = make_api_token(administrator=ana, name="Stopped")
    stopped.revoke()
    site.sign_in(ana, LIST)
    revoke = reverse("account_settings:api-token-revoke", args=[token.pk])
    for address in (LIST, NEW, revoke):
        site.open(address)
        check_open_page(site)
    site.open(NEW)
    site.page.get_by_role("button", name="Create token").click()
    expect(site.page.get_by_role("alert").filter(has_text="Give the token a name")).to_be_visible()
    check_open_page(site)
    make(site.page, "x" * 100)
    check_open_page(site)
    site.open(revoke)
    site.page.get_by_role("button", name="Revoke the token").click()
    expect(site.page.get_by_text("was revoked and no longer works")).to_be_visible()
    check_open_page(site)
    without_the_refusals_expected(site)
