"""Comparisons in a browser: chosen, followed without a click, read, and downloaded as a file."""

import re
from datetime import timedelta
from pathlib import Path

from django.urls import reverse
from playwright.sync_api import expect

from billing.models import Administrator, Subscription
from reports import tasks
from reports.comparisons.enqueue import enqueue_comparison
from reports.models import Comparison, ReportJob
from tests.browser.site import Site
from tests.browser.test_pages import overflow, violations
from tests.comparisons import make_run
from tests.contact_centre import today
from usage.models import ResourceUsage


def run_of_today(subscription: Subscription, administrator: Administrator) -> ReportJob:
    return make_run(
        subscription=subscription,
        requested_by=administrator,
        requested_on=today(),
        date_from=today() - timedelta(days=3),
        date_through=today() - timedelta(days=1),
    )


def test_two_runs_are_compared_and_the_page_shows_it_by_itself(
    site: Site, subscription: Subscription, ana: Administrator
) -> None:
    before = run_of_today(subscription, ana)
    ResourceUsage.objects.filter(used_on=today() - timedelta(days=2)).update(quantity="99")
    after = run_of_today(subscription, ana)
    site.sign_in(ana, reverse("account_settings:report-job", args=[after.pk]))
    page = site.page

    page.get_by_role("link", name="Compare with…").click()
    page.get_by_label("Compare with").select_option(str(before.pk))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".progress-text")).to_have_text("Starting…")
    page.evaluate("window.sameDocument = true")
    tasks.compare_reports(str(Comparison.objects.get().pk))

    differences = page.get_by_role("region", name="Differences")
    expect(differences.locator("tbody tr")).to_have_count(1)
    expect(differences.locator(".is-changed ins")).to_have_text("99")
    expect(page.get_by_role("status").filter(has_text="The rows have been compared.")).to_have_count(1)
    assert page.evaluate("window.sameDocument") is True
    assert violations(site) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert overflow(site) == 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all differences (CSV)").click()
    content = Path(download.value.path()).read_text()
    assert content.splitlines()[2].startswith(f"changed: after,Quantity,{today() - timedelta(days=2)},SMS,99,")


def test_the_page_says_when_the_administrator_was_signed_out(
    site: Site, subscription: Subscription, ana: Administrator
) -> None:
    before, after = (run_of_today(subscription, ana) for _run in range(2))
    enqueue_comparison(administrator=ana, job=after, other=before)
    address = reverse("account_settings:report-job-compare", args=[after.pk], query={"with": str(before.pk)})
    site.sign_in(ana, address)
    progress = site.page.locator(".progress-text")
    expect(progress).to_have_text("Starting…")
    site.page.context.clear_cookies()
    expect(progress).to_have_text(re.compile("You have been signed out"))
