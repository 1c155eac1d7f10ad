"""Each kind of file is written to its table, changes what differs, and changes nothing when uploaded again."""

import io
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from billing.models import Account
from tests.factories import make_account, make_charge, make_entity
from tests.usage_files import NOW, counts, upload
from usage.models import UploadKind
from usage.resources import resource_of
from usage.resources.batches import UploadContext
from usage.staging.stage import UploadOutcome, stage

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Example:
    """A file of two rows, and the same file with another value in its second row."""

    kind: str
    header: str
    first: str
    second: str
    changed: str


EXAMPLES = [
    Example("accounts", "code,name", "ACME,Acme", "BETA,Beta", "BETA,Better"),
    Example("charges", "name,basis", "CX 2 Named,named", "CX 3,hourly", "CX 3,concurrent"),
    Example(
        "subscriptions",
        "number,account,activation_date,currency,cycle_policy,ended_on,rate_sheet,telco_commit_percent",
        "S-1,HOME,2017-10-21,USD,,2018-12-31,,",
        "S-2,HOME,2019-01-01,USD,before_anniversary,,World,12.5",
        "S-2,HOME,2019-01-01,USD,before_anniversary,,World,10",
    ),
    Example("users", "email,name,division", "Ana@acme.example,Ana,Sales", "bo@acme.example,,", "bo@acme.example,Bo,"),
    Example("devices", "device_id,name", "Desk-1,Front desk", "Desk-2,", "Desk-2,Back office"),
    Example(
        "sessions",
        "session_id,entity,charge,started_at,ended_at,billable",
        "s1,ANA@home.example,CX 1,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z,yes",
        "s2,ana@home.example,CX 1,2026-03-01T09:00:00.250+02:00,,no",
        "s2,ana@home.example,CX 1,2026-03-01T09:00:00.250+02:00,2026-03-01T10:00:00Z,no",
    ),
    Example("resources", "name,unit", "SMS,message", "API,request", "API,call"),
    Example(
        "resource_usage",
        "date,resource,quantity",
        "2026-03-01,IVR,12.5",
        "2026-03-02,IVR,0",
        "2026-03-02,IVR,0.000001",
    ),
    Example(
        "rates",
        "rate_sheet,currency,effective_from,usage_group,usage_group_display,call_type,direction,rate_per_minute,"
        "effective_through,increment_seconds,minimum_seconds",
        "World,USD,2026-01-01,US,United States,voice,Outbound,0.0181,,60,6",
        "World,USD,2026-01-01,US,United States,voice,Inbound,0,,60,6",
        "World,USD,2026-01-01,US,United States,voice,Inbound,0.000001,,60,6",
    ),
    Example(
        "calls",
        "sip_call_id,origin,destination,usage_group,call_type,direction,start_time,end_time",
        "c1,+14155550100,sip:bob,US,voice,Outbound,2026-03-01T09:00:00Z,2026-03-01T09:00:55Z",
        "c2,anonymous,100,US,voice,Inbound,2026-03-01T09:00:00Z,2026-03-01T09:00:00Z",
        "c2,anonymous,100,US,voice,Inbound,2026-03-01T09:00:00Z,2026-03-01T09:00:01Z",
    ),
]


@pytest.fixture
def surroundings() -> Account:
    """Create the rows that the examples refer to."""
    account = make_account(code="HOME")
    make_entity(account=account, identifier="ana@home.example")
    make_charge(name="CX 1")
    upload(kind="resources", text="name,unit\nIVR,minute\n")
    return account


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.kind)
def test_a_file_arrives_then_changes_nothing_then_changes_what_differs(example: Example, surroundings: Account) -> None:
    account = surroundings if UploadKind(example.kind).belongs_to_account else None
    file = f"{example.header}\n{example.first}\n{example.second}\n"
    changed = f"{example.header}\n{example.changed}\n"
    model: Any = resource_of(UploadKind(example.kind)).model
    before = model.objects.count()

    first = upload(kind=example.kind, text=file, account=account)
    assert (first.errors, first.counts, first.is_applied) == ([], counts(2, new=2), True)
    assert model.objects.count() == before + 2
    stored = list(model.objects.order_by("pk").values())

    assert upload(kind=example.kind, text=file, account=account).counts == counts(2, unchanged=2)
    assert list(model.objects.order_by("pk").values()) == stored

    again = upload(kind=example.kind, text=changed, account=account)
    assert again.counts == counts(1, changed=1)
    assert upload(kind=example.kind, text=changed, account=account).counts == counts(1, unchanged=1)
    assert model.objects.count() == before + 2


def outcome_of(example: Example, account: Account | None, *rows: str) -> UploadOutcome:
    """Stage, check and apply a file, and read nothing more about it."""
    file = io.BytesIO("\n".join([example.header, *rows, ""]).encode())
    with stage(file, UploadContext(UploadKind(example.kind), account, NOW)) as staged:
        return staged.apply()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.kind)
def test_a_small_file_is_staged_checked_and_applied_in_few_messages_to_the_database(
    example: Example, surroundings: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    account = surroundings if UploadKind(example.kind).belongs_to_account else None
    with django_assert_max_num_queries(19):  # COPY, and four savepoints in place of BEGIN and COMMIT, among them
        assert outcome_of(example, account, example.first, example.second).is_applied
    with django_assert_max_num_queries(19):
        assert outcome_of(example, account, example.changed).counts == counts(1, changed=1)
    with django_assert_max_num_queries(18):
        assert outcome_of(example, account, example.changed).counts == counts(1, unchanged=1)
    # Explaining a row in error takes one more; nothing is written.
    with django_assert_max_num_queries(17):
        assert outcome_of(example, account, "," * example.header.count(",")).counts.errors == 1
