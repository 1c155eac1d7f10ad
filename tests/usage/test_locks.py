"""Concurrent uploads: they queue, never deadlock, and calls uploaded alongside their rates end up rated."""

import io
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from billing.models import Account, Charge
from tests.concurrency import at_once, while_held
from tests.factories import make_account
from tests.usage_files import NOW, table, upload
from usage.models import Call, Entity, UploadKind
from usage.resources.batches import UploadContext
from usage.staging.stage import UploadRefusedError, stage

pytestmark = pytest.mark.django_db(transaction=True)

SUBSCRIPTION = table("subscriptions", "S-1,ACME,2020-01-01,USD,World")
RATES = table("rates", "World,USD,2020-01-01,US,USA,voice,Inbound,1")


def calls(account: Account, prefix: str) -> Callable[[], None]:
    """Apply an upload of 300 calls."""
    rows = [f"{prefix}{n},1,2,US,voice,Inbound,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z" for n in range(300)]
    return lambda: _upload("calls", table("calls", *rows), account)


def _upload(kind: str, text: str, account: Account | None = None) -> None:
    assert upload(kind=kind, text=text, account=account).is_applied


@pytest.mark.race
def test_calls_and_their_rates_at_the_same_time_end_rated() -> None:
    for number in range(3):
        sheet = f"World{number}"
        accounts = [make_account(code=f"ACME{number}"), make_account(code=f"BETA{number}")]
        subscriptions = [
            SUBSCRIPTION.replace("S-1", f"S-{account.code}").replace("ACME", account.code).replace("World", sheet)
            for account in accounts
        ]
        works: list[Callable[[], None]] = [
            *(calls(account, account.code) for account in accounts),
            *(partial(_upload, "subscriptions", text) for text in subscriptions),
            partial(_upload, "rates", RATES.replace("World", sheet)),
        ]
        at_once(works)
    assert Call.objects.count() == 1800
    assert not Call.objects.unrated().exists()


@pytest.mark.parametrize("calls_are_first", [True, False])
@pytest.mark.race
def test_calls_and_rates_that_cannot_see_each_other_wait(*, calls_are_first: bool) -> None:
    acme = make_account(code="ACME")
    _upload("subscriptions", SUBSCRIPTION)
    works: list[Callable[[], None]] = [calls(acme, "a"), partial(_upload, "rates", RATES)]
    for work in while_held(*works if calls_are_first else works[::-1]):
        work.result()
    assert Call.objects.count() == 300
    assert not Call.objects.unrated().exists()


@pytest.mark.race
def test_files_of_several_accounts_in_either_order_wait_for_each_other() -> None:
    codes = [make_account(code=f"A{number}").code for number in range(8)]
    rows = [f"{code},u{number}@x,{code}" for code in codes for number in range(20)]
    header = "account,email,name"
    files = ["\n".join([header, *ordered, ""]) for ordered in (rows, rows[::-1])]
    at_once(partial(_upload, "users", text) for text in files * 2)
    assert Entity.objects.count() == 160


def test_a_check_may_be_hours_before_and_is_made_again() -> None:
    file = io.BytesIO(b"name,basis\nCX 1,named\nCX 2,named\n")
    with stage(file, UploadContext(UploadKind.CHARGES, None, NOW)) as staged:
        assert staged.check().new == 2
        Charge.objects.create(name="CX 1", basis="hourly")
        Charge.objects.create(name="CX 2", basis="named")
        outcome = staged.apply()
    assert (outcome.counts.new, outcome.counts.changed, outcome.counts.unchanged) == (0, 1, 1)
    assert Charge.objects.get(name="CX 1").basis == "named"


def test_what_the_database_refuses_ends_in_a_sentence_and_nothing_applied() -> None:
    file = io.BytesIO(b"name,basis\nCX 1,named\nCX 2,named\n")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_charge ADD CONSTRAINT charge_is_no_cx2 CHECK (name <> 'CX 2')")
    try:
        with (
            stage(file, UploadContext(UploadKind.CHARGES, None, NOW)) as staged,
            pytest.raises(UploadRefusedError) as refused,
        ):
            staged.apply()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE billing_charge DROP CONSTRAINT charge_is_no_cx2")
    assert "charge_is_no_cx2" in str(refused.value)
    assert not Charge.objects.exists()
