"""The findings of a check as the preview shows them: counted by reason, with suggestions, and with their effects."""

import io

import pytest

from billing.models import Account, Charge
from tests.factories import instant, make_account, make_call, make_charge, make_entity, make_session
from tests.usage_files import NOW, table, upload
from usage.models import EntityKind, UploadKind
from usage.resources.batches import UploadContext
from usage.staging.effects import Effect, effects
from usage.staging.findings import Group, groups
from usage.staging.stage import stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return make_account(code="HOME")


def error_groups(kind: str, text: str, account: Account | None = None) -> list[Group]:
    with stage(io.BytesIO(text.encode()), UploadContext(UploadKind(kind), account, NOW)) as staged:
        staged.check()
        return groups(staged.batch.errors, 20)


def effects_of(kind: str, text: str, account: Account, *, creates_users: bool = False) -> list[Effect]:
    context = UploadContext(UploadKind(kind), account, NOW, creates_users=creates_users)
    with stage(io.BytesIO(text.encode()), context) as staged:
        counts = staged.check()
        return effects(staged.resource, staged.batch, new=counts.new)


def test_errors_are_counted_by_column_and_reason_the_most_frequent_first(account: Account) -> None:
    good = "+14155550100,+33123456789,FR,voice,Outbound"
    text = table(
        "calls",
        f"c1,{good},2026-02-02,2026-02-02T09:01:00Z",
        f"c2,{good},2026-02-02T09:02:00Z,2026-02-02T09:01:00Z",
        f"c3,{good},yesterday,2026-02-02T09:01:00Z",
        f"c4,{good},2026-02-02T09:02:00Z,2026-02-02T09:03:00Z",
    )
    found = error_groups("calls", text, account)
    assert sum(group.count for group in found) == 3
    assert Group(1, "end_time", "The call ends before it starts.", 3) in found


def test_reasons_that_differ_only_in_values_are_one(account: Account) -> None:
    make_charge(name="CX 1")
    rows = [f"s{number},user{number}@home.example,CX 1,2026-02-02T09:00:00Z," for number in range(6)]
    assert error_groups("sessions", table("sessions", *rows), account) == [
        Group(6, "entity", "The account has neither a user nor a device with this identifier.", 2)
    ]
    keys = "\n".join(["code,name", *(f"A-{number},{name}" for number in range(3) for name in ("x", "y"))])
    assert error_groups("accounts", keys) == [
        Group(6, "code", "Rows … and … have the same code but differ otherwise.", 2)
    ]


@pytest.mark.parametrize(
    ("charge", "reason"),
    [
        ("CX 1 Namd", "There is no charge with this name. Did you mean CX 1 Named?"),
        ("cx 1 named", "There is no charge with this name. Did you mean CX 1 Named?"),
        ("Video", "There is no charge with this name."),
    ],
)
def test_a_mistyped_name_gets_a_suggestion(account: Account, charge: str, reason: str) -> None:
    Charge.objects.create(name="CX 1 Named", basis="named")
    make_entity(account=account, identifier="ana@home.example")
    text = table("sessions", f"s1,ana@home.example,{charge},2026-02-02T09:00:00Z,2026-02-02T10:00:00Z")
    assert upload(kind="sessions", text=text, account=account).reasons == [(2, "charge", reason)]


def test_a_mistyped_word_and_a_mistyped_user_of_the_account_get_suggestions(account: Account) -> None:
    make_charge(name="CX 1")
    make_entity(account=account, identifier="ana@home.example")
    make_entity(account=make_account(), identifier="anna@home.example")
    text = table("sessions", "s1,anna@home.example,CX 1,2026-02-02T09:00:00Z,2026-02-02T10:00:00Z")
    (reason,) = [error.reason for error in upload(kind="sessions", text=text, account=account).errors]
    assert reason.endswith("Did you mean ana@home.example?")
    (reason,) = [error.reason for error in upload(kind="charges", text="name,basis\nCX 2,Named\n").errors]
    assert reason.endswith("Did you mean named?")


def test_the_effect_of_sessions_is_the_number_of_billed_users(account: Account) -> None:
    ana, bo = (make_entity(account=account, identifier=f"{name}@home.example") for name in ("ana", "bo"))
    desk = make_entity(account=account, identifier="desk", kind=EntityKind.DEVICE)
    make_charge(name="CX 1")
    for entity in (ana, bo, desk):
        make_session(
            entity=entity, started_at=instant("2026-02-02T09:00"), ended_at=instant("2026-02-02T10:00"),
        )  # fmt: skip
    make_session(entity=bo, started_at=instant("2026-02-03T09:00"), ended_at=None, billable=False)
    header = "session_id,entity,charge,started_at,ended_at,billable\n"
    rows = [
        "n1,ANA@home.example,CX 1,2026-02-02T11:00:00Z,2026-02-02T12:00:00Z,true",
        "n2,cid@home.example,CX 1,2026-02-02T11:00:00Z,2026-02-02T12:00:00Z,true",
        "n3,cid@home.example,CX 1,2026-02-02T13:00:00Z,2026-02-02T14:00:00Z,true",
        "n4,dan@home.example,CX 1,2026-02-02T13:00:00Z,2026-02-02T14:00:00Z,false",
    ]
    text = header + "\n".join(rows)
    expected = [Effect("Billed users on the days of the file", "2", "3")]
    assert effects_of("sessions", text, account, creates_users=True) == expected
    assert effects_of("sessions", header + rows[0], account) == []


def test_a_replaced_session_no_longer_bills_its_user(account: Account) -> None:
    ana, bo = (make_entity(account=account, identifier=f"{name}@home.example") for name in ("ana", "bo"))
    make_charge(name="CX 1")
    for entity in (ana, bo):
        session = make_session(
            entity=entity, started_at=instant("2026-02-02T09:00"), ended_at=instant("2026-02-02T10:00")
        )
    text = table("sessions", f"{session.session_id},{ana.identifier},CX 1,2026-02-02T09:00:00Z,2026-02-02T10:00:00Z")
    assert effects_of("sessions", text, account) == [Effect("Billed users on the days of the file", "2", "1")]


def test_the_effects_of_calls_and_of_users_are_their_numbers(account: Account) -> None:
    make_call(account=account, started_at=instant("2026-02-02T09:00"), sip_call_id="c1")
    make_call(account=account, started_at=instant("2026-02-05T09:00"), sip_call_id="c2")
    good = "+14155550100,+33123456789,FR,voice,Outbound,2026-02-02T09:00:00Z,2026-02-02T09:01:00Z"
    text = table("calls", *(f"c{number},{good}" for number in (1, 2, 3)))
    assert effects_of("calls", text, account) == [Effect("Calls on the days of the file", "1", "3")]
    make_entity(account=account, identifier="ana@home.example")
    assert effects_of("users", "email\nana@home.example\nbo@home.example\n", account) == [Effect("Users", "1", "2")]
