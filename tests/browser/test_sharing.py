"""The same report ordered again: what a person sees when no work is done twice."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Administrator, DataVersion, Subscription
from jobs.states import State
from reports.models import ReportJob
from reports.orders.enqueue import ReportOrder, enqueue_report
from tests.browser.site import Site, ask
from tests.browser.test_pages import violations
from tests.contact_centre import today
from tests.people import make_member
from tests.report_jobs import make_job

CONTENT = b"Date,Peak Concurrent Users,Minutes at Peak\n"


def page_of(subscription: Subscription) -> str:
    return reverse("account_settings:download-usage-report", args=[subscription.pk])


@pytest.fixture
def made(subscription: Subscription, ana: Administrator) -> ReportJob:
    """Return the report of the cycle so far, created five minutes ago."""
    days = subscription.contract.default_range(today())
    assert days is not None
    job = make_job(
        subscription=subscription,
        report_type="concurrent-usage",
        requested_by=ana,
        requested_on=today(),
        date_from=days.date_from,
        date_through=days.date_through,
        state=State.SUCCEEDED,
        finished_at=timezone.now() - timedelta(minutes=5, seconds=5),
        file_as_of=timezone.now(),
        file_bytes=len(CONTENT),
        file_rows=0,
        file_sha256="0" * 64,
        software_version=settings.VERSION,
        data_version=DataVersion.objects.of([subscription.account_id]),
    )
    job.file.save(job.file_name(1), ContentFile(CONTENT))
    return job


def test_what_is_under_way_is_shown_and_not_made_twice(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    site.sign_in(ana, page_of(subscription))
    page = site.page
    ask(page, "Concurrent Usage")
    row = page.locator("#in-progress-list > li")
    expect(row).to_be_focused()
    ask(page, "Concurrent Usage")
    expect(page.get_by_role("status")).to_contain_text("is already in progress.")
    expect(row).to_have_count(1)
    expect(row).to_be_focused()


def test_who_withdraws_leaves_it_to_the_others(site: Site, ana: Administrator, subscription: Subscription) -> None:
    site.sign_in(ana, page_of(subscription))
    page = site.page
    ask(page, "Concurrent Usage")
    expect(page.locator("#in-progress-list > li")).to_be_focused()
    job = ReportJob.objects.get()
    bruno = make_member(subscription.account, email="bruno@acme.example")
    enqueue_report(ReportOrder.of(job), administrator=bruno, today=job.requested_on)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_have_text(
        "You no longer wait for this report. bruno@acme.example still waits for it, so it continues."
    )
    expect(page.locator("#in-progress-list > li")).to_have_count(1)
    assert ReportJob.objects.get().state == State.QUEUED


def test_what_is_unchanged_is_offered_at_once_and_made_again_on_demand(
    site: Site, ana: Administrator, subscription: Subscription, made: ReportJob
) -> None:
    site.sign_in(ana, page_of(subscription))
    page = site.page
    ask(page, "Concurrent Usage")
    notice = page.get_by_role("status")
    expect(notice).to_contain_text("already up to date, created 5 minutes ago.")
    expect(notice.get_by_role("link", name="Download")).to_be_focused()
    assert violations(site) == []
    with page.expect_download() as arriving:
        page.keyboard.press("Enter")
    assert Path(arriving.value.path()).read_bytes() == CONTENT
    assert arriving.value.suggested_filename == made.download_name
    page.keyboard.press("Tab")
    expect(notice.get_by_role("button", name="Run again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#in-progress-list > li")).to_be_focused()
    expect(notice).to_contain_text("is running again.")
    assert ReportJob.objects.filter(state=State.QUEUED).count() == 1


def test_without_a_script_the_offer_is_the_same(
    site: Site, ana: Administrator, subscription: Subscription, made: ReportJob
) -> None:
    browser = site.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    plain = Site(context.new_page(), site.url)
    plain.sign_in(ana, page_of(subscription))
    page = plain.page
    ask(page, "Concurrent Usage")
    notice = page.get_by_role("status")
    expect(notice).to_contain_text("already up to date, created 5 minutes ago.")
    with page.expect_download():
        notice.get_by_role("link", name="Download").click()
    notice.get_by_role("button", name="Run again").click()
    expect(page.locator("#in-progress-list > li")).to_have_count(1)
    ask(page, "Concurrent Usage")
    expect(notice).to_contain_text("is already in progress.")
    assert ReportJob.objects.exclude(pk=made.pk).count() == 1
    assert plain.complaints == []
    context.close()
