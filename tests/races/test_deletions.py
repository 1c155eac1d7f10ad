"""What has usage, reports or people cannot be deleted, also when they come at the same moment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.urls import reverse

from billing.models import Account, ApiToken, Charge, RateSheetVersion, Subscription, UsageGroup
from reports.models import ReportJob
from tests.addresses import to
from tests.api_clients import program
from tests.concurrency import while_held
from tests.factories import (
    make_account,
    make_charge,
    make_entity,
    make_rate,
    make_subscription,
    make_version,
)
from tests.people import client_of, make_role, make_staff
from tests.uploads import uploaded
from tests.usage_files import table, upload
from usage.models import Call, LoginSession, Resource, ResourceUsage, Upload, UploadKind
from usage.staging.stage import UploadRefusedError
from usage.uploads.receive import receive_upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

CALLS = table("calls", "c1,+1,+2,US-FIXED,voice,Outbound,2026-03-01T09:00:00Z,2026-03-01T09:00:55Z")
SESSIONS = table("sessions", "s1,ana@a.example,CX 1,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z")
USAGE = "date,resource,quantity\n2026-03-01,SMS,1\n"
YESTERDAY = date.today() - timedelta(days=1)  # noqa: DTZ011 - any day that reports can cover


@dataclass
class World:
    """A customer without usage, and everything that usage can refer to."""

    account: Account = field(default_factory=lambda: make_account(code="ACME", name="Acme"))
    version: RateSheetVersion = field(default_factory=make_version)
    charge: Charge = field(default_factory=lambda: make_charge(name="CX 1"))
    resource: Resource = field(default_factory=lambda: Resource.objects.create(name="SMS", unit="message"))

    def __post_init__(self) -> None:
        self.group = make_rate(version=self.version).usage_group
        self.sheet = self.version.rate_sheet
        self.subscription = make_subscription(account=self.account, number="S-1", rate_sheet=self.sheet)

    def with_ana(self) -> "World":
        make_entity(account=self.account, identifier="ana@a.example")
        return self


def apply(kind: str, text: str, account: Account | None = None) -> None:
    found = upload(kind=kind, text=text, account=account)
    assert found.is_applied, found.reasons


def delete(row: Model, client: Any = None) -> Any:
    """Delete a row on its page, as a superuser."""
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])
    return (client or client_of(make_staff())).post(address, {"post": "yes"})


def sentences(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def order(world: World) -> Any:
    sent = {"subscription": "S-1", "report_type": "user-hours", "date_from": f"{YESTERDAY}"}
    return program(make_staff()).post_json(to("report-jobs"), {**sent, "date_through": f"{YESTERDAY}"})


def lone_account(_world: World) -> Account:
    return make_account(code="LONE", name="Lone")


USERS = "email,name\nana@a.example,Ana\n"
CONTRACT = "number,account,activation_date,currency,rate_sheet\nS-2,LONE,2026-01-01,USD,{sheet}\n"
CASES: dict[str, tuple[Callable[[World], Model], Callable[[World, Model], object], str]] = {
    "calls under a contract": (
        lambda world: world.subscription,
        lambda world, _row: apply("calls", CALLS, world.account),
        "S-1 cannot be deleted: it has calls.",
    ),
    "logins under a contract": (
        lambda world: world.with_ana().subscription,
        lambda world, _row: apply("sessions", SESSIONS, world.account),
        "S-1 cannot be deleted: it has login sessions.",
    ),
    "quantities under a contract": (
        lambda world: world.subscription,
        lambda world, _row: apply("resource_usage", USAGE, world.account),
        "S-1 cannot be deleted: it has resource usage.",
    ),
    "a report on a contract": (
        lambda world: world.subscription,
        lambda world, _row: order(world),
        "S-1 cannot be deleted: it has report jobs.",
    ),
    "a contract of an account": (
        lone_account,
        lambda world, _row: apply("subscriptions", CONTRACT.format(sheet=world.sheet)),
        "Lone cannot be deleted: it has subscriptions.",
    ),
    "a contract with a sheet": (
        lambda world: make_version().rate_sheet,
        lambda world, row: apply("subscriptions", CONTRACT.format(sheet=row).replace("LONE", lone_account(world).code)),
        "cannot be deleted: it has rate sheet versions and subscriptions.",
    ),
    "users of an account": (
        lone_account,
        lambda world, row: apply("users", USERS, Account.objects.get(pk=row.pk)),
        "Lone cannot be deleted: it has entities.",
    ),
    "an upload into an account": (
        lone_account,
        lambda world, row: receive(row),
        "Lone cannot be deleted: it has upload steps and uploads.",
    ),
    "a member of an account": (
        lone_account,
        lambda world, row: invite(row),
        "Lone cannot be deleted: it has memberships.",
    ),
    "logins under a charge": (
        lambda world: world.with_ana().charge,
        lambda world, _row: apply("sessions", SESSIONS, world.account),
        "CX 1 cannot be deleted: it has login sessions.",
    ),
    "quantities of a resource": (
        lambda world: world.resource,
        lambda world, _row: apply("resource_usage", USAGE, world.account),
        "SMS cannot be deleted: it has resource usage.",
    ),
    "calls rated by a version": (
        lambda world: world.version,
        lambda world, _row: apply("calls", CALLS, world.account),
        "cannot be deleted: it has calls and usage groups.",
    ),
    "calls shown under a group": (
        lambda world: UsageGroup.objects.create(version=world.version, code="FR", display_name="France"),
        lambda world, _row: apply("calls", CALLS.replace("US-FIXED", "FR"), world.account),
        "France cannot be deleted: it has calls.",
    ),
}


def invite(account: Model) -> Any:
    sent = {"email": "new@a.example", "member_of": [account.pk]}
    return client_of(make_staff()).post(reverse("admin:billing_administrator_add"), sent)


def receive(account: Model) -> Upload:
    return receive_upload(
        administrator=make_staff(),
        kind=UploadKind.USERS,
        account=Account.objects.get(pk=account.pk),
        file=uploaded(USERS),
    )


@pytest.mark.parametrize("case", CASES)
def test_what_is_just_being_referred_to_is_not_deleted_and_a_sentence_says_why(case: str) -> None:
    chosen, refer, sentence = CASES[case]
    world = World()
    row = chosen(world)
    referred, refused = while_held(partial(refer, world, row), lambda: delete(row))
    referred.result()
    assert refused.result().status_code == 302
    assert sentence in sentences(refused.result())
    assert type(row)._base_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("kind", "text", "column"),
    [("sessions", SESSIONS, "charge"), ("resource_usage", USAGE, "resource"), ("subscriptions", CONTRACT, "account")],
)
def test_a_file_that_names_what_is_just_being_deleted_is_in_error(kind: str, text: str, column: str) -> None:
    world = World().with_ana()
    row = {"charge": world.charge, "resource": world.resource, "account": lone_account(world)}[column]
    account = None if column == "account" else world.account
    deleted, refused = while_held(
        lambda: delete(row), lambda: upload(kind=kind, text=text.format(sheet=world.sheet), account=account)
    )
    assert "deleted successfully" in sentences(deleted.result())
    assert not refused.result().is_applied
    assert [error.column for error in refused.result().errors] == [column]


def test_a_file_into_an_account_that_is_just_being_deleted_is_refused_with_a_sentence() -> None:
    row = lone_account(World())
    _deleted, refused = while_held(lambda: delete(row), lambda: upload(kind="users", text=USERS, account=row))
    error = refused.exception()
    assert isinstance(error, UploadRefusedError), error
    assert "Something that they refer to was deleted in the meantime." in str(error)


def test_calls_that_come_while_their_contract_is_being_deleted_stay_unrated() -> None:
    world = World()
    _deleted, _applied = while_held(lambda: delete(world.subscription), lambda: apply("calls", CALLS, world.account))
    _applied.result()
    assert Call.objects.get().rate_per_minute is None
    assert not Subscription.objects.exists()


def test_a_report_on_a_contract_that_is_just_being_deleted_is_refused_as_one_that_is_unknown() -> None:
    world = World()
    _deleted, refused = while_held(lambda: delete(world.subscription), lambda: order(world))
    assert refused.result().status_code == 400
    assert refused.result().json()["errors"] == [{"field": "subscription", "detail": "There is no such subscription."}]


def test_the_page_of_a_contract_that_is_just_being_deleted_is_missing() -> None:
    world = World()
    address = reverse("account_settings:download-usage-report", args=[world.subscription.pk])
    sent = {"range": "custom", "date_from": f"{YESTERDAY}", "date_through": f"{YESTERDAY}"}
    sent |= {"report_type": "user-hours", "format": "csv"}
    staff = client_of(make_staff())
    _deleted, missed = while_held(lambda: delete(world.subscription), lambda: staff.post(address, sent))
    assert missed.result().status_code == 404
    assert not ReportJob.objects.exists()


def test_an_upload_into_an_account_that_is_just_being_deleted_is_refused_by_its_field() -> None:
    row = lone_account(World())
    received = Account.objects.get(pk=row.pk)
    staff = make_staff()
    _deleted, refused = while_held(
        lambda: delete(row),
        lambda: receive_upload(administrator=staff, kind=UploadKind.USERS, account=received, file=uploaded(USERS)),
    )
    error = refused.exception()
    assert isinstance(error, ValidationError), error
    assert list(error.message_dict) == ["account"]
    assert not Upload.objects.exists()


def test_a_token_for_an_account_that_is_just_being_deleted_is_refused_by_its_field() -> None:
    row = lone_account(World())
    staff = client_of(make_staff())
    address = reverse("account_settings:api-token-new")
    sent = {"form_key": "6c84fb90-12c4-11e1-840d-7b25c5ee775a", "name": "nightly", "expiry": "30", "account": "LONE"}
    _deleted, refused = while_held(
        lambda: delete(row), lambda: staff.post(address, {**sent, "access": "read-and-request"})
    )
    assert refused.result().status_code == 422
    assert "no account with the code" in refused.result().content.decode()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("model", ["subscription", "administrator"])
def test_a_form_that_names_an_account_that_is_just_being_deleted_says_so(model: str) -> None:
    row = lone_account(World())
    sent: dict[str, dict[str, Any]] = {
        "subscription": {
            "number": "S-9",
            "account": row.pk,
            "activation_date": "2026-01-15",
            "currency": "USD",
            "cycle_policy": "through_anniversary",
            "telco_commit_discounts-TOTAL_FORMS": 0,
            "telco_commit_discounts-INITIAL_FORMS": 0,
        },
        "administrator": {"email": "new@a.example", "member_of": [row.pk]},
    }
    operator = client_of(make_role("operator"))
    _deleted, refused = while_held(
        lambda: delete(row), lambda: operator.post(reverse(f"admin:billing_{model}_add"), sent[model])
    )
    assert refused.result().status_code == 200
    assert "Select a valid choice" in refused.result().content.decode()
    assert sentences(refused.result()) == ""


def test_two_who_delete_the_same_row_delete_it_once() -> None:
    row = lone_account(World())
    people = [client_of(make_role("operator")) for _one in range(2)]
    first, second = while_held(lambda: delete(row, people[0]), lambda: delete(row, people[1]))
    assert (first.result().status_code, second.result().status_code) == (302, 404)
    assert (LoginSession.objects.count(), ResourceUsage.objects.count()) == (0, 0)
