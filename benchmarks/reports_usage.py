"""What reports are about: calls and login sessions by the million, made up by the database, the same on every run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from benchmarks.reports_world import Customer
from benchmarks.uploads_world import settle
from billing.cycles import DateRange, midnight
from billing.models import Charge, RateSheet, RateSheetVersion, UsageGroup

GROUPS = ("US-FIXED", "US-MOBILE", "US-TOLLFREE", "CA-FIXED", "GB-FIXED", "GB-MOBILE", "DE-FIXED", "DE-MOBILE")
_SEED = 5
# The bits of a hash decide about everything but IDs and starts; of 128 calls one has no rate.
_CALLS = """
INSERT INTO usage_call (
    account_id, sip_call_id, origin, destination, usage_group, call_type, direction, started_at, ended_at,
    rate_sheet_version_id, rate_per_minute, adjusted_seconds, cost, currency)
SELECT account_id,
    md5(%(seed)s || ':' || account_id || ':' || number) || '@10.20.' || (bits & 7) || '.' || (bits >> 3 & 255),
    '+1415555' || lpad((bits >> 11 & 8191)::text, 4, '0'), '+4420794' || lpad((bits >> 24 & 65535)::text, 5, '0'),
    (%(groups)s::text[])[1 + (bits >> 40 & 7)], (ARRAY['National', 'International', 'Toll-free'])[1 + bits %% 3],
    (ARRAY['Inbound', 'Outbound'])[1 + (bits >> 43 & 1)], at, at + milliseconds * interval '1 millisecond',
    %(version)s, rate, adjusted, round(rate * adjusted / 60.0000000000, 4), CASE WHEN rate IS NOT NULL THEN 'USD' END
FROM (
    SELECT *, CASE WHEN rate IS NOT NULL THEN (milliseconds + 5999) / 6000 * 6 END AS adjusted
    FROM (
        SELECT *, CASE WHEN bits >> 44 & 127 > 0 THEN 0.0080 + (bits >> 40 & 7) * 0.0013 END AS rate,
            (-ln(((bits >> 20 & 1048575) + 1) / 1048577.0) * 180000)::bigint AS milliseconds,
            %(first)s + number * %(milliseconds)s / %(number)s * interval '1 millisecond' AS at
        FROM (
            SELECT account_id, number,
                hashint8extended(number, %(seed)s + account_id) & x'7fffffffffffffff'::bigint AS bits
            FROM unnest(%(accounts)s::bigint[]) AS account_id,
                generate_series(%(since)s::bigint, %(until)s - 1) AS number
        ) AS call
    ) AS call
) AS call
ORDER BY account_id, number
"""
_USERS = """
INSERT INTO usage_entity (account_id, kind, identifier, name, division)
SELECT %(account)s, 'user', md5(number::text) || '@example.com', '', '' FROM generate_series(1, %(users)s) AS number
"""
# In the order of their starts, as they come in day by day. One in a thousand is still open.
_SESSIONS = """
INSERT INTO usage_loginsession (account_id, session_id, entity_id, charge_id, started_at, ended_at, billable)
SELECT %(account)s, 'session-' || number, entity.id, (%(charges)s::bigint[])[1 + (bits >> 40 & 3)], at,
    CASE WHEN bits >> 43 & 1023 > 0 OR at < %(end)s - interval '24 hours'
        THEN at + (-ln(((bits >> 20 & 1048575) + 1) / 1048577.0) * 14400000)::bigint * interval '1 millisecond' END,
    bits >> 53 & 7 > 0
FROM (
    SELECT number, bits, %(first)s + number * %(milliseconds)s / %(number)s * interval '1 millisecond' AS at,
        1 + (bits & 1048575) %% %(users)s AS place
    FROM (
        SELECT number, hashint8extended(number, %(seed)s) & x'7fffffffffffffff'::bigint AS bits
        FROM generate_series(0, %(number)s - 1) AS number
    ) AS login
) AS login
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM usage_entity WHERE account_id = %(account)s) AS entity
    USING (place)
ORDER BY at
"""
# What COPY into a new table would not have either, made once the rows are there.
_KEYS = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('f', 'u')
UNION ALL
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = %s::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
"""


def load_calls(customers: Sequence[Customer], *, of_each: int, first_day: date, days: int) -> None:
    """Store the only calls: equally many of each customer, evenly over the days, in daily files of all customers."""
    version = _version()
    with _quickly("usage_call") as cursor:
        for day in range(days):
            cursor.execute(
                _CALLS,
                {
                    "seed": _SEED,
                    "groups": list(GROUPS),
                    "version": version.pk,
                    "accounts": [customer.subscription.account_id for customer in customers],
                    "first": midnight(first_day),
                    "milliseconds": days * 86_400_000,
                    "number": of_each,
                    "since": -(-day * of_each // days),
                    "until": -(-(day + 1) * of_each // days),
                },
            )


def load_sessions(customer: Customer, *, users: int, number: int, days: DateRange) -> None:
    """The only login sessions there are, evenly over the days."""
    bases = ("named", "concurrent", "hourly", "named")
    charges = [
        Charge.objects.create(name=f"CX {place} {basis.title()}", basis=basis) for place, basis in enumerate(bases)
    ]
    values: dict[str, str | int | datetime | list[int]] = {
        "seed": _SEED,
        "account": customer.subscription.account_id,
        "users": users,
        "charges": [charge.pk for charge in charges],
        "number": number,
        "first": days.period[0],
        "end": days.period[1],
        "milliseconds": days.days * 86_400_000,
    }
    with _quickly("usage_loginsession") as cursor:
        cursor.execute(_USERS, values)
        cursor.execute(_SESSIONS, values)
    settle("usage_entity")


@contextmanager
def _quickly(table: str) -> Iterator[CursorWrapper]:
    """Empty the table, and fill it inside: in one transaction, which logs nothing, and indexed once at the end."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        with transaction.atomic():
            cursor.execute(f"TRUNCATE {table}")
            cursor.execute(_KEYS, [table, table])
            keys = cursor.fetchall()
            for drop, _make in keys:
                cursor.execute(drop)
            yield cursor
            for _drop, make in keys:
                cursor.execute(make)
    settle(table)
    # Real sheets have enough groups for the database to analyze them by itself.
    settle("billing_ratesheet, billing_ratesheetversion, billing_usagegroup")


def _version() -> RateSheetVersion:
    """A version of a rate sheet that names the usage groups."""
    if version := RateSheetVersion.objects.first():
        return version
    sheet = RateSheet.objects.create(name="Measured", currency="USD")
    version = RateSheetVersion.objects.create(rate_sheet=sheet, effective_from=date(2025, 1, 1))
    UsageGroup.objects.bulk_create(UsageGroup(version=version, code=code, display_name=code.title()) for code in GROUPS)
    return version
