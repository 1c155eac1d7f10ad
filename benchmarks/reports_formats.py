"""A million calls in the other formats: against CSV, against a stock export, and split over several sheets."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from django.db.models import Sum

from benchmarks.measuring import Figure, Measured, Speed, least_in_turn
from benchmarks.reports_voice import (
    CALLS,
    DAYS_OF_ALL,
    DAYS_OF_MILLION,
    MILLION,
    STOCK_CALLS,
    caller,
)
from benchmarks.reports_world import Customer, forget, made
from benchmarks.reports_yardsticks import stock_seconds
from jobs.files import local_path
from reports.formats.xlsx import MAX_SHEET_ROWS
from usage.models import Call

ROUNDS = 3
GZIP_BOUND, PARQUET_BOUND, STOCK_LEAST = 1.4, 2, 3


def figures() -> Iterator[Measured]:
    """Measure each format once a round and take the least of its seconds; measure the workbook once."""
    customer = caller()
    million = partial(customer.seconds, "voice-usage", DAYS_OF_MILLION, rows=MILLION)
    plain, packed, parquet, lines = least_in_turn(
        ROUNDS, *(partial(million, format=slug) for slug in ("csv", "csv.gz", "parquet", "jsonl"))
    )
    name = f"voice-usage, {MILLION:,} calls"
    yield Figure(f"{name}, CSV with gzip", packed, "CSV", plain, GZIP_BOUND)
    yield Figure(f"{name}, Parquet", parquet, "CSV", plain, PARQUET_BOUND)
    yield Figure(f"{name}, JSON Lines", lines, "CSV", plain, None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stock.xlsx"
        stock = partial(stock_seconds, customer, DAYS_OF_ALL, rows=STOCK_CALLS, workbook=True, path=path)
        least = stock()
        workbook = _split(customer)
        least = min(least, stock())
    name = f"voice-usage, {CALLS:,} calls, XLSX of two sheets"
    yield Speed(name, CALLS / workbook, "django-import-export", STOCK_CALLS / least, STOCK_LEAST)


def _split(customer: Customer) -> float:
    """Return the seconds of a workbook with a second sheet. Checks that it has every row, under the same header."""
    job = customer.asked("voice-usage", DAYS_OF_ALL, format="xlsx")
    seconds = made(job)
    path = local_path(str(job.file.name))
    command = [sys.executable, "-m", "benchmarks.reports_sheets", str(path)]
    read = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sheets = json.loads(read)
    rows = [sheet["rows"] for sheet in sheets]
    headers = {tuple(sheet["header"]) for sheet in sheets}
    cost = sum(sheet["cost"] for sheet in sheets)
    total = Call.objects.started_within(DAYS_OF_ALL.period).aggregate(total=Sum("cost"))["total"]
    if rows != [MAX_SHEET_ROWS - 1, CALLS - MAX_SHEET_ROWS + 1] or len(headers) != 1 or abs(cost - float(total)) > 0.01:
        raise RuntimeError(f"sheets of {rows} rows, {len(headers)} headers, costs of {cost} instead of {total}")
    print(
        f"read back: sheets of {' and '.join(f'{number:,}' for number in rows)} rows, {cost:.4f} USD in all", flush=True
    )
    forget(job)
    return seconds
