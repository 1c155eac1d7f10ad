"""Manifests of reports that a worker wrote: every field is compared with the file and the data."""

import csv
import hashlib
import io
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription
from reports import formats, tasks, types
from reports.models import ReportJob
from tests.addresses import to
from tests.api_clients import program
from tests.report_jobs import make_job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("files_root")]


@pytest.fixture
def subscription(subscription_with_usage: Subscription) -> Subscription:
    """Return a subscription with unrated calls, and calls in two currencies, in two billing cycles."""
    return subscription_with_usage


def made(subscription: Subscription, ana: Administrator, report_type: str, **fields: Any) -> ReportJob:
    """Return a report for 20 through 23 November 2017, written by the task."""
    days = {"date_from": date(2017, 11, 20), "date_through": date(2017, 11, 23)}
    job = make_job(subscription=subscription, requested_by=ana, report_type=report_type, **{**days, **fields})
    tasks.generate_report(str(job.pk))
    return ReportJob.objects.get(pk=job.pk)


def cells_of(job: ReportJob) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(job.file.read().decode(), newline="")))


def test_the_manifest_of_a_report_says_of_file_data_and_request_what_is_true(
    subscription: Subscription, ana: Administrator, files_root: Path
) -> None:
    before = ReportJob.objects.count()
    job = made(subscription, ana, "voice-usage")
    content = (files_root / "reports" / f"{job.pk}.1.csv").read_bytes()
    rows = cells_of(job)

    manifest = program(ana).get(to("report-job-manifest", job.pk)).json()

    totals = manifest.pop("totals")
    as_of = datetime.fromisoformat(manifest.pop("as_of"))
    assert job.finished_at is not None
    assert job.requested_at <= as_of <= job.finished_at
    assert manifest == {
        "report_type": "voice-usage",
        "title": "Voice Usage",
        "columns": [column.described() for column in types.by_slug("voice-usage").columns],
        "subscription": "SUB-1001",
        "account": subscription.account.code,
        "date_from": "2017-11-20",
        "date_through": "2017-11-23",
        "cycles": [
            {"first_day": "2017-10-21", "last_day": "2017-11-21"},
            {"first_day": "2017-11-22", "last_day": "2017-12-21"},
        ],
        "requested_by": "ana@acme.example",
        "requested_at": job.requested_at.isoformat().replace("+00:00", "Z"),
        "format": "csv",
        "content_type": "text/csv; charset=utf-8",
        "file_name": "voice-usage_SUB-1001_2017-11-20_2017-11-23.csv",
        "rows": len(rows),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "software_version": settings.VERSION,
    }
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        costs[row["Currency"]] += Decimal(row["Total cost"] or 0)
    assert costs.pop("") == 0
    assert [it for it in totals["sums"] if it["column"] == "Total cost"] == [
        {"column": "Total cost", "amount": str(costs[currency]), "unit": "", "per": "Currency", "group": currency}
        for currency in ("EUR", "USD")
    ]
    seconds = sum(int(row["Duration (Seconds)"]) for row in rows)
    assert totals["sums"][0] == {
        "column": "Duration (Seconds)",
        "amount": str(seconds),
        "unit": "seconds",
        "per": "",
        "group": "",
    }
    unrated = sum(not row["Usage Rate Per Minute"] for row in rows)
    assert (totals["rows"], totals["distinct"]) == (len(rows), [])
    assert totals["counts"] == [{"name": "Calls unrated", "count": unrated}]
    assert (len(rows), unrated, before) == (7, 4, 0)


def test_times_are_added_up_in_milliseconds_and_users_are_counted(
    subscription: Subscription, ana: Administrator
) -> None:
    job = made(subscription, ana, "user-hours")
    rows = cells_of(job)
    time = timedelta()
    for row in rows:
        hours, minutes, seconds, milliseconds = map(int, row["Duration"].split(":"))
        time += timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)

    totals = program(ana).get(to("report-job-manifest", job.pk)).json()["totals"]

    assert totals["sums"] == [
        {
            "column": "Duration",
            "amount": str(time // timedelta(milliseconds=1)),
            "unit": "milliseconds",
            "per": "",
            "group": "",
        }
    ]
    assert totals["distinct"] == [{"column": "User", "count": len({row["User"] for row in rows})}]


@pytest.mark.parametrize("file_format", [it.slug for it in formats.all_formats()])
def test_the_totals_are_the_same_in_every_format(
    subscription: Subscription, ana: Administrator, file_format: str
) -> None:
    job = made(subscription, ana, "resource-usage", format=file_format)

    manifest = program(ana).get(to("report-job-manifest", job.pk)).json()

    assert manifest["content_type"] == formats.by_slug(file_format).content_type
    assert [(it["amount"], it["per"]) for it in manifest["totals"]["sums"]] == [("12", "Resource")]


def test_the_screen_hands_out_the_manifest_of_the_api_byte_for_byte(
    subscription: Subscription, ana: Administrator
) -> None:
    job = made(subscription, ana, "billable-usage")
    browser = Client()
    browser.force_login(ana)

    of_screen = browser.get(reverse("account_settings:report-job-manifest", args=[job.pk]))

    assert of_screen.content == program(ana).get(to("report-job-manifest", job.pk)).content
    assert of_screen["Content-Type"] == "application/json"
    assert of_screen["Cache-Control"] == "private, no-store"
    assert of_screen["Content-Disposition"] == (
        'attachment; filename="billable-usage_SUB-1001_2017-11-20_2017-11-23.csv.manifest.json"'
    )
