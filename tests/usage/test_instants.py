"""Instants as other tools write them, and what is said of those that are no instants."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.factories import make_account
from tests.profiles import examples
from tests.usage_files import table, upload
from usage.models import Call

pytestmark = pytest.mark.django_db

NINE = datetime(2026, 2, 10, 9, tzinfo=UTC)


def call(start: str) -> str:
    """Return a file of one call with this start."""
    return table("calls", f'c1,1,2,US,voice,Inbound,"{start}",2026-06-15T12:00:00Z')


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-02-10 09:00:00+00:00", NINE),
        ("2026-02-10T09:00:00+0000", NINE),
        ("2026-02-10 09:00:00 UTC", NINE),
        ("2026-02-10T09:00:00UTC", NINE),
        ("2026-02-10 09:00:00 Z", NINE),
        ("2026-02-10 14:30:00 +0530", NINE),
        ("2026-02-10 00:30:00.123456789-0830", NINE.replace(microsecond=123_000)),
        ("2026-02-10T09:00:00.999999999Z", NINE.replace(microsecond=999_000)),
        ("2026-02-10 09:00:00.0009 UTC", NINE),
        ("\u200e2026-02-10T09:00:00Z\u202c", NINE),
    ],
)
def test_instants_are_read_as_tools_write_them(written: str, kept: datetime) -> None:
    assert upload(kind="calls", text=call(written), account=make_account()).reasons == []
    assert Call.objects.get().started_at == kept


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("2026-02-10T09:00:00", "no zone. Use 2026-03-01T09:14:03Z (UTC) or an offset such as +02:00."),
        ("2026-02-10 09:00:00.123", "no zone"),
        ("2026-02-10 09:00 AM", "AM or PM. Write hours from 00 to 23"),
        ("02/10/2026 9:00:00 pm", "AM or PM"),
        ("09:00 AM", "AM or PM"),
        ("2026-02-10T09:00:00 a.m.", "AM or PM"),
        ("1772000000", "counts from 1970 (epoch). Write 2026-03-01T09:14:03Z."),
        ("1772000000.250", "epoch"),
        ("1772000000123", "epoch"),
        ("46082.375", "a spreadsheet's"),
        ("2026-02-10 09:00:00 CET", "zone is a name. Use 2026-03-01T09:14:03Z (UTC) or an offset such as +02:00."),
        ("2026-02-10T09:00:00 Europe/Berlin", "zone is a name"),
        ("2026-02-10T09:00:00+01:00[Europe/Berlin]", "zone is a name"),
        ("2026-02-10 09:00:00 GMT", "zone is a name"),
        ("2026-02-10 09:00:00 (Central European Time)", "zone is a name"),
        ("2026-02-10T09:00:00z", "zone is not in capitals"),
        ("2026-02-10 09:00:00 utc", "zone is not in capitals"),
        ("2026-02-10T09:00Z", "no seconds"),
        ("2026-02-10 09:00", "no seconds"),
        ("2026-02-10", "no time"),
        ("2026-02-10 09:00:00,250+01:00", "seconds have a comma"),
        ("2026-02-10T09:00:00+2", "offset is not as +02:00"),
        ("2026-02-10T09:00:00+16:00", "offset is not as +02:00"),
        ("2026-02-10T24:00:00Z", "hours are 00 to 23"),
        ("10.02.2026 09:00:00", "date is not year-month-day"),
        ("2026/02/10 09:00:00Z", "date is not year-month-day"),
        ("2026-02-30 09:00:00 UTC", "There is no such date."),
        ("2026-02-10T\u200b09:00:00Z", 'The character U+200B after "2026-02-10T" cannot be seen: delete it.'),
        ("soon", "Not a valid date and time. Use 2026-03-01T09:14:03Z"),
    ],
)
def test_other_instants_are_refused_with_what_is_wrong(written: str, part: str) -> None:
    result = upload(kind="calls", text=call(written), account=make_account())
    assert [(line, column) for line, column, _reason in result.reasons] == [(2, "start_time")]
    assert part in result.errors[0].reason


class Instants(TestCase):
    """Every instant that Python can write in these forms is read as the same one, cut to its millisecond."""

    @settings(max_examples=examples(15))
    @given(
        moment=st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2026, 6, 1)),  # noqa: DTZ001 - UTC below
        minutes=st.integers(-15 * 60 - 59, 15 * 60 + 59),
        nanoseconds=st.integers(0, 999),
        digits=st.integers(0, 9),
        mark=st.sampled_from("T "),
        space=st.sampled_from(["", " "]),
        form=st.sampled_from(["%:z", "%z", "Z", "UTC"]),
    )
    def test_they_are_cut_and_never_rounded(
        self, moment: datetime, minutes: int, nanoseconds: int, digits: int, mark: str, space: str, form: str
    ) -> None:
        zone = timezone(timedelta(minutes=minutes if "z" in form else 0))
        local = moment.replace(tzinfo=UTC).astimezone(zone)
        fraction = f".{local.microsecond:06d}{nanoseconds:03d}"[: digits + 1] if digits else ""
        offset = f"{local:%z}"
        ends = {"%:z": f"{offset[:3]}:{offset[3:]}", "%z": offset}
        written = f"{local:%Y-%m-%d}{mark}{local:%H:%M:%S}{fraction}{space}{ends.get(form, form)}"
        account = make_account()
        assert upload(kind="calls", text=call(written), account=account).reasons == []
        milliseconds = int(fraction[1:4].ljust(3, "0"))
        assert Call.objects.get(account=account).started_at == local.replace(microsecond=milliseconds * 1000)
