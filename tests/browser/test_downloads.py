"""From sign-in to file: a report as a person orders it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Download, Locator, Page, expect

from billing.models import Administrator, Subscription
from demo import sign_ins
from demo.load import Demo
from jobs.states import State
from reports import tasks, types
from reports.models import ReportJob
from tests.browser.site import Site, ask
from tests.contact_centre import today

TITLES = {report_type.slug: report_type.title for report_type in types.all_types()}
SOON = 90_000  # milliseconds; a worker takes a few seconds until it is ready
# Records the addresses that a page requests.
NOTE_QUESTIONS = """
window.questions = [];
const fetched = window.fetch;
window.fetch = (url, ...rest) => { questions.push(String(url)); return fetched(url, ...rest); };
"""


def page_of(subscription: Subscription) -> str:
    return reverse("account_settings:download-usage-report", args=[subscription.pk])


def ask_and_see(page: Page, title: str) -> Locator:
    """Order a report without a worker; return its row in the list of reports in progress."""
    ask(page, title)
    row = page.locator("#in-progress-list > li")
    expect(row).to_contain_text("Starting…")
    return row


def generate(job: ReportJob) -> None:
    """Run all queued jobs in this process."""
    tasks.generate_report(str(job.pk))


def made_by_command(slug: str, subscription: Subscription, folder: Path) -> bytes:
    """Return the same report for the last 30 days, written in this process."""
    target = folder / f"{slug}.csv"
    yesterday = today() - timedelta(days=1)
    days = ["--from", str(yesterday - timedelta(days=29)), "--through", str(yesterday)]
    call_command("generate_report", slug, "--subscription", subscription.number, *days, "--output", str(target))
    return target.read_bytes()


@pytest.fixture
def demo(transactional_db: None) -> Subscription:
    """Load the demo as `make demo` does, with fewer people."""
    now = timezone.now()
    Demo(seed=2017, scale=0.25, today=now.date(), now=now, say=lambda _sentence: None).load()
    return Subscription.objects.get(number="SUB-1001")


def test_each_report_of_the_demo_arrives_by_itself_and_equals_the_command_s(
    site: Site, worker: None, demo: Subscription, tmp_path: Path
) -> None:
    site.sign_in_by_form(Administrator.objects.get(email="ana@acme.example"), password=sign_ins.PASSWORD)
    page = site.page
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Subscription").click()
    expect(page.get_by_role("heading", name="Acme Contact Centers")).to_be_visible()
    page.get_by_role("link", name="Download Usage Report").first.click()
    page.get_by_role("radio", name="Last 30 days").check()
    yesterday = today() - timedelta(days=1)
    for slug, title in TITLES.items():
        with page.expect_download(timeout=SOON) as arriving:
            ask(page, title)
        name = f"{slug}_SUB-1001_{yesterday - timedelta(days=29)}_{yesterday}.csv"
        assert arriving.value.suggested_filename == name
        content = Path(arriving.value.path()).read_bytes()
        assert content == made_by_command(slug, demo, tmp_path)
        assert content.count(b"\n") >= 1 + 30  # the header and thirty rows
    expect(page.locator("#in-progress")).to_be_hidden()
    page.get_by_role("tab", name="Recent reports").click()
    expect(page.locator("#recent-list > li")).to_have_count(len(TITLES))
    assert ReportJob.objects.filter(state=State.SUCCEEDED).count() == len(TITLES)


@pytest.mark.usefixtures("files_root")
def test_only_the_window_that_ordered_downloads_and_only_once(
    site: Site, ana: Administrator, subscription: Subscription, context: BrowserContext
) -> None:
    downloads: list[Download] = []

    def note(download: Download) -> None:
        downloads.append(download)

    site.sign_in(ana, page_of(subscription))
    ask(site.page, "Resources Usage")
    expect(site.page.locator("#in-progress-list > li")).to_have_count(1)
    other = context.new_page()
    site.watch(other)
    other.goto(site.url + page_of(subscription))
    site.page.reload()
    for window in (site.page, other):
        window.on("download", note)
    with site.page.expect_download():
        generate(ReportJob.objects.get())
    # A hidden window fetches no progress; headless windows all count as visible.
    for window in (site.page, other):
        expect(window.locator("#recent-list > li")).to_have_count(1)
    fetch_by_hand(other)
    assert [download.page for download in downloads] == [site.page, other]

    site.page.add_init_script(NOTE_QUESTIONS)
    site.page.reload()
    site.page.evaluate("new Promise(done => setTimeout(done))")  # after the first request, which comes as soon
    assert site.page.evaluate("questions") == []
    fetch_by_hand(site.page)
    assert [download.page for download in downloads] == [site.page, other, site.page]


def fetch_by_hand(window: Page) -> None:
    """Download the only report; return how many downloads the window started by itself before."""
    window.get_by_role("tab", name="Recent reports").click()
    with window.expect_download():
        window.locator("#recent-list").get_by_role("link", name=re.compile("Download")).click()


@pytest.mark.usefixtures("files_root")
def test_a_report_that_became_ready_while_the_page_was_left_is_fetched_on_the_way_back(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    site.sign_in(ana, page_of(subscription))
    ask(site.page, "Resources Usage")
    expect(site.page.locator("#in-progress-list > li")).to_have_count(1)
    site.page.get_by_role("link", name="Reports", exact=True).click()
    expect(site.page.get_by_role("heading", name="All reports")).to_be_visible()
    generate(ReportJob.objects.get())
    with site.page.expect_download():
        site.page.go_back()
    expect(site.page.get_by_role("status")).to_contain_text("Your download has started.")
    expect(site.page.locator("#recent-list > li")).to_have_count(1)


@pytest.mark.usefixtures("files_root")
def test_without_a_script_the_page_reloads_itself_until_the_report_is_there(
    site: Site, ana: Administrator, subscription: Subscription, tmp_path: Path
) -> None:
    browser = site.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    plain = Site(context.new_page(), site.url)
    plain.sign_in_by_form(ana)
    page = plain.page
    page.get_by_role("link", name="Download Usage Report").first.click()
    page.get_by_role("radio", name="Last 30 days").check()
    ask(page, "Concurrent Usage")
    expect(page.get_by_role("radio", name="Concurrent Usage")).to_be_checked()
    expect(page.locator("#in-progress-list > li")).to_have_count(1)
    generate(ReportJob.objects.get())
    expect(page.locator("#in-progress-list > li")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("is ready. Download")
    page.get_by_role("link", name="Recent reports").click()
    with page.expect_download() as arriving:
        page.locator("#recent-list").get_by_role("link", name=re.compile("Download")).click()
    assert Path(arriving.value.path()).read_bytes() == made_by_command("concurrent-usage", subscription, tmp_path)
    assert plain.complaints == []
    context.close()


def test_everything_is_done_by_keyboard(site: Site, ana: Administrator, subscription: Subscription) -> None:
    site.sign_in(ana, page_of(subscription))
    page = site.page
    page.get_by_role("tab", name="Usage Data").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Recent reports")).to_be_focused()
    expect(page.locator("#panel-recent")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")
    expect(page.locator("input[name=range]:checked")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Previous cycle")).to_be_checked()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "report_type":
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Format")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Download Usage Data")).to_be_focused()
    page.keyboard.press("Enter")
    row = page.locator("#in-progress-list > li")
    expect(row).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("Concurrent Usage")
    page.keyboard.press("Tab")
    expect(row.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("was cancelled")
    expect(page.get_by_role("button", name="Download Usage Data")).to_be_focused()
    assert ReportJob.objects.get().state == State.CANCELLED


def test_a_job_that_no_worker_takes_says_what_it_waits_for(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    site.sign_in(ana, page_of(subscription))
    row = ask_and_see(site.page, "Voice Usage")
    ReportJob.objects.update(requested_at=timezone.now() - timedelta(seconds=20))
    expect(row).to_contain_text("Waiting for a worker…")


def test_a_running_job_shows_its_rows(site: Site, ana: Administrator, subscription: Subscription) -> None:
    site.sign_in(ana, page_of(subscription))
    row = ask_and_see(site.page, "Voice Usage")
    soon = timezone.now() + timedelta(seconds=60)
    ReportJob.objects.update(state=State.RUNNING, lease_until=soon, rows_done=61_200, rows_expected=100_412)
    expect(row).to_contain_text("61,200 of 100,412 rows")
    assert row.locator("progress").evaluate("bar => [bar.value, bar.max]") == [60, 100]


def test_a_failed_job_says_why_and_is_tried_again(site: Site, ana: Administrator, subscription: Subscription) -> None:
    site.sign_in(ana, page_of(subscription))
    page = site.page
    ask_and_see(page, "Voice Usage")
    failed = ReportJob.objects.get()
    ReportJob.objects.update(state=State.FAILED, finished_at=timezone.now(), failure="The disk is full. Tell us.")
    expect(page.get_by_role("status")).to_contain_text("The disk is full. Tell us.")
    page.get_by_role("status").get_by_role("link", name="Try again").click()
    expect(page.locator("#in-progress-list > li")).to_have_count(1)
    again = ReportJob.objects.exclude(pk=failed.pk).get()
    assert again.range == failed.range


def test_an_impossible_range_is_refused_beside_its_field_and_the_rest_is_kept(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    site.sign_in(ana, page_of(subscription))
    page = site.page
    page.get_by_label("From").fill("2001-01-01")
    expect(page.get_by_role("radio", name="Custom range")).to_be_checked()
    ask(page, "User Hour Usage")
    expect(page.locator("#range-errors")).to_contain_text(f"data is available from {subscription.activation_date}")
    expect(page.get_by_label("From")).to_be_focused()
    expect(page.get_by_role("radio", name="User Hour Usage")).to_be_checked()
    assert not ReportJob.objects.exists()
    # The browser itself notes every answer that is not a success.
    assert [complaint for complaint in site.complaints if "422" not in complaint] == []
    site.complaints.clear()


def test_a_day_that_is_entered_is_chosen_also_while_the_script_of_the_page_is_on_its_way(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    page = site.page
    page.route("**/download-usage-report.js", lambda route: route.abort())
    site.sign_in(ana, page_of(subscription))
    preset, other_days = (page.get_by_role("radio", name=name) for name in ("Last 30 days", "Custom range"))
    page.get_by_label("From").fill("2001-01-01")
    expect(other_days).to_be_checked()
    preset.check()
    page.get_by_label("From").press("Backspace")  # an incomplete day is an error
    expect(other_days).to_be_checked()
    preset.check()
    page.get_by_label("through").fill("")
    expect(preset).to_be_checked()
    assert [complaint for complaint in site.complaints if "ERR_FAILED" not in complaint] == []
    site.complaints.clear()


def test_the_page_says_when_the_administrator_was_signed_out(
    site: Site, ana: Administrator, subscription: Subscription
) -> None:
    site.sign_in(ana, page_of(subscription))
    site.page.context.clear_cookies()
    ask(site.page, "User Hour Usage")
    expect(site.page.get_by_role("status")).to_contain_text("You have been signed out")
    site.complaints.clear()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_switched_and_remembered(
    site: Site, ana: Administrator, subscription: Subscription, theme: str
) -> None:
    site.sign_in(ana)
    site.page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
    site.page.get_by_role("button", name="Theme").click()
    expect(site.page.locator("html")).to_have_attribute("data-theme", theme)
    site.open(page_of(subscription))
    expect(site.page.locator("html")).to_have_attribute("data-theme", theme)
