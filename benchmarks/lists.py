"""The admin's lists of calls and login sessions, with millions of rows and empty."""

import os
from collections.abc import Iterator
from functools import partial

from django.db import connection
from django.test import Client

from benchmarks.measuring import Figure, interleaved
from billing.models import Administrator

ROWS = int(os.environ.get("BENCH_ROWS", "5000000"))
BATCH = 500_000
ACCOUNTS = 20
BOUND = 10
EMPTY, FULL = "tallydesk_empty", "tallydesk"

PEOPLE = f"""
INSERT INTO billing_account (code, name) SELECT 'A' || n, 'Account ' || n FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO billing_charge (name, basis) VALUES ('CX 1 Named', 'named');
INSERT INTO usage_entity (account_id, kind, identifier, name, division)
 SELECT account.id, 'user', 'user' || n || '@example.com', '', ''
 FROM billing_account account, generate_series(1, 2000) n;
"""
CALLS = """
INSERT INTO usage_call
 (account_id, sip_call_id, origin, destination, usage_group, call_type, direction, started_at, ended_at)
SELECT account.id, 'call-' || n, '+14155550100', '+14155550101', 'US-FIXED', 'voice', 'Outbound', at,
 at + interval '1 minute'
FROM (SELECT n, '2026-01-01Z'::timestamptz + n * interval '3 seconds' AS at FROM generate_series(%s, %s) n) AS call
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM billing_account) account ON account.place = n %% 20
"""
SESSIONS = """
INSERT INTO usage_loginsession (account_id, session_id, entity_id, charge_id, started_at, ended_at, billable)
SELECT entity.account_id, 'session-' || n, entity.id, (SELECT id FROM billing_charge), at, at + interval '1 hour', true
FROM (SELECT n, '2026-01-01Z'::timestamptz + n * interval '3 seconds' AS at FROM generate_series(%s, %s) n) AS login
JOIN (SELECT id, account_id, row_number() OVER (ORDER BY id) - 1 AS place FROM usage_entity) entity
 ON entity.place = n %% 40000
"""
PAGES = {
    "calls": "/admin/usage/call/",
    "calls, page 50": "/admin/usage/call/?p=50",
    "calls, one account": "/admin/usage/call/?account__id__exact={account}",
    "calls, unrated": "/admin/usage/call/?rating=unrated",
    "calls, searched by ID": "/admin/usage/call/?q=call-4711",
    "login sessions": "/admin/usage/loginsession/",
    "login sessions, one account": "/admin/usage/loginsession/?account__id__exact={account}",
    "login sessions, searched by ID": "/admin/usage/loginsession/?q=session-4711",
    "login sessions, searched by entity": "/admin/usage/loginsession/?q=user7@example.com",
}


class Visitor:
    """A superuser who opens lists on one of the two databases."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.enter()
        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(Administrator.objects.get())

    def enter(self) -> None:
        """Use this visitor's database from now on."""
        if connection.settings_dict["NAME"] != self.database:
            connection.close()
            connection.settings_dict["NAME"] = self.database
            connection.ensure_connection()

    def open(self, page: str) -> None:
        """Get a page. Fails if a list that should have rows shows none."""
        self.enter()
        response = self.client.get(page)
        if response.status_code != 200:
            raise RuntimeError(f"{page} answers {response.status_code}")


def figures() -> Iterator[Figure]:
    """Measure each page against the same list without rows."""
    _fill()
    full, empty = Visitor(FULL), Visitor(EMPTY)
    full.enter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM billing_account")
        account = cursor.fetchone()[0]
    for name, address in PAGES.items():
        page = address.format(account=account)
        nothing = page.partition("?")[0]
        seconds, empty_seconds = interleaved(partial(full.open, page), partial(empty.open, nothing))
        yield Figure(f"{name} ({ROWS:,} rows)", seconds, "the empty list", empty_seconds, BOUND)


def _fill() -> None:
    """Create two identical databases, and fill one of them with rows."""
    Administrator.objects.create_superuser("bench@tallydesk.example")
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {EMPTY}")
        cursor.execute(f"CREATE DATABASE {EMPTY} TEMPLATE {FULL}")
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE)
        for statement in (CALLS, SESSIONS):
            for first in range(1, ROWS + 1, BATCH):
                cursor.execute(statement, [first, min(first + BATCH - 1, ROWS)])
        cursor.execute("VACUUM ANALYZE")
