"""Every page of the product and a few of the admin's: accessible, within the policy, and on a small screen."""

from decimal import Decimal
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import ViewportSize, expect

from billing.models import Administrator, Subscription
from jobs.states import State
from reports import types
from reports.engine.totals import MILLISECONDS, NamedCount, Sum, Totals
from reports.models import ReportJob
from tests.browser.site import Site
from tests.report_jobs import make_job

CUSTOMER_PAGES = [
    "subscription",
    "download-usage-report",
    "download-usage-report?tab=recent",
    "rows/billable-usage",
    "rows/voice-usage",
    "missing-rates",
    "report-jobs",
    *(f"report-job/{state}" for state in State if state != State.RUNNING),
]
STAFF_PAGES = [
    "admin:index",
    "account_settings:subscriptions",
    "admin:billing_account_changelist",
    "admin:billing_account_export",
    "admin:billing_account_add",
    "admin:billing_administrator_changelist",
    "admin:usage_call_changelist",
    "admin:usage_upload_add",
    "admin:password_change",
]
TOTALS = Totals(
    100_412,
    (
        Sum("Duration", Decimal(63_467_859_829), MILLISECONDS),
        Sum("A quantity of what has a long name", Decimal("123456789012.123456"), "", "Resource", "Data storage (GB)"),
    ),
    (NamedCount("User", 104),),
)
COLOURS = ["color-contrast", "link-in-text-block"]
RUN_AXE = "options => axe.run(options).then(results => results.violations)"
TELEPHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 720}


def address(page: str, subscription: Subscription) -> str:
    name, _, query = page.partition("?")
    name, _, slug = name.partition("/")
    if name == "report-job":
        job = ReportJob.objects.get(subscription=subscription, state=slug)
        return reverse("account_settings:report-job", args=[job.pk])
    arguments: list[Any] = [] if name == "report-jobs" else [subscription.pk, *([slug] if slug else [])]
    return reverse(f"account_settings:{name}", args=arguments) + (f"?{query}" if query else "")


def violations(site: Site) -> list[str]:
    """Return axe's findings on a page in both themes; in the dark one only on colours, all that a theme changes."""
    before = list(site.complaints)
    _dress(site, "light")
    if site.page.evaluate("!window.axe"):
        site.page.evaluate(AXE_SCRIPT)
    found = site.page.evaluate(RUN_AXE, {"resultTypes": ["violations"]})
    _dress(site, "dark")
    found += site.page.evaluate(
        RUN_AXE, {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": COLOURS}}
    )
    site.complaints[:] = before  # caused by axe itself
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


def _dress(site: Site, theme: Literal["light", "dark"]) -> None:
    """Show the page in a theme, without transitions between colours."""
    site.page.emulate_media(color_scheme=theme)
    passing = "document.getAnimations().filter(animation => animation instanceof CSSTransition)"
    site.page.evaluate(f"{passing}.forEach(transition => transition.finish())")


def overflow(site: Site) -> int:
    return int(site.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.fixture
def jobs(subscription: Subscription, ana: Administrator) -> None:
    """Create a report in each state."""
    make_job(subscription=subscription, requested_by=ana)
    finished: dict[State, dict[str, Any]] = {
        State.FAILED: {"failure": "The disk is full. Tell the platform's support, and try again."},
        State.CANCELLED: {},
        State.SUCCEEDED: {
            "file": "some.csv",
            "file_rows": 100_412,
            "file_bytes": 18_000_000,
            "file_sha256": "0" * 64,
            "file_columns": [column.described() for column in types.by_slug("user-hours").columns],
            "file_cycles": [{"first_day": "2017-10-21", "last_day": "2017-11-21"}],
            "totals": TOTALS.as_json(),
        },
    }
    for state, fields in finished.items():
        make_job(subscription=subscription, requested_by=ana, state=state, finished_at=timezone.now(), **fields)


def check(site: Site, path: str) -> None:
    """Open a page at the size of a phone, and check it."""
    site.page.set_viewport_size(TELEPHONE)
    site.open(path)
    check_open_page(site)


def check_open_page(site: Site) -> None:
    """Assert that the page fits a phone and a wide screen, and that it is accessible."""
    for size in (TELEPHONE, DESKTOP):
        site.page.set_viewport_size(size)
        assert overflow(site) == 0, (site.page.url, size)
    assert violations(site) == [], site.page.url


def test_customers_pages_are_accessible_and_not_wider_than_a_telephone(
    site: Site, ana: Administrator, subscription: Subscription, jobs: None
) -> None:
    check(site, reverse("admin:login"))
    site.sign_in(ana)
    for page in CUSTOMER_PAGES:
        check(site, address(page, subscription))


def test_staff_pages_are_accessible_and_not_wider_than_a_telephone(
    site: Site, staff: Administrator, subscription: Subscription
) -> None:
    site.sign_in(staff)
    for page in STAFF_PAGES:
        check(site, reverse(page))


def test_the_menu_opens_on_a_telephone(site: Site, ana: Administrator, subscription: Subscription) -> None:
    site.page.set_viewport_size(TELEPHONE)
    site.sign_in(ana)
    sections = site.page.get_by_role("navigation", name="Sections")
    expect(sections).to_be_hidden()
    site.page.get_by_role("button", name="Menu").click()
    sections.get_by_role("link", name="Reports").click()
    expect(site.page.get_by_role("heading", name="All reports")).to_be_visible()


def test_the_account_menu_closes_with_escape(site: Site, ana: Administrator, subscription: Subscription) -> None:
    site.sign_in(ana)
    menu = site.page.locator("details.person")
    menu.locator("summary").click()
    expect(site.page.get_by_role("button", name="Sign out")).to_be_visible()
    site.page.keyboard.press("Escape")
    expect(site.page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()


def test_what_is_missing_is_said_inside_the_same_dress(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    site.sign_in(ana)
    site.open("/admin/nothing/here/")
    expect(site.page.get_by_role("heading", name="Page not found")).to_be_visible()
    assert violations(site) == []
    assert [complaint for complaint in site.complaints if "404" not in complaint] == []
    site.complaints.clear()
