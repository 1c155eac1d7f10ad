"""The references of rows, their accounts, and repeated rows."""

import pytest

from billing.models import Account, Charge
from tests.factories import make_account, make_charge, make_entity
from tests.usage_files import counts, table, upload
from usage.files.errors import FileRefusedError
from usage.models import Call, Entity, EntityKind, LoginSession

pytestmark = pytest.mark.django_db

CALL = "US,voice,Inbound,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z"


def test_an_entity_is_found_as_written_then_in_lower_case() -> None:
    account, other = make_account(), make_account()
    user = make_entity(account=account, identifier="ana@acme.example")
    device = make_entity(account=account, identifier="ANA@acme.example", kind=EntityKind.DEVICE)
    upper = make_entity(account=account, identifier="DESK-1", kind=EntityKind.DEVICE)
    make_entity(account=other, identifier="bo@acme.example")
    make_charge(name="CX 1")
    names = ["ana@acme.example", "ANA@acme.example", "Ana@Acme.Example", "DESK-1", "desk-1", "bo@acme.example"]
    rows = [f"s{number},{name},CX 1,2026-03-01T09:00:00Z," for number, name in enumerate(names)]
    result = upload(kind="sessions", text=table("sessions", *rows), account=account, skip_errors=True)
    missing = "The account has neither a user nor a device with this identifier."
    assert result.reasons == [(6, "entity", f"{missing} Did you mean DESK-1?"), (7, "entity", missing)]
    found = LoginSession.objects.order_by("session_id").values_list("entity", flat=True)
    assert list(found) == [user.pk, device.pk, user.pk, upper.pk]


def test_unknown_references_are_errors() -> None:
    account = make_account()
    result = upload(kind="sessions", text=table("sessions", "s1,no@x,None,2026-03-01T09:00:00Z,"), account=account)
    assert [column for _line, column, _reason in result.reasons] == ["entity", "charge"]
    text = "date,resource,quantity\n2026-03-01,SMS,1\n"
    result = upload(kind="resource_usage", text=text, account=account)
    assert result.reasons == [(2, "resource", "There is no resource with this name.")]
    result = upload(kind="subscriptions", text="number,account,activation_date,currency\nS-1,NONE,2020-01-01,USD\n")
    assert result.reasons == [(2, "account", "There is no account with this code.")]


def test_an_identifier_is_unique_across_users_and_devices_of_an_account() -> None:
    account, other = make_account(), make_account()
    make_entity(account=account, identifier="ana@acme.example")
    make_entity(account=account, identifier="desk@acme.example", kind=EntityKind.DEVICE)
    result = upload(kind="devices", text="device_id\nana@acme.example\n", account=account)
    assert result.reasons == [(2, "device_id", "The account has a user with this identifier.")]
    result = upload(kind="users", text="email\nDESK@acme.example\n", account=account)
    assert result.reasons == [(2, "email", "The account has a device with this identifier.")]
    assert upload(kind="devices", text="device_id\nana@acme.example\n", account=other).is_applied


def test_two_accounts_may_have_the_same_ids() -> None:
    acme, beta = make_account(code="ACME"), make_account(code="BETA")
    text = f"account,{table('calls').strip()}\nACME,c1,1,2,{CALL}\nBETA,c1,3,4,{CALL}\n"
    assert upload(kind="calls", text=text).counts == counts(2, new=2)
    assert upload(kind="calls", text=table("calls", f"c1,1,2,{CALL}"), account=acme).counts == counts(1, unchanged=1)
    assert upload(kind="calls", text=table("calls", f"c1,1,2,{CALL}"), account=beta).counts == counts(1, changed=1)
    assert set(Call.objects.values_list("account__code", "origin")) == {("ACME", "1"), ("BETA", "1")}


def test_a_row_says_whose_it_is_once() -> None:
    acme = make_account(code="ACME")
    make_account(code="BETA")
    text = "account,email\nACME,a@x\n,b@x\nBETA,c@x\nNONE,d@x\n"
    result = upload(kind="users", text=text, account=acme, skip_errors=True)
    reason = "This row is of another account than the upload, which is for ACME."
    assert result.reasons == [(4, "account", reason), (5, "account", reason)]
    assert set(Entity.objects.values_list("account__code", "identifier")) == {("ACME", "a@x"), ("ACME", "b@x")}

    result = upload(kind="users", text=text)
    assert result.reasons == [
        (3, "account", "The cell is empty; it needs a value."),
        (5, "account", "There is no account with this code."),
    ]


def test_a_file_that_says_nowhere_whose_it_is_is_refused() -> None:
    with pytest.raises(FileRefusedError) as refused:
        upload(kind="users", text="email\na@x\n")
    assert [(error.line, error.column) for error in refused.value.errors] == [(1, "account")]


def test_identical_rows_are_counted_once_as_new_and_otherwise_unchanged() -> None:
    text = "name,basis\nCX 1,named\nCX 2,named\n CX 1 ,named\nCX 1,named\n"
    assert upload(kind="charges", text=text).counts == counts(4, new=2, unchanged=2)
    assert upload(kind="charges", text=text).counts == counts(4, unchanged=4)
    account = make_account()
    text = "email\nAna@x\nana@X\n"
    assert upload(kind="users", text=text, account=account).counts == counts(2, new=1, unchanged=1)
    rows = [f"c1,1,2,US,voice,Inbound,{start},2026-03-01T10:00:00Z" for start in ("2026-03-01T09:00:00Z",)]
    rows.append("c1,1,2,US,voice,Inbound,2026-03-01T10:00:00.000+01:00,2026-03-01T10:00:00Z")
    assert upload(kind="calls", text=table("calls", *rows), account=account).counts == counts(2, new=1, unchanged=1)


def test_conflicting_rows_are_errors_that_name_both_lines() -> None:
    text = "name,basis\nCX 1,named\nCX 2,named\nCX 1,hourly\nCX 1,named\nCX 1,device\n"
    result = upload(kind="charges", text=text, skip_errors=True)
    differ = "have the same name but differ otherwise."
    assert result.reasons == [
        (2, "name", f"Rows 2 and 4 {differ}"),
        (4, "name", f"Rows 2 and 4 {differ}"),
        (5, "name", f"Rows 2 and 4 {differ}"),
        (6, "name", f"Rows 2 and 6 {differ}"),
    ]
    assert result.counts == counts(5, new=1, errors=4)
    assert Charge.objects.get().name == "CX 2"


def test_nothing_is_applied_unless_all_of_it_can_be() -> None:
    text = "code,name\nACME,Acme\nBETA,\n"
    result = upload(kind="accounts", text=text)
    assert (result.counts, result.is_applied) == (counts(2, new=1, errors=1), False)
    assert not Account.objects.exists()
    result = upload(kind="accounts", text=text, skip_errors=True)
    assert (result.counts, result.is_applied) == (counts(2, new=1, errors=1), True)
    assert Account.objects.get().code == "ACME"
    result = upload(kind="accounts", text="code,name\nGAMMA,\n", skip_errors=True)
    assert (result.counts, result.is_applied) == (counts(1, errors=1), False)


def test_an_existing_session_takes_its_end_and_keeps_what_the_file_does_not_say() -> None:
    account = make_account()
    make_entity(account=account, identifier="a@x")
    make_charge(name="CX 1")
    header = "session_id,entity,charge,started_at,ended_at,billable"
    upload(kind="sessions", text=f"{header}\ns1,a@x,CX 1,2026-03-01T09:00:00Z,,no\n", account=account)
    text = table("sessions", "s1,a@x,CX 1,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z")
    assert upload(kind="sessions", text=text, account=account).counts == counts(1, changed=1)
    session = LoginSession.objects.get()
    assert (session.billable, session.ended_at is None) == (False, False)
