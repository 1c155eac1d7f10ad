"""Exports of the admin's lists: the rows that the list shows, in a file that changes nothing when it is uploaded."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from python_calamine import CalamineWorkbook

from billing.models import (
    Account,
    Charge,
    Rate,
    RateSheet,
    RateSheetVersion,
    Subscription,
    TelcoCommitDiscount,
    UsageGroup,
)
from tests.admin.objects import objects_of, shared_objects
from tests.admin.test_urls import CUSTOMERS, EXPORTED
from tests.factories import (
    instant,
    make_account,
    make_administrator,
    make_call,
    make_charge,
    make_entity,
    make_rate,
    make_resource_usage,
    make_session,
    make_subscription,
    make_version,
)
from tests.people import client_of, make_role, permissions
from tests.usage_files import counts, upload
from usage.admin import exporting
from usage.admin.exporting import Exporting
from usage.models import Call, Entity, EntityKind, LoginSession, Resource, ResourceUsage, UploadKind
from usage.resources import resource_of

pytestmark = pytest.mark.django_db

CSV, XLSX = "0", "1"
ADMINS = {
    UploadKind(model_admin.export_kind): f"{model._meta.app_label}_{model._meta.model_name}"
    for model, model_admin in admin.site._registry.items()
    if isinstance(model_admin, Exporting)
}
# Each one after those that it refers to.
TABLES: list[Any] = [
    *(Account, Charge, RateSheet, RateSheetVersion, UsageGroup, Rate, Subscription, TelcoCommitDiscount),
    *(Entity, LoginSession, Resource, ResourceUsage, Call),
]


def address_of(kind: str, **query: Any) -> str:
    address = reverse(f"admin:{ADMINS[UploadKind(kind)]}_export")
    return f"{address}?{urlencode(query)}" if query else address


def export(client: Client, kind: str, file_format: str = CSV, **query: Any) -> Any:
    response: Any = client.post(address_of(kind, **query), {"resource": "0", "format": file_format})
    return response


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))


@pytest.fixture
def support() -> Client:
    return client_of(make_role("support"))


@pytest.fixture
def spreadsheet_traps() -> None:
    """Create rows of every kind, with texts that a spreadsheet would run wherever such texts are valid."""
    account = make_account(code="=cmd|'/C calc'!A0", name="@SUM(A1)")
    charge = Charge.objects.create(name="=1+1", basis="hourly")
    user = Entity.objects.create(
        account=account,
        kind=EntityKind.USER,
        identifier="=ana@acme.example",
        name="-Ana",
        division="'quoted', \"both\"",
    )
    Entity.objects.create(account=account, kind=EntityKind.DEVICE, identifier="+desk", name="=\n2 lines")
    started = instant("2026-03-01T09:00:00.250")
    LoginSession.objects.create(
        account=account, session_id="=s", entity=user, charge=charge, started_at=started, ended_at=None, billable=False
    )
    make_session(entity=user, charge=charge, started_at=started, ended_at=instant("2026-03-01T10:00"))
    resource = Resource.objects.create(name='=HYPERLINK("https://x.example")', unit="@unit")
    make_resource_usage(
        account=account, used_on=date(1899, 12, 31), quantity="12345678901234.567891", resource=resource
    )
    make_resource_usage(account=account, used_on=date(2026, 3, 1), quantity="0.000001", resource=resource)
    sheet = RateSheet.objects.create(name="@sheet", currency="USD")
    last_days = [(date(2020, 12, 31), True), (date(2021, 6, 30), False), (None, False)]
    for year, (last_day, is_ended_by_successor) in zip((2020, 2021, 2022), last_days, strict=True):
        version = make_version(
            sheet=sheet,
            effective_from=date(year, 1, 1),
            effective_through=last_day,
            is_ended_by_successor=is_ended_by_successor,
            increment_seconds=60,
            minimum_seconds=6,
        )
        make_rate(version=version, code="-US", call_type="@voice", rate="0.010000")
    discounted: dict[str, Any] = {
        "number": "=S-1",
        "rate_sheet": sheet,
        "ended_on": date(2019, 12, 31),
        "cycle_policy": "before_anniversary",
    }
    make_subscription(account=account, activation_date=date(2020, 1, 1))
    subscription = make_subscription(account=account, **discounted)
    TelcoCommitDiscount.objects.create(account=account, subscription=subscription, percent="12.5")
    make_call(account=account, started_at=started, origin="+14155550100", destination="=2+5", usage_group="-US")
    make_call(account=account, started_at=started, origin="'", destination="-14155550100", seconds=0)


def contents() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in TABLES]


def test_everything_that_can_be_uploaded_can_be_exported() -> None:
    assert set(ADMINS) == set(UploadKind)
    assert set(ADMINS.values()) == EXPORTED
    for kind, name in ADMINS.items():
        model: Any = resource_of(kind).model
        assert name == f"{model._meta.app_label}_{model._meta.model_name}"


@pytest.mark.parametrize("file_format", [CSV, XLSX])
def test_what_is_exported_and_uploaded_again_changes_nothing(
    support: Client, spreadsheet_traps: None, file_format: str
) -> None:
    before = contents()
    for kind in UploadKind:
        response = export(support, kind, file_format)
        assert response.status_code == 200
        result = upload(kind=kind, text=response.content)
        assert result.errors == [], kind
        assert result.counts.rows == resource_of(kind).model._default_manager.count() > 0, kind
        assert result.counts == counts(result.counts.rows, unchanged=result.counts.rows), kind
    assert contents() == before


def test_what_is_exported_is_the_same_in_an_empty_database(support: Client, spreadsheet_traps: None) -> None:
    files = {kind: export(support, kind).content for kind in UploadKind}
    for model in reversed(TABLES):
        model.objects.all().delete()
    for kind in UploadKind:
        assert upload(kind=kind, text=files[kind]).is_applied, kind
    for kind in UploadKind:
        again = export(support, kind).content.splitlines()
        assert sorted(again) == sorted(files[kind].splitlines()), kind


def test_what_a_spreadsheet_would_run_gets_an_apostrophe_and_a_phone_number_does_not(
    support: Client, spreadsheet_traps: None
) -> None:
    call = next(row for row in rows_of(export(support, "calls")) if row["usage_group"] == "-US" or row["origin"] != "'")
    assert call["account"] == "'=cmd|'/C calc'!A0"
    assert (call["origin"], call["destination"], call["usage_group"]) == ("+14155550100", "'=2+5", "'-US")
    for kind in UploadKind:
        for row in rows_of(export(support, kind)):
            assert not [cell for cell in row.values() if cell[:1] in set("=@-\t\r") and not cell[1:].isdigit()], kind


def cells_of(response: Any) -> list[list[Any]]:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(response.content))
    return workbook.get_sheet_by_index(0).to_python()


def test_the_cells_of_a_workbook_are_typed_where_a_spreadsheet_keeps_them_exactly(
    support: Client, spreadsheet_traps: None
) -> None:
    header, *rows = cells_of(export(support, "resource_usage", XLSX))
    assert header == ["account", "date", "resource", "quantity"]
    assert [row[1] for row in rows] == [date(2026, 3, 1), "1899-12-31"]
    assert [row[3] for row in rows] == [0.000001, "12345678901234.567891"]
    sessions = cells_of(export(support, "sessions", XLSX))
    assert sorted(row[6] for row in sessions[1:]) == [False, True]
    assert {row[4] for row in sessions[1:]} == {"2026-03-01T09:00:00.250Z"}
    rates = cells_of(export(support, "rates", XLSX))
    assert {(row[4], row[5], row[10]) for row in rates[1:]} == {(60, 6, 0.01)}
    # Numbers that are names stay text, with leading zeros.
    make_account(code="007")
    assert ["007", "Acme Contact Centers"] in cells_of(export(support, "accounts", XLSX))


def test_a_file_has_the_name_of_its_kind_and_is_not_cached(support: Client, time_machine: Any) -> None:
    time_machine.move_to("2026-11-23T00:30:00Z", tick=False)
    make_charge()
    response = export(support, "charges")
    assert response["Content-Disposition"] == 'attachment; filename="charges-2026-11-23.csv"'
    assert "no-store" in response["Cache-Control"]
    workbook = export(support, "charges", XLSX)
    assert workbook["Content-Disposition"] == 'attachment; filename="charges-2026-11-23.xlsx"'
    assert workbook["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# --- The file has the rows of the list --------------------------------------------------------------------------------


def test_the_filters_and_the_search_of_a_list_hold_for_its_export(support: Client) -> None:
    acme, globex = make_account(name="Acme"), make_account(name="Globex")
    for account in (acme, globex):
        objects_of(account)
    make_call(account=acme, sip_call_id="a@sip", started_at=instant("2026-03-02T09:00"))
    user = make_entity(account=acme, identifier="zoe@acme.example")
    make_session(entity=user, charge=make_charge(basis="device"), started_at=instant("2026-03-02T09:00"), ended_at=None)
    assert len(rows_of(export(support, "calls"))) == 3
    chosen: dict[str, Any] = {"account__id__exact": acme.pk}
    for kind in UploadKind:
        if kind.belongs_to_account or kind == UploadKind.SUBSCRIPTIONS:
            found = {row["account"] for row in rows_of(export(support, kind, **chosen))}
            assert found == {acme.code}, kind
    assert [row["sip_call_id"] for row in rows_of(export(support, "calls", q=" a@sip "))] == ["a@sip"]
    assert [row["email"] for row in rows_of(export(support, "users", q="Zoe@"))] == [user.identifier]
    assert [row["entity"] for row in rows_of(export(support, "sessions", q="zoe@acme.example"))] == [user.identifier]
    assert {row["basis"] for row in rows_of(export(support, "charges", basis__exact="device"))} == {"device"}
    assert [row["name"] for row in rows_of(export(support, "accounts", q="globex"))] == ["Globex"]


def test_unrated_calls_are_exported_by_their_filter(support: Client) -> None:
    account = make_account()
    make_call(account=account, sip_call_id="unrated", started_at=instant("2026-03-01T09:00"))
    make_call(
        account=account,
        started_at=instant("2026-03-01T09:00"),
        rate_sheet_version=make_version(),
        rate_per_minute=1,
        adjusted_seconds=60,
        cost=1,
        currency="USD",
    )
    assert [row["sip_call_id"] for row in rows_of(export(support, "calls", rating="unrated"))] == ["unrated"]


def test_all_pages_of_a_list_are_exported_in_its_order(support: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 20)
    account = make_account()
    for number in range(51):
        make_call(account=account, sip_call_id=f"c{number}", started_at=instant("2026-03-01T09:00"))
    rows = rows_of(export(support, "calls", p=2))
    assert [row["sip_call_id"] for row in rows] == [f"c{number}" for number in reversed(range(51))]


def test_the_button_above_a_list_keeps_its_filters_and_leads_back_to_them(support: Client) -> None:
    account = make_account()
    make_call(account=account, started_at=instant("2026-03-01T09:00"))
    query = f"?account__id__exact={account.pk}&amp;rating=unrated"
    address = reverse("admin:usage_call_changelist")
    page = support.get(address + query.replace("&amp;", "&")).content.decode()
    assert f'href="{address_of("calls")}{query}"' in page
    screen = support.get(address_of("calls") + query.replace("&amp;", "&")).content.decode()
    assert f'href="{address}{query}"' in screen
    assert "1 call, as" in screen
    assert "account, sip_call_id, origin," in screen
    assert "Export</a>" not in support.get(address, {"q": "nothing"}).content.decode()


@pytest.mark.parametrize("query", ["nothing=1", "account__id__exact=x", "_to_field=cost", "upload__state=failed"])
def test_a_filter_that_the_list_does_not_have_is_no_way_around_it(support: Client, query: str) -> None:
    for _account in range(2):
        objects_of(make_account())
    address = f"{address_of('calls')}?{query}"
    for response in (support.get(address), support.post(address, {"format": CSV})):
        assert response.status_code in {302, 400}
        if response.status_code == 302:
            assert response["Location"] == f"{reverse('admin:usage_call_changelist')}?e=1"


def test_an_export_begins_with_what_its_reader_may_see() -> None:
    own, other = make_account(), make_account()
    for account in (own, other):
        objects_of(account)
    customer = make_role("customer granted everything", own)
    for kind, name in ADMINS.items():
        model_admin: Any = admin.site.get_model_admin(resource_of(kind).model)
        request = RequestFactory().get(reverse(f"admin:{name}_export"))
        request.user = customer
        found = {str(getattr(row, "account", row)) for row in model_admin.get_export_queryset(request)}
        has_account = kind.belongs_to_account or kind in {UploadKind.ACCOUNTS, UploadKind.SUBSCRIPTIONS}
        assert found == ({str(own)} if has_account else set()), kind


@pytest.mark.parametrize("role", ["anonymous", *sorted(CUSTOMERS), "idle staff", "viewer of charges"])
def test_an_administrator_without_the_permission_gets_no_file(role: str) -> None:
    account = make_account()
    objects_of(account)
    shared_objects()
    if role == "viewer of charges":
        staff = make_administrator(is_platform_staff=True)
        staff.user_permissions.set(permissions("billing.view_charge", "usage.add_upload"))
        client = client_of(staff)
        assert export(client, "charges").status_code == 200
    else:
        client = client_of(None if role == "anonymous" else make_role(role, account))
    for kind in UploadKind:
        if role == "viewer of charges" and kind == UploadKind.CHARGES:
            continue
        response = export(client, kind)
        assert response.status_code == (302 if role == "anonymous" else 403), kind
        assert "Content-Disposition" not in response


def test_a_former_operator_gets_no_file() -> None:
    operator = make_role("operator")
    client = client_of(operator)
    make_charge()
    assert export(client, "charges").status_code == 200
    operator.is_platform_staff = False
    operator.save()
    assert export(client, "charges").status_code == 403


# --- How much --------------------------------------------------------------------------------------------------------


def test_a_list_with_more_rows_than_an_export_takes_is_to_be_narrowed(support: Client, settings: Any) -> None:
    settings.ADMIN_EXPORT_ROWS = 2
    own, other = make_account(), make_account()
    for account in (own, own, other):
        make_call(account=account, started_at=instant("2026-03-01T09:00"))
    page = support.get(address_of("calls")).content.decode()
    assert "The list has more than 2 calls" in page
    assert reverse("account_settings:subscriptions") in page
    assert 'name="format"' not in page
    refused = export(support, "calls")
    assert refused.status_code == 422
    assert "Content-Disposition" not in refused
    assert "more than 2 calls" in refused.content.decode()
    assert len(rows_of(export(support, "calls", account__id__exact=own.pk))) == 2


def test_an_empty_list_has_nothing_to_export(support: Client) -> None:
    assert "There are no calls to export." in support.get(address_of("calls")).content.decode()
    assert export(support, "calls").status_code == 422


@pytest.mark.parametrize("answers", [{}, {"format": "2"}, {"format": "x"}, {"format": CSV, "resource": "7"}])
def test_a_format_that_is_not_offered_is_refused(support: Client, answers: dict[str, str]) -> None:
    make_charge()
    response = support.post(address_of("charges"), answers)
    assert response.status_code == 422
    assert "Content-Disposition" not in response


def test_only_rows_of_the_list_are_exported_whatever_the_form_says(support: Client) -> None:
    charge = make_charge()
    make_charge()
    answers = {"format": CSV, "resource": "0", "export_items": [str(charge.pk)], "chargeresource_name": ""}
    assert len(rows_of(support.post(address_of("charges"), answers))) == 2


def queries_of(client: Client, kind: UploadKind) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert export(client, kind).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def test_an_export_takes_as_many_queries_for_many_rows_as_for_few(
    support: Client, spreadsheet_traps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {kind: queries_of(support, kind) for kind in UploadKind}
    for _again in range(4):
        account = make_account()
        objects_of(account)
        version = make_version()
        make_rate(version=version)
        subscription = make_subscription(
            account=account, number=f"X{account.pk}", activation_date=date(2016, 1, 1), ended_on=date(2016, 2, 1)
        )
        TelcoCommitDiscount.objects.create(account=account, subscription=subscription, percent=5)
        make_charge()
    many = {kind: queries_of(support, kind) for kind in UploadKind}
    assert {kind: len(sqls) for kind, sqls in many.items()} == {kind: len(sqls) for kind, sqls in few.items()}
    assert max(map(len, many.values())) <= 7
    for kind, statements in many.items():
        model: Any = resource_of(kind).model
        about = [sql for sql in statements if f'FROM "{model._meta.db_table}"' in sql and "COUNT(" in sql.upper()]
        assert [sql for sql in about if "LIMIT 50001" in sql] == about, kind


# --- Nothing is imported ---------------------------------------------------------------------------------------------


def patterns_of(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns_of(pattern, before + str(pattern.pattern))
        else:
            yield before + str(pattern.pattern), pattern


def test_no_address_of_the_site_imports() -> None:
    found = list(patterns_of(get_resolver()))
    assert any("export/" in route for route, _pattern in found)
    for route, pattern in found:
        view: Any = pattern.callback
        described = f"{route} {pattern.name} {getattr(view, '__qualname__', view)}"
        assert "import" not in described.replace("import_export", ""), described


@pytest.mark.parametrize("name", sorted(EXPORTED))
@pytest.mark.parametrize("tail", ["import", "process_import", "import/process", "export_admin_action"])
def test_the_import_views_of_the_package_have_no_address(name: str, tail: str) -> None:
    client = client_of(make_role("superuser"))
    address = f"{reverse(f'admin:{name}_changelist')}{tail}/"
    assert client.get(address, follow=True).status_code == 404
    answers = {"import_file_name": "x", "original_file_name": "x.csv", "format": "0", "resource": ""}
    assert client.post(address, answers, follow=True).status_code == 404


def test_no_list_offers_to_import_or_to_export_in_bulk() -> None:
    objects_of(make_account())
    shared_objects()
    client = client_of(make_role("superuser"))
    for name in EXPORTED:
        page = client.get(reverse(f"admin:{name}_changelist")).content.decode()
        assert "Import</a>" not in page, name
        assert 'name="action"' not in page, name
        assert "Export</a>" in page, name
