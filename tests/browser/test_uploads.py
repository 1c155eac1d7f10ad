"""A file with errors, from the form to the report that it changes."""

import csv
from datetime import timedelta
from pathlib import Path

from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from billing.models import Administrator, Subscription
from tests.browser.site import Site
from tests.browser.test_pages import overflow, violations
from tests.contact_centre import today
from tests.processes import Processes
from tests.report_files import report

SOON = 90_000  # milliseconds; a worker takes a few seconds until it is ready
HEADER = "SIP Call Id;origin;destination;usage_group;call_type;direction;start_time;end_time\n"


def calls_file(folder: Path) -> Path:
    """Write three calls of yesterday, two of which end before they start."""
    day = today() - timedelta(days=1)
    ends = [f"{day}T23:01:00Z", "now", f"{day}T20:00:00Z"]
    rows = [
        f"new-{number}@sip;+14155550100;+14155550101;US-FIXED;voice;Outbound;{day}T23:00:00Z;{end}\n"
        for number, end in enumerate(ends)
    ]
    file = folder / "calls of yesterday.csv"
    file.write_text(HEADER + "".join(rows))
    return file


def mended(file: Path, folder: Path) -> Path:
    """Return the downloaded rows in error, with the first one corrected and the other left out."""
    with file.open(newline="") as source:
        rows = csv.DictReader(source)
        wrong = next(rows)
    assert "Not a valid date and time" in wrong["reason"]
    wrong["end_time"] = wrong["start_time"].replace("23:00:00", "23:02:00")
    target = folder / "mended.csv"
    with target.open("w", newline="") as out:
        writer = csv.DictWriter(out, wrong)
        writer.writeheader()
        writer.writerow(wrong)
    return target


def calls_on_screen(site: Site, subscription: Subscription) -> int:
    """Return the number of the cycle's calls on the Subscription screen."""
    site.open(reverse("account_settings:subscription", args=[subscription.pk]))
    number = site.page.locator(".number", has_text="Calls").first.locator("a").first
    return int(number.inner_text().split()[0].replace(",", ""))


def calls_in_report(subscription: Subscription) -> list[str]:
    """Return the lines of yesterday's Voice Usage."""
    return report("voice-usage", subscription, str(today() - timedelta(days=1)), today=str(today()))


def send(page: Page, file: Path) -> None:
    page.get_by_label("Kind of data").select_option("calls")
    page.get_by_label("Account", exact=True).select_option(label="Acme Contact Centers")
    page.locator("#id_file").set_input_files(file)
    expect(page.locator("#drop-name")).to_have_text(file.name)
    page.get_by_role("button", name="Upload and check").click()


def standing(page: Page) -> Locator:
    return page.locator("#standing-title")


def test_a_file_with_errors_is_corrected_uploaded_again_and_changes_the_report(
    site: Site, processes: Processes, staff: Administrator, subscription: Subscription, tmp_path: Path
) -> None:
    page = site.page
    site.sign_in(staff, reverse("admin:usage_upload_add"))
    send(page, calls_file(tmp_path))
    expect(standing(page)).to_be_visible()
    processes.worker("uploads")  # started only now, so that the page has loaded when the state changes
    expect(standing(page)).to_have_text("Ready to apply", timeout=SOON)
    expect(page.get_by_role("status")).to_have_text("Ready to apply")
    expect(page.locator(".count.error dd")).to_have_text("2")
    expect(page.locator("table.errors")).to_contain_text("The call ends before it starts.")
    assert violations(site) == []
    with page.expect_download() as arriving:
        page.get_by_role("link", name="Download rows to fix").click()
    before, lines = calls_on_screen(site, subscription), calls_in_report(subscription)
    site.open(reverse("admin:usage_upload_add"))
    send(page, mended(arriving.value.path(), tmp_path))
    expect(standing(page)).to_have_text("Ready to apply", timeout=SOON)
    expect(page.locator(".count.new dd")).to_have_text("1")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(standing(page)).to_have_text("Applied", timeout=SOON)
    expect(page.locator(".upload-about")).to_contain_text(f"confirmed by {staff}")
    assert violations(site) == []
    assert calls_on_screen(site, subscription) == before + 1
    [added] = set(calls_in_report(subscription)) - set(lines)
    assert added.startswith("new-1@sip,+14155550100,")


def test_the_form_has_the_fields_of_the_kind_and_takes_a_file_by_keyboard_on_a_phone(
    site: Site, staff: Administrator, subscription: Subscription
) -> None:
    page = site.page
    # Listening right before a chooser opens may be too late, because Chromium has to be notified first.
    page.on("filechooser", lambda _chooser: None)
    page.set_viewport_size({"width": 390, "height": 844})
    site.sign_in(staff, f"{reverse('admin:usage_upload_add')}?kind=charges")
    expect(page.get_by_label("Account", exact=True)).to_be_hidden()
    expect(page.get_by_label("Create users")).to_be_hidden()
    page.get_by_label("Kind of data").select_option("sessions")
    expect(page.get_by_label("Account", exact=True)).to_be_visible()
    expect(page.get_by_label("Create users")).to_be_visible()
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("#file-errors")).to_have_text("This field is required.")
    expect(page.locator("#id_file")).to_be_focused()
    with page.expect_file_chooser():
        page.keyboard.press("Space")
    assert overflow(site) == 0
    page.get_by_role("link", name="Login sessions: columns and an example file").click()
    expect(page.get_by_role("heading", name="Login sessions")).to_be_visible()
    assert overflow(site) == 0
    assert violations(site) == []
    # The browser itself logs every unsuccessful answer.
    assert [complaint for complaint in site.complaints if "422" not in complaint] == []
    site.complaints.clear()
