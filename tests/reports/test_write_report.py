"""Writing a report: one snapshot, the same bytes every time, and progress on the way."""

import hashlib
import threading
from datetime import date, timedelta

import pytest
from django.db import InternalError, connection, connections
from django.test.utils import CaptureQueriesContext

from billing.cycles import RangeError
from billing.models import Subscription
from reports import types
from reports.engine import rows
from reports.engine.report_type import ReportType, Scope
from reports.engine.write import expected_rows, select, snapshot
from tests.factories import (
    instant,
    make_call,
    make_charge,
    make_entity,
    make_resource_usage,
    make_session,
    make_subscription,
)
from tests.report_files import make_scope, write

every_type = pytest.mark.parametrize("report_type", types.all_types(), ids=lambda report_type: report_type.slug)


@pytest.fixture
def scope() -> Scope:
    """Create two cycles with a little of everything in them."""
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    charge = make_charge(name="CX 2 Named")
    for user in range(3):
        entity = make_entity(account=subscription.account)
        for day in range(22, 26):
            start = instant(f"2026-03-{day}T22:10:00.5") + timedelta(minutes=7 * user)
            make_session(entity=entity, charge=charge, started_at=start, ended_at=start + timedelta(hours=3, seconds=1))
    for day in range(22, 26):
        make_resource_usage(account=subscription.account, used_on=date(2026, 3, day), quantity="0.1")
        make_call(account=subscription.account, started_at=instant(f"2026-03-{day}T23:30"))
    return make_scope(subscription, "2026-03-21..2026-05-01")


def show_everything_in_another_way() -> None:
    """Change settings of the database session until the end of the test's transaction."""
    settings = {
        "TimeZone": "Pacific/Chatham",
        "DateStyle": "German, DMY",
        "IntervalStyle": "iso_8601",
        "extra_float_digits": "-15",
        "standard_conforming_strings": "off",
    }
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute(f"SET LOCAL {name} TO %s", [value])


def test_lists_show_the_types_in_this_order() -> None:
    assert [report_type.title for report_type in types.all_types()][:5] == [
        "Billable Usage",
        "Concurrent Usage",
        "Resources Usage",
        "Voice Usage",
        "User Hour Usage",
    ]


@pytest.mark.django_db
@every_type
def test_what_is_said_about_a_file_is_true(report_type: ReportType, scope: Scope) -> None:
    content, written = write(report_type.slug, scope)

    assert written.rows == content.count(b"\n") - 1 > 0
    assert written.bytes == len(content)
    assert written.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.django_db
@every_type
def test_the_expected_rows_are_those_that_come(report_type: ReportType, scope: Scope) -> None:
    _content, written = write(report_type.slug, scope)

    assert expected_rows(connection, report_type, scope) == written.rows


@pytest.mark.django_db
@every_type
def test_screens_select_the_rows_of_the_file(report_type: ReportType, scope: Scope) -> None:
    _content, written = write(report_type.slug, scope)

    with connection.cursor() as cursor:
        cursor.execute(select(report_type, scope).as_string(cursor.connection))
        assert [column.name for column in cursor.description] == [column.heading for column in report_type.columns]
        assert len(cursor.fetchall()) == written.rows


@pytest.mark.django_db
@every_type
def test_a_file_is_written_while_queries_are_logged(report_type: ReportType, scope: Scope) -> None:
    content, _written = write(report_type.slug, scope)

    with CaptureQueriesContext(connection) as queries:
        assert write(report_type.slug, scope)[0] == content
    assert len(queries) <= 3


@pytest.mark.django_db
@every_type
def test_the_bytes_do_not_depend_on_how_a_session_shows_values(report_type: ReportType, scope: Scope) -> None:
    content, _written = write(report_type.slug, scope)
    show_everything_in_another_way()

    assert write(report_type.slug, scope)[0] == content


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stored", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("+cmd", "'+cmd"),
        ("-2+3", "'-2+3"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("+14155550100", "+14155550100"),
        ("-12.5", "-12.5"),
        ("+", "'+"),
        ("+1.", "'+1."),
        ("+1 415", "'+1 415"),
        ("=", "'="),
        ("+1\n", '"\'+1\n"'),
        ("+1 ", "'+1 "),
        ("+1_000", "'+1_000"),
        ("+0xFFFFFFFF", "'+0xFFFFFFFF"),
        ("\t12", "'\t12"),
        ("+5", "+5"),
        ("+0", "+0"),
        ("+0049301234", "+0049301234"),
        ("+99999999999999999999", "+99999999999999999999"),
        ("'=1", "''=1"),
        ('say "hi"', '"say ""hi"""'),
        ("a,b", '"a,b"'),
        ("two\nlines", '"two\nlines"'),
        ("Zoë 🎧 電話", "Zoë 🎧 電話"),
        ("", ""),
        (r"\.", r"\."),
        ("NULL", "NULL"),
    ],
)
def test_text_is_quoted_where_needed_and_never_run_as_a_formula(stored: str, cell: str) -> None:
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    make_call(account=subscription.account, sip_call_id="c", origin=stored, started_at=instant("2026-03-22T09:00"))

    content, written = write("voice-usage", make_scope(subscription, "2026-03-22"))

    assert content.decode().partition("\n")[2].startswith(f"c,{cell},+14155550101,")
    assert written.rows == 1


@pytest.mark.django_db
def test_progress_is_reported_at_once_and_at_the_end(scope: Scope) -> None:
    reported: list[int] = []

    _content, written = write("user-hours", scope, progress=reported.append)

    assert reported == [1, written.rows]


@pytest.mark.django_db
def test_progress_is_reported_regularly(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.engine.write.SECONDS_BETWEEN_PROGRESS", 0)
    monkeypatch.setattr(rows, "ROWS_PER_BLOCK", 1)
    reported: list[int] = []

    _content, written = write("user-hours", scope, progress=reported.append)

    assert reported == [*range(1, written.rows + 1), written.rows]


@pytest.mark.django_db
def test_progress_ends_the_writing_by_raising(scope: Scope) -> None:
    def stop(_rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write("voice-usage", scope, progress=stop)

    assert expected_rows(connection, types.by_slug("voice-usage"), scope) == 4  # the connection still answers


@pytest.mark.django_db
def test_a_range_outside_the_window_is_refused_and_the_window_named() -> None:
    with pytest.raises(RangeError, match="data is available from 2026-03-21 through 2026-03-30"):
        make_scope(make_subscription(activation_date=date(2026, 3, 21)), "2026-03-21..2026-03-31", today="2026-03-31")


@pytest.mark.django_db(transaction=True)
@every_type
def test_a_snapshot_does_not_see_what_others_write_meanwhile(report_type: ReportType, scope: Scope) -> None:
    subscription = Subscription.objects.get(pk=scope.subscription_id)

    def upload() -> None:
        make_call(account=subscription.account, started_at=instant("2026-03-22T09:00"))
        make_resource_usage(account=subscription.account, used_on=date(2026, 3, 22))
        entity = make_entity(account=subscription.account)
        make_session(entity=entity, started_at=instant("2026-03-22T09:00"), ended_at=instant("2026-03-22T23:00"))
        connections.close_all()

    with snapshot():
        before, _written = write(report_type.slug, scope)
        other = threading.Thread(target=upload)
        other.start()
        other.join()
        assert write(report_type.slug, scope)[0] == before
    with snapshot():
        assert write(report_type.slug, scope)[0] != before


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_can_only_be_read() -> None:
    with pytest.raises(InternalError, match="read-only transaction"), snapshot():
        make_subscription()
