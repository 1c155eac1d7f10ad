"""Compare with …: what late data changed between two runs of a report."""

import re
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription
from jobs.states import State
from reports.comparisons.enqueue import enqueue_comparison
from reports.engine.totals import NamedCount, Sum, Totals
from reports.models import Comparison, ReportJob
from reports.screens.comparisons.cards import MINUS, total_lines
from tests.acme import make_acme
from tests.comparisons import FROM, THROUGH, change_late, made, make_run, make_usage
from tests.factories import instant, make_call, make_resource_usage, make_subscription
from tests.people import client_of, make_member, make_role
from tests.report_jobs import make_job
from tests.screens.pages import markup, words
from usage.models import Call


@pytest.fixture(autouse=True)
def files(files_root: Path) -> Path:
    """Return where the default storage keeps its files."""
    return files_root


@pytest.fixture(autouse=True)
def worker_in_the_tests_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker use the test's connection: a transaction that is rolled back cannot have its own snapshot."""
    monkeypatch.setattr("reports.orders.run.snapshot", lambda: nullcontext(connection))


@pytest.fixture
def subscription(db: None) -> Subscription:
    return make_subscription(number="SUB-1001")


@pytest.fixture
def runs(subscription: Subscription, ana: Administrator) -> tuple[ReportJob, ReportJob]:
    """Return the same report before and after late data, the second one as a workbook."""
    usage = make_usage(subscription)
    before = make_run(subscription=subscription, requested_by=ana)
    change_late(usage)
    return before, make_run(subscription=subscription, requested_by=ana, format="xlsx")


def to(name: str, job: "ReportJob | Comparison", **query: object) -> str:
    return reverse(f"account_settings:{name}", args=[job.pk], query={key: str(it) for key, it in query.items()})


def compare(client: Client, job: ReportJob, other: ReportJob) -> Any:
    """Return the page after a worker has run the comparison."""
    posted = client.post(to("report-job-compare", job), {"with": other.pk})
    assert posted["Location"] == to("report-job-compare", job, **{"with": other.pk})
    made(Comparison.objects.latest("requested_at"))
    return client.get(posted["Location"])


def test_the_other_runs_are_offered_the_latest_first(
    ana_client: Client, runs: tuple[ReportJob, ReportJob], subscription: Subscription
) -> None:
    before, after = runs
    for other in ("user-hours", "voice-usage"):
        make_run(subscription=subscription, report_type=other)
    third = make_run(subscription=subscription)
    before.expire()

    page = ana_client.get(to("report-job-compare", third))

    options = re.findall(r'<option value="([^"]+)">([^<]*)<', markup(page.content.decode()))
    shape = "%-d %b %Y, %H:%M:%S" if made_at_once(third, after, before) else "%-d %b %Y, %H:%M"
    moments = [f"{run.finished_at:{shape}}" for run in (after, before)]
    assert options == [
        (str(after.pk), f"created {moments[0]} · 3 rows · Excel (XLSX)"),
        (str(before.pk), f"created {moments[1]} · 3 rows · file expired"),
    ]
    assert "This run created" in words(page)


def made_at_once(*runs: ReportJob) -> bool:
    """Return whether two of the runs finished within the same minute."""
    return len({run.finished_at.replace(second=0, microsecond=0) for run in runs if run.finished_at}) < len(runs)


@pytest.mark.parametrize("is_later", [True, False])
def test_late_data_are_shown_in_totals_counts_and_cells(
    is_later: bool, ana_client: Client, runs: tuple[ReportJob, ReportJob]
) -> None:
    before, after = runs
    page = compare(ana_client, *((after, before) if is_later else (before, after)))

    said = words(page)
    assert "Rows 3 3 none" in said
    assert f"Sum of Quantity 36 31.5 {MINUS}4.5 =SMS" in said
    assert "Added 1 Removed 1 Changed 1 Unchanged 1" in said
    assert "Change Date Resource Quantity Unit" in said
    assert "changed 2017-11-20 =SMS 12 became 12.5 message" in said
    assert "removed 2017-11-21 =SMS 12 message added 2017-11-22 =SMS 7 message" in said
    content = markup(page.content.decode())
    assert '<td class="decimal is-changed"> <del>12</del>' in content
    assert content.count("is-changed") == 1
    assert "http-equiv" not in content


def test_the_columns_of_the_key_come_first_then_those_that_changed(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    call = make_call(account=subscription.account, started_at=instant("2017-11-20T10:00"))
    before = make_run(subscription=subscription, requested_by=ana, report_type="voice-usage")
    Call.objects.update(call_type="fax", origin="+1")
    after = make_run(subscription=subscription, requested_by=ana, report_type="voice-usage")

    said = words(compare(ana_client, before, after))

    assert "Change SIP Call Id Origin Call Type Destination Usage Group" in said
    assert f"changed {call.sip_call_id} {call.origin} became +1 {call.call_type} became fax {call.destination}" in said


def with_totals(*sums: Sum, rows: int = 1) -> ReportJob:
    return ReportJob(report_type="user-hours", totals=Totals(rows, sums, (NamedCount("User", 2),)).as_json())


def test_totals_are_exact_and_what_one_run_has_alone_is_nothing_in_the_other() -> None:
    before = with_totals(
        Sum("Total cost", Decimal("1000.0050"), per="Currency", group="EUR"),
        Sum("Duration", Decimal(90_061_001), "milliseconds"),
    )
    after = with_totals(
        Sum("Total cost", Decimal("0.0125"), per="Currency", group="USD"),
        Sum("Duration", Decimal(90_000_000), "milliseconds"),
        rows=1001,
    )
    unit = "hh:mm:ss:mmm"
    assert [(it.name, it.of, it.before, it.after, it.difference) for it in total_lines(before, after)] == [
        ("Rows", "", "1", "1,001", "+1,000"),
        ("Sum of Total cost", "EUR", "1,000.0050", "0", f"{MINUS}1,000.0050"),
        ("Sum of Duration", unit, "25:01:01:001", "25:00:00:000", f"{MINUS}00:01:01:001"),
        ("Distinct users", "", "2", "2", ""),
        ("Sum of Total cost", "USD", "0", "0.0125", "+0.0125"),
    ]
    assert total_lines(before, ReportJob()) == []


def test_a_sum_that_an_earlier_version_made_of_rates_is_no_difference() -> None:
    before = with_totals(Sum("Usage Rate Per Minute", Decimal("0.05"), per="Currency", group="USD"))
    after = with_totals()
    before.report_type = after.report_type = "voice-usage"
    assert [it.name for it in total_lines(before, after)] == ["Rows", "Distinct values of User"]


def test_finished_reports_link_to_the_comparison(ana_client: Client, runs: tuple[ReportJob, ReportJob]) -> None:
    pages = [
        reverse("account_settings:report-jobs"),
        reverse("account_settings:download-usage-report", args=[runs[0].subscription_id]),
        to("report-job", runs[0]),
    ]
    for page in pages:
        assert f'href="{to("report-job-compare", runs[0])}"' in ana_client.get(page).content.decode()


def test_all_differences_are_a_file_to_download(ana_client: Client, runs: tuple[ReportJob, ReportJob]) -> None:
    page = compare(ana_client, *runs)
    comparison = Comparison.objects.get()
    assert to("comparison-file", comparison) in page.content.decode()

    answer = ana_client.get(to("comparison-file", comparison))

    assert answer.status_code == 200
    assert b"".join(answer).startswith(b"Change,Changed columns,Date,Resource,Quantity,Unit\n")
    name = "resource-usage_SUB-1001_2017-11-20_2017-11-23_changes.csv"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["Cache-Control"] == "private, no-store"
    assert ana_client.get(to("comparison-file", comparison), headers={"Range": "bytes=0-5"}).status_code == 206


def test_only_the_first_hundred_differences_are_shown(
    ana_client: Client, subscription: Subscription, runs: tuple[ReportJob, ReportJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.screens.comparisons.cards.SHOWN", 2)
    monkeypatch.setattr("reports.screens.comparisons.cards.first_differences.__defaults__", (2,))
    said = words(compare(ana_client, *runs))
    assert "Differences the first 2 of 3 rows" in said
    assert "2017-11-22" not in said


def test_the_page_says_that_runs_do_not_differ(
    ana_client: Client, subscription: Subscription, runs: tuple[ReportJob, ReportJob]
) -> None:
    page = compare(ana_client, runs[1], make_run(subscription=subscription))
    assert "No rows differ" in words(page)
    assert "Download all differences" not in words(page)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Starting…"),
        (
            {"phase": "reading before", "rows_done": 1200, "rows_expected": 3000},
            "Reading the earlier run: 1,200 of 3,000 rows…",
        ),
        ({"phase": "reading after", "rows_expected": 1}, "Reading the later run: 0 of 1 row…"),
        ({"phase": "comparing"}, "Comparing the rows…"),
        ({"phase": "writing", "rows_done": 1, "rows_expected": 4}, "Writing the differences…"),
    ],
)
def test_a_comparison_under_way_says_how_far_it_is_and_can_be_cancelled(
    fields: dict[str, Any], text: str, ana_client: Client, runs: tuple[ReportJob, ReportJob], ana: Administrator
) -> None:
    comparison = enqueue_comparison(administrator=ana, job=runs[0], other=runs[1])
    if fields:
        Comparison.objects.claim(comparison.pk)
        Comparison.objects.update(**fields, lease_until="2100-01-01T00:00Z")
    Comparison.objects.update(requested_at="2100-01-01T00:00Z")

    page = ana_client.get(to("report-job-compare", runs[0], **{"with": runs[1].pk}))

    assert text in words(page)
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page.content.decode()
    said = words(ana_client.post(to("comparison-cancel", comparison), follow=True))
    assert "The comparison was cancelled." in said
    assert "Try again" in said
    assert Comparison.objects.get().state == State.CANCELLED
    assert "had already finished" in words(ana_client.post(to("comparison-cancel", comparison), follow=True))


def progress_of(client: Client, comparison: Comparison, **query: object) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(to("comparison-progress", comparison, **query)).json()
    return answer


def test_progress_has_the_shape_of_all_work(
    ana_client: Client, runs: tuple[ReportJob, ReportJob], ana: Administrator
) -> None:
    comparison = enqueue_comparison(administrator=ana, job=runs[0], other=runs[1])
    started = progress_of(ana_client, comparison)
    assert started["progress"] == {"text": "Starting…", "done": 0, "expected": None, "isWaiting": False}
    assert "html" not in progress_of(ana_client, comparison, stage=started["stage"])
    Comparison.objects.update(requested_at="2000-01-01T00:00Z")
    waiting = progress_of(ana_client, comparison, stage=started["stage"])
    assert waiting["progress"]["isWaiting"] is True
    assert "html" not in waiting
    Comparison.objects.claim(comparison.pk)
    counting = {"phase": "reading before", "rows_done": 1200, "rows_expected": 3000}
    Comparison.objects.update(**counting, lease_until="2100-01-01T00:00Z")
    running = progress_of(ana_client, comparison, stage=started["stage"])
    text = "Reading the earlier run: 1,200 of 3,000 rows…"
    assert running["progress"] == {"text": text, "done": 1200, "expected": 3000, "isWaiting": False}


@pytest.mark.parametrize("is_later", [True, False])
def test_the_end_of_a_comparison_comes_as_the_page_of_either_run_shows_it(
    is_later: bool, ana_client: Client, runs: tuple[ReportJob, ReportJob], ana: Administrator
) -> None:
    job, other = reversed(runs) if is_later else runs
    comparison = enqueue_comparison(administrator=ana, job=job, other=other)
    stage = progress_of(ana_client, comparison)["stage"]
    address = to("report-job-compare", job, **{"with": other.pk})
    assert f'"{to("comparison-progress", comparison, run=job.pk)}"' in ana_client.get(address).content.decode()
    made(comparison)

    answer = progress_of(ana_client, comparison, stage=stage, run=job.pk)

    assert answer["progress"] is None
    assert answer["headline"] == "The rows have been compared."
    page = ana_client.get(address)
    assert " ".join(answer["html"].split()) in " ".join(page.content.decode().split())
    comparison.refresh_from_db()
    comparison.expire()
    again = progress_of(ana_client, comparison, run=job.pk)["html"]
    assert f'action="{to("report-job-compare", job)}"' in again
    assert f'value="{other.pk}"' in again


def test_a_cancelled_comparison_offers_to_try_again(
    ana_client: Client, runs: tuple[ReportJob, ReportJob], ana: Administrator
) -> None:
    comparison = enqueue_comparison(administrator=ana, job=runs[0], other=runs[1])
    comparison.cancel()
    answer = progress_of(ana_client, comparison, run="nonsense")
    assert (answer["progress"], answer["headline"]) == (None, "The comparison has ended.")
    assert "Try again" in answer["html"]


def test_without_a_file_only_the_totals_are_compared_and_no_job_is_created(
    ana_client: Client, runs: tuple[ReportJob, ReportJob]
) -> None:
    before, after = runs
    before.expire()

    page = ana_client.post(to("report-job-compare", after), {"with": before.pk}, follow=True)

    assert f"Sum of Quantity 36 31.5 {MINUS}4.5" in words(page)
    assert re.search(
        r"The file of the run created [\w ]+, [\d:]+ has expired, so the rows cannot be compared", words(page)
    )
    assert 'name="with" value' not in page.content.decode()
    assert not Comparison.objects.exists()


def test_counts_stay_when_the_list_of_differences_has_expired(
    ana_client: Client, runs: tuple[ReportJob, ReportJob]
) -> None:
    compare(ana_client, *runs)
    comparison = Comparison.objects.get()
    comparison.expire()

    said = words(ana_client.get(to("report-job-compare", runs[0], **{"with": runs[1].pk})))

    assert "Added 1 Removed 1 Changed 1 Unchanged 1" in said
    assert "The list of differences is no longer available" in said
    assert "Compare again" in said
    assert ana_client.get(to("comparison-file", comparison)).status_code == 410


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-30])])
def test_lost_differences_can_be_computed_again(
    lose: Callable[[Path], object], ana_client: Client, runs: tuple[ReportJob, ReportJob], files: Path
) -> None:
    compare(ana_client, *runs)
    lose(files / str(Comparison.objects.get().file.name))
    address = to("report-job-compare", runs[0], **{"with": runs[1].pk})

    said = words(ana_client.get(address))
    assert "Compare again" in said
    assert "Differences" not in said

    said = words(compare(ana_client, *runs))
    assert "Compare again" not in said
    assert "Differences" in said


def test_a_failure_is_shown_and_can_be_tried_again(
    ana_client: Client, runs: tuple[ReportJob, ReportJob], files: Path
) -> None:
    (files / str(runs[0].file.name)).unlink()
    said = words(compare(ana_client, *runs))
    assert "no longer available or is damaged" in said
    assert "Try again" in said


def test_a_report_that_was_made_once_can_be_made_again(
    ana_client: Client, subscription: Subscription, ana: Administrator
) -> None:
    job = make_run(subscription=subscription, requested_by=ana)
    page = ana_client.get(to("report-job-compare", job))
    assert "This report has been run only once" in words(page)
    assert to("report-job-again", job) in page.content.decode()


def test_without_a_choice_or_with_another_report_the_page_asks_for_one(
    ana_client: Client, runs: tuple[ReportJob, ReportJob], subscription: Subscription
) -> None:
    others = [
        "",
        "nonsense",
        uuid.uuid4(),
        runs[0].pk,
        make_run(subscription=subscription, report_type="user-hours").pk,
    ]
    for chosen in others:
        page = ana_client.post(to("report-job-compare", runs[0]), {"with": chosen})
        assert page.status_code == 422
        assert "Choose the run to compare with." in words(page)
        if chosen:
            assert ana_client.get(to("report-job-compare", runs[0], **{"with": chosen})).status_code == 404
    assert not Comparison.objects.exists()


def test_an_unfinished_report_cannot_be_compared(ana_client: Client, subscription: Subscription) -> None:
    page = ana_client.get(to("report-job-compare", make_job(subscription=subscription)))
    assert page.status_code == 409
    assert "The report is queued" in words(page)


def test_reports_of_another_account_are_neither_offered_nor_compared(
    ana_client: Client, runs: tuple[ReportJob, ReportJob], settings: Any
) -> None:
    acme = make_acme()
    usage = [make_resource_usage(account=acme.account, used_on=day) for day in (FROM, THROUGH)]
    usage.append(usage[1])
    foreign = make_run(subscription=acme)
    change_late(usage)
    theirs = enqueue_comparison(administrator=foreign.requested_by, job=foreign, other=make_run(subscription=acme))
    made(theirs)

    assert ana_client.get(to("report-job-compare", foreign)).status_code == 404
    assert ana_client.post(to("report-job-compare", foreign), {"with": theirs.after_id}).status_code == 404
    assert ana_client.post(to("report-job-compare", runs[0]), {"with": foreign.pk}).status_code == 422
    assert ana_client.get(to("comparison-file", theirs)).status_code == 404
    assert ana_client.post(to("comparison-cancel", theirs)).status_code == 404
    assert str(foreign.pk) not in ana_client.get(to("report-job-compare", runs[0])).content.decode()


@pytest.mark.parametrize("role", ["customer who views", "customer with all permissions", "support"])
def test_a_comparison_of_others_is_cancelled_only_by_staff_and_all_permissions(
    role: str, runs: tuple[ReportJob, ReportJob], ana: Administrator
) -> None:
    comparison = enqueue_comparison(administrator=ana, job=runs[0], other=runs[1])
    client = client_of(make_role(role, runs[0].account))
    may = role != "customer who views"
    page = client.get(to("report-job-compare", runs[0], **{"with": runs[1].pk}))
    assert (to("comparison-cancel", comparison) in page.content.decode()) is may
    answer = client.post(to("comparison-cancel", comparison))
    assert answer.status_code == (302 if may else 403)
    assert ("Somebody else asked for this comparison." in words(answer)) is not may
    assert Comparison.objects.get().state == (State.CANCELLED if may else State.QUEUED)


def test_a_colleague_without_the_permission_is_refused(runs: tuple[ReportJob, ReportJob], ana: Administrator) -> None:
    comparison = enqueue_comparison(administrator=ana, job=runs[0], other=runs[1])
    client = Client()
    client.force_login(make_member(runs[0].account, permissions=()))
    assert client.get(to("report-job-compare", runs[0])).status_code == 403
    assert client.get(to("comparison-file", comparison)).status_code == 403
    assert client.post(to("comparison-cancel", comparison)).status_code == 403


def test_more_runs_and_more_differences_take_no_more_queries(
    ana_client: Client, runs: tuple[ReportJob, ReportJob], subscription: Subscription, django_assert_num_queries: Any
) -> None:
    compare(ana_client, *runs)
    address = to("report-job-compare", runs[0], **{"with": runs[1].pk})
    with django_assert_num_queries(7) as few:
        ana_client.get(address)
    for _ in range(3):
        make_run(subscription=subscription)
    with django_assert_num_queries(len(few)):
        ana_client.get(address)
