"""Reports written while uploads write: each shows one state of the data, in rows and totals alike."""

import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import cycle

import pytest
from django.db import connection

from billing.models import Account, Administrator, Subscription
from jobs.states import State
from reports import formats, tasks
from reports.engine.totals import Totals
from reports.models import ReportJob
from tests.factories import make_rate, make_subscription, make_version
from tests.people import make_uploader, permitted_administrator
from tests.report_jobs import make_job
from tests.report_readers import READERS
from tests.uploads import applied, uploaded
from usage.models import UploadKind, UploadStatus
from usage.uploads.receive import receive_upload

pytestmark = pytest.mark.django_db(transaction=True)

UPLOADS = 8
SECONDS, SHEET, COST = 9, 15, 13


def calls(number: int) -> str:
    """Return the n-th file: n times 100 calls of n minutes each. It changes the earlier calls and adds a hundred."""
    heading = "sip_call_id,origin,destination,usage_group,call_type,direction,start_time,end_time\n"
    line = "call-{:04},1,2,US-FIXED,voice,Outbound,2017-11-22T09:00:00Z,2017-11-22T09:{:02}:00Z\n"
    return heading + "".join(line.format(call, number) for call in range(number * 100))


def write(account: Account, uploader: Administrator, done: list[int]) -> None:
    """Upload one after the other; `done` are the numbers of those that are committed."""
    try:
        for number in range(1, UPLOADS + 1):
            upload = receive_upload(
                administrator=uploader, kind=UploadKind.CALLS, account=account, file=uploaded(calls(number))
            )
            assert applied(upload).status == UploadStatus.APPLIED
            done.append(number)
    finally:
        connection.close()


@pytest.fixture(name="subscription")
def _subscription() -> Subscription:
    version = make_version()
    make_rate(version=version, rate="0.01")
    return make_subscription(rate_sheet=version.rate_sheet)


@pytest.fixture(name="done")
def _done(subscription: Subscription, files_root: object) -> Iterator[list[int]]:
    """Return what another thread has uploaded so far."""
    done: list[int] = []
    uploader = make_uploader(accounts=(subscription.account,))
    thread = threading.Thread(target=write, args=[subscription.account, uploader, done])
    thread.start()
    yield done
    thread.join()


def test_a_report_made_while_uploads_are_writing_shows_the_data_of_one_moment(
    subscription: Subscription, done: list[int]
) -> None:
    administrator = permitted_administrator(subscription=subscription)
    seen = set()
    for file_format in cycle(formats.all_formats()):
        before = len(done)
        job = make_job(
            subscription=subscription,
            requested_by=administrator,
            report_type="voice-usage",
            format=file_format.slug,
            date_from=date(2017, 11, 22),
            date_through=date(2017, 11, 22),
        )
        tasks.generate_report(str(job.pk))
        after = len(done)
        job = ReportJob.objects.get(pk=job.pk)
        assert job.state == State.SUCCEEDED, job.failure
        rows = READERS[file_format.slug](job.file.read())[1:]
        moment = len(rows) // 100
        seen.add(moment)
        assert len(rows) == job.file_rows == moment * 100
        assert before <= moment <= after + 1  # the one just committed may not have been recorded yet
        assert {int(row[SECONDS]) for row in rows} <= {moment * 60}
        assert {Decimal(str(row[COST])) for row in rows} <= {Decimal(moment) / 100}
        totals = Totals.from_json(job.totals or {})
        assert (totals.rows, *sums(totals)) == (
            len(rows),
            Decimal(len(rows) * moment * 60),
            len(rows) * Decimal(moment) / 100,
        )
        if before == UPLOADS:
            break
    assert len(seen) > 1


def sums(totals: Totals) -> tuple[Decimal, Decimal]:
    """Return the calls' seconds and costs."""
    amounts = {it.column: it.amount for it in totals.sums}
    return amounts["Duration (Seconds)"], amounts.get("Total cost", Decimal(0))
