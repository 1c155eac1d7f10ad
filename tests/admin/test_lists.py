"""The admin's lists: a constant number of queries, and neither counts nor scans of usage."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Account
from tests.admin.objects import objects_of, shared_objects
from tests.admin.test_urls import MODELS
from tests.factories import instant, make_account, make_call, make_entity, make_session
from tests.people import client_of, make_role
from usage.models import Call, LoginSession

pytestmark = pytest.mark.django_db

NEVER_COUNTED = ["usage_call", "usage_loginsession", "usage_resourceusage", "usage_user", "usage_device"]


def queries_of(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def test_every_list_takes_as_many_queries_for_many_rows_as_for_few() -> None:
    client = client_of(make_role("superuser"))
    objects_of(make_account())
    objects_of(make_account())
    shared_objects()
    few = {model: len(queries_of(client, reverse(f"admin:{model}_changelist"))) for model in MODELS}
    for _again in range(5):
        objects_of(make_account())
    many = {model: len(queries_of(client, reverse(f"admin:{model}_changelist"))) for model in MODELS}
    assert many == few
    assert max(few.values()) <= 10


@pytest.mark.parametrize("role", ["superuser", "support"])
def test_the_tab_of_every_list_has_the_heading_of_the_list(role: str) -> None:
    client = client_of(make_role(role))
    seen = 0
    for model in MODELS:
        response = client.get(reverse(f"admin:{model}_changelist"))
        if response.status_code != 200:
            continue
        page = response.content.decode()
        [heading] = re.findall(r"<h1>([^<]+)</h1>", page)
        [title] = re.findall(r"<title>([^<]+)</title>", page)
        assert title.strip() == f"{heading} | Tallydesk"
        seen += 1
    assert seen > 5


@pytest.mark.parametrize("model", NEVER_COUNTED)
def test_usage_is_never_counted(model: str) -> None:
    account = make_account()
    objects_of(account)
    objects_of(make_account())
    client = client_of(make_role("superuser"))
    address = reverse(f"admin:{model}_changelist")
    for query in ("", f"?account__id__exact={account.pk}", "?q=nothing", "?all=", "?_facets=True"):
        statements = queries_of(client, address + query)
        assert not [sql for sql in statements if "COUNT(" in sql.upper()], query


@pytest.mark.parametrize("model", NEVER_COUNTED)
def test_usage_is_ordered_by_an_index_whatever_order_the_address_names(model: str) -> None:
    objects_of(make_account())
    client = client_of(make_role("superuser"))
    address = reverse(f"admin:{model}_changelist")
    plain = [sql for sql in queries_of(client, address) if "ORDER BY" in sql]
    assert [sql for sql in queries_of(client, address + "?o=3.-2") if "ORDER BY" in sql] == plain


def plan_of(client: Client, address: str, table: str) -> str:
    """Return the plan of the query that reads the rows of a list."""
    statement = next(sql for sql in queries_of(client, address) if f'FROM "{table}"' in sql)
    with connection.cursor() as cursor:
        # At the size of a test, sorting all rows costs next to nothing; at five million it does not.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.fixture
def many_rows() -> list[Account]:
    """Create enough calls and sessions of several accounts for the planner to use indexes."""
    accounts = [make_account() for _number in range(3)]
    for account in accounts:
        call = make_call(account=account, started_at=instant("2026-03-01T09:00"))
        session = make_session(
            entity=make_entity(account=account), started_at=instant("2026-03-01T09:00"), ended_at=None
        )
        with connection.cursor() as cursor:
            multiply(cursor, call, "sip_call_id")
            multiply(cursor, session, "session_id")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usage_call")
        cursor.execute("ANALYZE usage_loginsession")
    return accounts


def multiply(cursor: Any, row: Any, key: str) -> None:
    """Insert ten thousand copies, each with its own ID and start."""
    table = row._meta.db_table
    columns = [field.column for field in row._meta.concrete_fields if field.column != "id" and not field.generated]
    values = [
        {
            key: f"{key} || '-' || n",
            "started_at": "started_at + n * interval '1 minute'",
            "ended_at": "started_at + n * interval '1 minute'",
        }.get(column, column)
        for column in columns
    ]
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
        f"FROM {table}, generate_series(1, 10000) n WHERE id = {row.pk}"
    )


def test_each_filter_of_calls_is_answered_by_its_index(many_rows: list[Account]) -> None:
    Call.objects.exclude(pk__in=Call.objects.order_by("-pk")[:20]).update(
        rate_sheet_version=shared_objects()["billing_ratesheetversion"],
        rate_per_minute=1,
        adjusted_seconds=60,
        cost=1,
        currency="USD",
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usage_call")
    account = many_rows[1].pk
    assert_indexed(
        "usage_call",
        {
            "": "usage_call_pkey",
            "?q=call-1-77": "sip_call_id_is_unique_in_account",
            f"?account__id__exact={account}": "call_in_report_order",
            f"?account__id__exact={account}&days=7": "call_in_report_order",
            "?rating=unrated": "call_unrated",
            f"?rating=unrated&account__id__exact={account}": "call_unrated",
        },
    )


def test_each_filter_of_sessions_is_answered_by_its_index(many_rows: list[Account]) -> None:
    account = many_rows[1].pk
    session = LoginSession.objects.filter(account=many_rows[1])[0]
    few = make_session(entity=make_entity(account=many_rows[1]), started_at=instant("2026-03-01T09:00"), ended_at=None)
    assert_indexed(
        "usage_loginsession",
        {
            "": "usage_loginsession_pkey",
            f"?q={few.entity.identifier}": "login_session_of_entity",
            f"?q={session.session_id}": "session_id_is_unique_in_account",
            f"?account__id__exact={account}": "login_session_by_start",
            f"?account__id__exact={account}&days=7": "login_session_by_start",
        },
    )


def assert_indexed(table: str, indexes: dict[str, str]) -> None:
    """The list is read by the index named after each query of its address, and never by a scan of the table."""
    client = client_of(make_role("superuser"))
    for query, index in indexes.items():
        plan = plan_of(client, reverse(f"admin:{table}_changelist") + query, table)
        assert index in plan, query
        assert f"Seq Scan on {table}" not in plan, query


@pytest.mark.parametrize(
    "query", ["password__startswith=", "password__regex=^md5", "email__regex=(", "is_active__gt=0"]
)
def test_an_address_filters_only_by_what_a_filter_offers(query: str) -> None:
    superuser = make_role("superuser")
    address = f"{reverse('admin:billing_administrator_changelist')}?{query}"
    if query.endswith("startswith="):
        address += superuser.password[:8]
    assert client_of(make_role("support")).get(address).status_code == 400


@pytest.mark.parametrize(
    ("model", "queries"),
    [
        ("billing_administrator", ["is_active__exact=1", "is_platform_staff__exact=0"]),
        ("billing_charge", ["basis__exact=named"]),
        ("billing_rate", ["usage_group__version__rate_sheet__id__exact=1", "direction__exact=Inbound"]),
        ("billing_subscription", ["account__id__exact=1", "account__isnull=True"]),
        ("usage_call", ["rating=unrated", "account__id__exact=1&days=7"]),
        ("usage_upload", ["status=applied&kind__exact=calls"]),
    ],
)
def test_what_a_filter_offers_is_answered(model: str, queries: list[str]) -> None:
    client = client_of(make_role("support"))
    for query in queries:
        assert client.get(f"{reverse(f'admin:{model}_changelist')}?{query}").status_code == 200, query


def test_sessions_are_found_by_their_id_and_by_their_entity_in_any_case() -> None:
    account = make_account()
    wanted = make_session(
        entity=make_entity(account=account, identifier="bo@acme.example"),
        started_at=instant("2026-03-01T09:00"),
        ended_at=None,
    )
    make_session(entity=make_entity(account=account), started_at=instant("2026-03-01T09:00"), ended_at=None)
    client = client_of(make_role("support"))
    for term in (wanted.session_id, f" {wanted.session_id} ", "Bo@ACME.example"):
        found = client.get(reverse("admin:usage_loginsession_changelist"), {"q": term}).context["cl"].result_list
        assert found == [wanted], term


def test_unrated_calls_are_a_list_of_their_own() -> None:
    account = make_account()
    unrated = make_call(account=account, started_at=instant("2026-03-01T09:00"))
    make_call(
        account=account,
        started_at=instant("2026-03-01T09:00"),
        rate_sheet_version=shared_objects()["billing_ratesheetversion"],
        rate_per_minute=1,
        adjusted_seconds=60,
        cost=1,
        currency="USD",
    )
    response = client_of(make_role("support")).get(reverse("admin:usage_call_changelist"), {"rating": "unrated"})
    assert response.context["cl"].result_list == [unrated]


def test_a_list_says_how_many_were_found_to_who_searched_and_that_nothing_is_there() -> None:
    client = client_of(make_role("support"))
    address = reverse("admin:usage_call_changelist")
    assert b"There are no calls yet." in client.get(address).content
    make_call(account=make_account(), sip_call_id="a@sip", started_at=instant("2026-03-01T09:00"))
    assert b"1 result" not in client.get(address).content
    assert b"1 result" in client.get(address, {"q": "a@sip"}).content
    assert b"No calls match." in client.get(address, {"q": "b@sip"}).content


def test_a_long_list_has_pages_and_says_that_there_is_more() -> None:
    account = make_account()
    for _number in range(51):
        make_call(account=account, started_at=instant("2026-03-01T09:00"))
    client = client_of(make_role("support"))
    address = reverse("admin:usage_call_changelist")
    first = client.get(address)
    assert len(first.context["cl"].result_list) == 50
    assert b"more than 50 calls" in first.content
    assert b"?p=2" in first.content
    second = client.get(address, {"p": 2})
    assert len(second.context["cl"].result_list) == 1
    assert b"more than" not in second.content
    assert client.get(address, {"p": 3}).status_code == 302
    assert client.get(address, {"p": 101}).status_code == 302
    assert client.get(address, {"p": -1}).status_code == 302
