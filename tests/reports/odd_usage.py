"""Usage with awkward texts, long numbers and gaps, for the file formats."""

import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from hypothesis import strategies as st
from psycopg import sql

from billing.models import Charge, RateSheet, RateSheetVersion, Subscription, UsageGroup
from reports.engine.file_format import FileFormat
from reports.engine.report_type import ColumnKind, Query, ReportColumn, Scope
from reports.engine.rows import ReportRows
from tests.factories import (
    instant,
    make_call,
    make_entity,
    make_resource_usage,
    make_session,
    make_subscription,
    make_version,
)
from tests.report_files import ignore, make_scope
from usage.models import Call, Entity, LoginSession, Resource, ResourceUsage

HARD_TEXTS = (
    *("=1+1", "@cmd", "+cmd", "-2+3", "\tx", "\rx", "'=1", "+14155550100", "-12.5", "007", "1e5", "true", "2026-03-01"),
    *('say "hi"', '"', "a,b", "two\nlines", "a\r\nb", "\n", " both ends ", "\u00a0", "Zoë 🎧 電話", "שלום", "\ufeffx"),
    *("NULL", "null", "NaN", r"\.", "\\", r"\n", '{"a": 1}', "<r>x</b></r>", "<r><t>x</t></r>", "a & b", "_x0041_"),
    *("\x01\x02\x7f", "\u2028", "x" * 255, "🎧" * 255, "=" * 255, "#REF!", "http://a.example"),
)
# Not empty, like identifiers and names. XML excludes two code points that are not characters.
names = st.one_of(
    st.sampled_from(HARD_TEXTS),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffe\uffff"), min_size=1, max_size=12),
)
texts = st.one_of(names, st.just(""))
START = instant("2026-03-22T00:00")
moments = st.integers(0, 3 * 86_400_000).map(lambda milliseconds: START + timedelta(milliseconds=milliseconds))
lengths = st.integers(0, 90_000_000).map(lambda milliseconds: timedelta(milliseconds=milliseconds))
quantities = st.decimals(0, Decimal("99999999999999.999999"), places=6, allow_nan=False)
rates = st.decimals(0, Decimal("9999999999.999999"), places=6, allow_nan=False)
costs = st.decimals(0, Decimal("99999999999999999999.9999"), places=4, allow_nan=False)
calls = st.tuples(st.lists(texts, min_size=5, max_size=5), moments, lengths, st.none() | st.tuples(rates, costs))
worlds = st.fixed_dictionaries(
    {
        "sessions": st.lists(st.tuples(names, names, moments, lengths), max_size=4, unique_by=lambda it: it[:2]),
        "resources": st.lists(st.tuples(names, texts, quantities), max_size=4, unique_by=lambda it: it[0]),
        "calls": st.lists(calls, max_size=5),
        "sheet": names,
        "group": texts,
    }
)


def make_usage(subscription: Subscription, world: dict[str, Any]) -> None:
    """Create rows with these texts and numbers, which need not make sense."""
    account = subscription.account
    for number, (charge_name, identifier, start, length) in enumerate(world["sessions"]):
        charge, _created = Charge.objects.get_or_create(name=charge_name, defaults={"basis": "named"})
        kind = (
            "user"
            if identifier == identifier.lower() and identifier in (*HARD_TEXTS, ascii(identifier)[1:-1])
            else "device"
        )
        entity, _created = Entity.objects.get_or_create(account=account, identifier=identifier, kind=kind)
        LoginSession(
            account=account, session_id=number, entity=entity, charge=charge, started_at=start, ended_at=start + length
        ).save()
    for name, unit, quantity in world["resources"]:
        resource = Resource.objects.create(name=name, unit=unit)
        ResourceUsage(account=account, resource=resource, used_on=START.date(), quantity=quantity).save()
    sheet = RateSheet.objects.create(name=world["sheet"], currency="USD")
    version = RateSheetVersion.objects.create(rate_sheet=sheet, effective_from=date(2026, 1, 1))
    UsageGroup.objects.create(version=version, code="", display_name=world["group"])
    for number, (cells, start, length, rating) in enumerate(world["calls"]):
        sip_call_id, origin, destination, usage_group, call_type = cells
        rated = rating and {
            "rate_per_minute": rating[0],
            "cost": rating[1],
            "currency": "USD",
            "adjusted_seconds": 61 * number,
            "rate_sheet_version": version,
        }
        Call(
            account=account,
            sip_call_id=f"{sip_call_id[:250]}{number}",
            origin=origin,
            destination=destination,
            usage_group=usage_group,
            call_type=call_type,
            direction="Inbound",
            started_at=start,
            ended_at=start + length,
            **(rated or {}),
        ).save()


def few_days() -> Scope:
    """Return a few days with a little of everything: eight rows of hours, and four of most others."""
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    account = subscription.account
    version = make_version()
    for day in range(22, 26):
        start = instant(f"2026-03-{day}T22:10:00.5")
        make_session(entity=make_entity(account=account), started_at=start, ended_at=start + timedelta(hours=3))
        make_resource_usage(account=account, used_on=date(2026, 3, day), quantity="0.1")
        rated: dict[str, Any] = {
            "rate_per_minute": "0.0119",
            "cost": "0.0119",
            "currency": "USD",
            "adjusted_seconds": 60,
        }
        make_call(account=account, started_at=start, rate_sheet_version=version, **rated)
    return make_scope(subscription, "2026-03-21..2026-03-30")


KINDS = (
    ReportColumn('Says "it\'s", {so}\\', ColumnKind.TEXT, "words"),
    ReportColumn("Größe", ColumnKind.INTEGER, "whole"),
    ReportColumn("a", ColumnKind.DECIMAL, "broken", decimals=(0, 6)),
    ReportColumn("b", ColumnKind.DECIMAL, "broken", decimals=(2, 4)),
    ReportColumn("c", ColumnKind.DECIMAL, "broken", decimals=(2, 2)),
    ReportColumn("d", ColumnKind.DATE, "day"),
    ReportColumn("e", ColumnKind.INSTANT, "moment"),
    ReportColumn("f", ColumnKind.DURATION, "length"),
)
EXTREMES = """SELECT * FROM (VALUES
    (1, U&'\\FEFFfirst', 9223372036854775807, 123456789012.345678, date '2026-03-01',
        timestamptz '2026-03-01T23:59:59.999Z', 1),
    (2, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, '', -9223372036854775808, -123456789012.345678, '1900-02-28', '1900-02-28T23:59:59.999Z', 0),
    (4, 'x', 999999999999999, 999999999.999999, '1900-03-01', '1900-03-01T00:00:00Z', 86400000),
    (5, 'x', -999999999999999, 0, '2100-12-31', '9999-12-31T23:59:59Z', 359999999),
    (6, 'x', 0, 0.000001, '9999-12-31', '1970-01-01T00:00:00.001Z', 360000000),
    (7, 'x', 1000000000000000, -0.5, '1583-01-01', '1583-01-01T00:00:00Z', 42),
    (8, 'x', 7, 12, '2024-02-29', '2024-02-29T12:34:56Z', 31556952000)
) AS extremes (place, words, whole, broken, day, moment, length)"""


def written_alone(file_format: FileFormat, columns: tuple[ReportColumn, ...], source: str = EXTREMES) -> bytes:
    target = io.BytesIO()
    file_format.write(ReportRows(connection, Query(columns, sql.SQL(source), ("place",))), target, ignore)
    return target.getvalue()
