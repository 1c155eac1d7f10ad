"""Examples of requests and responses. They tell one consistent story of a customer and a report."""

from typing import Any

Json = dict[str, Any]

SITE = "https://reports.example/api/v1"
JOB = f"{SITE}/report-jobs/0191d3c2-7b1e-7c4a-9d56-2f1b8a3c4d5e"
SHA256 = "e3f1f25a8c6c7ad1a4c5d8f0b3d9d2d27a5b1c6e8f90123456789abcdef01234"
ETAG = f'"{SHA256}"'
CSV = "Date,Peak Concurrent Users,Minutes at Peak\n2026-11-20,412,3.50\n2026-11-21,415,17.25\n"
JSON_LINES = (
    '{"Date":"2026-11-20","Peak Concurrent Users":412,"Minutes at Peak":3.50}\n'
    '{"Date":"2026-11-21","Peak Concurrent Users":415,"Minutes at Peak":17.25}\n'
)

ROOT: Json = {
    "subscriptions": f"{SITE}/subscriptions/",
    "report_types": f"{SITE}/report-types/",
    "report_jobs": f"{SITE}/report-jobs/",
    "schema": "https://reports.example/api/schema/",
    "documentation": "https://reports.example/api/docs/",
}

SUBSCRIPTION: Json = {
    "url": f"{SITE}/subscriptions/7/",
    "id": 7,
    "number": "SUB-1001",
    "account": {"code": "ACME", "name": "Acme Contact Centers"},
    "currency": "USD",
    "activation_date": "2026-09-21",
    "ended_on": None,
    "cycle_policy": "through_anniversary",
    "cycle": {"index": 2, "first_day": "2026-11-22", "last_day": "2026-12-21"},
    "previous_cycles": [
        {"index": 1, "first_day": "2026-10-22", "last_day": "2026-11-21"},
        {"index": 0, "first_day": "2026-09-21", "last_day": "2026-10-21"},
    ],
    "data_available_from": "2026-09-21",
    "data_available_through": "2026-11-21",
    "default_range": {"date_from": "2026-10-22", "date_through": "2026-11-21"},
    "report_jobs": f"{SITE}/report-jobs/?subscription=SUB-1001",
}

COLUMNS = [
    {"name": "Date", "kind": "date", "unit": ""},
    {"name": "Peak Concurrent Users", "kind": "integer", "unit": "users"},
    {"name": "Minutes at Peak", "kind": "decimal", "unit": "minutes"},
]

REPORT_TYPE: Json = {
    "url": f"{SITE}/report-types/concurrent-usage/",
    "slug": "concurrent-usage",
    "title": "Concurrent Usage",
    "description": "the most users logged in at once, each day, and for how long",
    "columns": COLUMNS,
    "formats": [{"slug": "csv", "title": "CSV", "content_type": "text/csv; charset=utf-8"}],
}

ORDER: Json = {"report_type": "concurrent-usage", "subscription": "SUB-1001"}
ORDER_WITH_DAYS: Json = {**ORDER, "date_from": "2026-10-22", "date_through": "2026-11-21", "format": "csv"}
ORDER_AGAIN: Json = {**ORDER_WITH_DAYS, "again": True}

QUEUED: Json = {
    "id": "0191d3c2-7b1e-7c4a-9d56-2f1b8a3c4d5e",
    "url": f"{JOB}/",
    "state": "queued",
    "report_type": "concurrent-usage",
    "format": "csv",
    "totals_sheet": False,
    "subscription": "SUB-1001",
    "subscription_url": f"{SITE}/subscriptions/7/",
    "account": "ACME",
    "date_from": "2026-10-22",
    "date_through": "2026-11-21",
    "requested_at": "2026-11-22T09:14:03.250000Z",
    "requested_by": "ana@acme.example",
    "started_at": None,
    "finished_at": None,
    "progress": {"rows_done": 0, "rows_expected": None, "percent": None},
    "error": None,
    "result": None,
    "cancel": f"{JOB}/cancel/",
}

RUNNING: Json = {
    **QUEUED,
    "state": "running",
    "started_at": "2026-11-22T09:14:03.500000Z",
    "progress": {"rows_done": 12, "rows_expected": 31, "percent": 38},
}

_FINISHED: Json = {**RUNNING, "finished_at": "2026-11-22T09:14:05.125000Z", "cancel": None}

CANCELLED: Json = {**_FINISHED, "state": "cancelled"}

FAILED: Json = {
    **_FINISHED,
    "state": "failed",
    "error": {
        "type": "urn:tallydesk:problem:report-failed",
        "title": "The report could not be made",
        "detail": "The worker stopped unexpectedly three times. Request the report again.",
    },
}

SUCCEEDED: Json = {
    **_FINISHED,
    "state": "succeeded",
    "progress": {"rows_done": 31, "rows_expected": 31, "percent": 100},
    "result": {
        "format": "csv",
        "bytes": 642,
        "rows": 31,
        "sha256": SHA256,
        "as_of": "2026-11-22T09:14:03.510000Z",
        "file": f"{JOB}/file/",
        "manifest": f"{JOB}/manifest/",
        "expires_at": "2026-12-22T09:14:05.125000Z",
    },
}

REQUESTED: Json = {**QUEUED, "joined": False, "unchanged": False}
JOINED: Json = {**RUNNING, "joined": True, "unchanged": False}
UNCHANGED: Json = {**SUCCEEDED, "joined": False, "unchanged": True}

MANIFEST: Json = {
    "report_type": "concurrent-usage",
    "title": "Concurrent Usage",
    "columns": COLUMNS,
    "subscription": "SUB-1001",
    "account": "ACME",
    "date_from": "2026-10-22",
    "date_through": "2026-11-21",
    "cycles": [{"first_day": "2026-10-22", "last_day": "2026-11-21"}],
    "requested_by": "ana@acme.example",
    "requested_at": "2026-11-22T09:14:03.250000Z",
    "as_of": "2026-11-22T09:14:03.510000Z",
    "format": "csv",
    "content_type": "text/csv; charset=utf-8",
    "file_name": "concurrent-usage_SUB-1001_2026-10-22_2026-11-21.csv",
    "rows": 31,
    "bytes": 642,
    "sha256": SHA256,
    "totals": {
        "rows": 31,
        "sums": [
            {"column": "Minutes at Peak", "amount": "431.25", "unit": "minutes", "per": "", "group": ""},
        ],
        "distinct": [],
        "counts": [],
    },
    "software_version": "1.0.0",
}

EXPIRED: Json = {**SUCCEEDED, "result": {**SUCCEEDED["result"], "file": None}}

WEBHOOK_TEST: Json = {"endpoint": "https://hooks.acme.example/tallydesk", "account": "ACME"}


def page(result: Json) -> Json:
    """Return a page with one result."""
    return {"next": None, "previous": None, "results": [result]}
