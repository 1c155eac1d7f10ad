"""Whose an upload and its rows are: a customer's administrators change their own people's, never the platform's."""

import importlib
import io
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models.functions import Now
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.models import Account, Administrator
from tests.factories import (
    instant,
    make_account,
    make_administrator,
    make_call,
    make_charge,
    make_entity,
    make_resource_usage,
    make_session,
)
from tests.people import client_of, make_role, make_uploader
from tests.profiles import examples
from tests.uploads import applied, receive_users, taken, uploaded
from tests.usage_files import NOW, table
from usage.models import (
    Call,
    Entity,
    EntityKind,
    LoginSession,
    Resource,
    ResourceUsage,
    Upload,
    UploadKind,
    UploadStatus,
)
from usage.resources.base import OF_THE_PLATFORM
from usage.resources.batches import UploadContext
from usage.staging.stage import stage
from usage.undo import undo_upload
from usage.uploads import decide
from usage.uploads.receive import receive_upload, refuse_unless_theirs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files_root")]

START = "2026-03-01T09:00:00Z"
ANA = "email,name\nana@acme.example,{}\n"


def write(
    text: str, *, account: Account, by_platform_staff: bool, kind: str = "users", creates_users: bool = False
) -> tuple[Upload, list[tuple[int, str, str]]]:
    """Return the upload of a file, applied without its rows in error, and its errors: line, column, reason."""
    upload = Upload.objects.create(
        kind=kind,
        account=account,
        file="uploads/kept",
        file_name=f"{kind}.csv",
        creates_users=creates_users,
        by_platform_staff=by_platform_staff,
    )
    with stage(io.BytesIO(text.encode()), UploadContext.of(upload, now=NOW)) as staged:
        outcome = staged.apply(skip_errors=True)
        errors = [(error.line, error.column, error.reason) for error in staged.errors(100)]
        versions = staged.versions()
    if outcome.is_applied:
        fields = {**outcome.counts.fields, "applied_versions": versions, "applied_at": Now()}
        Upload.objects.filter(pk=upload.pk).update(**fields)
    upload.refresh_from_db()
    return upload, errors


def counts(upload: Upload) -> tuple[int | None, ...]:
    """Return the numbers of new, changed and unchanged rows and of rows in error."""
    return upload.rows_new, upload.rows_changed, upload.rows_unchanged, upload.rows_in_error


def call(number: int, destination: str) -> str:
    """Return a row of a file of calls."""
    return f"c{number},+1,{destination},US-FIXED,voice,Outbound,{START},2026-03-01T09:00:55Z"


def session(number: int, end: str = "", *, entity: str = "ana@acme.example") -> str:
    """Return a row of a file of login sessions."""
    return f"s{number},{entity},Named,{START},{end}"


ONE, OTHER = "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"
# By kind: the rows that the platform wrote, the same with the first one changed and a new one, and the key's column.
FILES = {
    "users": (
        "email,name\nana@acme.example,Ana\nbo@acme.example,Bo\n",
        "email,name\nana@acme.example,Anna\nbo@acme.example,Bo\ncy@acme.example,Cy\n",
        "email",
    ),
    "devices": (
        "device_id,name\nphone-1,Lobby\nphone-2,Desk\n",
        "device_id,name\nphone-1,Hall\nphone-2,Desk\nphone-3,New\n",
        "device_id",
    ),
    "sessions": (
        table("sessions", session(1), session(2, ONE)),
        table("sessions", session(1, ONE), session(2, ONE), session(3)),
        "session_id",
    ),
    "resource_usage": (
        "date,resource,quantity\n2026-03-01,SMS,12\n2026-03-02,SMS,1\n",
        "date,resource,quantity\n2026-03-01,SMS,13\n2026-03-02,SMS,1\n2026-03-03,SMS,1\n",
        "resource",
    ),
    "calls": (
        table("calls", call(1, "+2"), call(2, "+2")),
        table("calls", call(1, "+3"), call(2, "+2"), call(3, "+2")),
        "sip_call_id",
    ),
}
MODELS: dict[str, tuple[Any, str]] = {
    "users": (Entity, "identifier"),
    "devices": (Entity, "identifier"),
    "sessions": (LoginSession, "session_id"),
    "resource_usage": (ResourceUsage, "used_on"),
    "calls": (Call, "sip_call_id"),
}


@pytest.fixture
def account() -> Account:
    """Return an account with what files of all kinds refer to."""
    account = make_account(code="ACME")
    make_charge(name="Named")
    Resource.objects.create(name="SMS", unit="message")
    return account


def rows_of(kind: str) -> list[dict[str, Any]]:
    """Return the rows that files of the kind write, as stored, in the order of FILES."""
    model, key = MODELS[kind]
    rows = model._default_manager.order_by(key)
    return list((rows.filter(kind=kind.removesuffix("s")) if model is Entity else rows).values())


@pytest.mark.parametrize("kind", FILES)
def test_rows_that_the_platform_wrote_last_are_errors_if_a_customers_file_changes_them(
    kind: str, account: Account
) -> None:
    first, second, key = FILES[kind]
    if kind == "sessions":
        make_entity(account=account, identifier="ana@acme.example")
    write(first, account=account, by_platform_staff=True, kind=kind)
    before = rows_of(kind)
    upload, errors = write(second, account=account, by_platform_staff=False, kind=kind)
    assert errors == [(2, key, OF_THE_PLATFORM)]
    assert counts(upload) == (1, 0, 1, 1)
    after = rows_of(kind)
    assert after[:2] == before  # whose they are, too
    assert after[2]["upload_id"] == upload.pk


@pytest.mark.parametrize("kind", FILES)
def test_a_customers_file_changes_what_customers_wrote_and_the_platforms_changes_all(
    kind: str, account: Account
) -> None:
    first, second, _key = FILES[kind]
    if kind == "sessions":
        make_entity(account=account, identifier="ana@acme.example")
    theirs, _errors = write(first, account=account, by_platform_staff=False, kind=kind)
    again, errors = write(second, account=account, by_platform_staff=False, kind=kind)
    assert (errors, counts(again)) == ([], (1, 1, 1, 0))
    assert [row["upload_id"] for row in rows_of(kind)] == [again.pk, theirs.pk, again.pk]
    platforms, errors = write(first, account=account, by_platform_staff=True, kind=kind)
    assert (errors, counts(platforms)) == ([], (0, 1, 1, 0))
    assert [row["upload_id"] for row in rows_of(kind)] == [platforms.pk, theirs.pk, again.pk]


@pytest.mark.parametrize("kind", FILES)
def test_rows_without_an_upload_are_the_platforms(kind: str, account: Account) -> None:
    ana = make_entity(account=account, identifier="ana@acme.example")
    make_entity(account=account, identifier="phone-1", kind=EntityKind.DEVICE)
    named = LoginSession.objects.filter(
        pk=make_session(entity=ana, started_at=instant("2026-03-01T08:00"), ended_at=None).pk
    )
    named.update(session_id="s1")
    make_resource_usage(account=account, used_on=date(2026, 3, 1), resource=Resource.objects.get(), quantity="1")
    make_call(account=account, started_at=instant("2026-03-01T08:00"), sip_call_id="c1")
    before = rows_of(kind)
    upload, errors = write(FILES[kind][1], account=account, by_platform_staff=False, kind=kind)
    assert errors == [(2, FILES[kind][2], OF_THE_PLATFORM)]
    assert upload.rows_changed == 0
    assert rows_of(kind)[0] == before[0]


def test_a_row_that_names_an_upload_that_is_not_there_is_the_platforms(account: Account) -> None:
    upload, _errors = write(ANA.format("Ana"), account=account, by_platform_staff=False)
    Upload.objects.filter(pk=upload.pk).delete()
    assert write(ANA.format("Anna"), account=account, by_platform_staff=False)[1] == [(2, "email", OF_THE_PLATFORM)]


@pytest.mark.parametrize("by_platform_staff", [False, True])
def test_users_created_for_sessions_are_whose_the_sessions_are(by_platform_staff: bool, account: Account) -> None:
    sessions = table("sessions", session(1))
    write(sessions, account=account, by_platform_staff=by_platform_staff, kind="sessions", creates_users=True)
    _upload, errors = write(ANA.format("Ana"), account=account, by_platform_staff=False)
    assert errors == ([(2, "email", OF_THE_PLATFORM)] if by_platform_staff else [])
    assert Entity.objects.get().name == ("" if by_platform_staff else "Ana")


def test_sessions_of_a_customer_may_name_the_platforms_users_and_leave_them_as_they_are(account: Account) -> None:
    platforms, _errors = write(ANA.format("Ana"), account=account, by_platform_staff=True)
    sessions = table("sessions", session(1), session(2, entity="bo@acme.example"))
    upload, errors = write(sessions, account=account, by_platform_staff=False, kind="sessions", creates_users=True)
    assert (errors, counts(upload)) == ([], (2, 0, 0, 0))
    assert dict(Entity.objects.values_list("identifier", "upload_id")) == {
        "ana@acme.example": platforms.pk,
        "bo@acme.example": upload.pk,
    }


def test_undoing_restores_whose_a_row_was(account: Account) -> None:
    theirs, _errors = write(ANA.format("Ana"), account=account, by_platform_staff=False)
    platforms, _errors = write(ANA.format("Anna"), account=account, by_platform_staff=True)
    refused, errors = write(ANA.format("Annie"), account=account, by_platform_staff=False)
    assert (errors, refused.is_applied) == ([(2, "email", OF_THE_PLATFORM)], False)
    undo_upload.undo(platforms)
    assert Entity.objects.get().upload_id == theirs.pk
    again, errors = write(ANA.format("Annie"), account=account, by_platform_staff=False)
    assert (errors, counts(again)) == ([], (0, 1, 0, 0))


# --- Any files --------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["", "Ana", "Anna"])
USERS = [f"{letter}@acme.example" for letter in "abc"]
STEPS = st.lists(
    st.one_of(st.just("undo"), st.tuples(st.booleans(), st.dictionaries(st.sampled_from(USERS), NAMES, min_size=1))),
    min_size=2,
    max_size=6,
)


class AnyFiles(TestCase):
    """Whatever is uploaded and undone in turn, each row is as it was last written by whom it may be written."""

    @settings(max_examples=examples(15))
    @given(steps=STEPS)
    def test_rows_and_their_owners_follow_the_rule(self, steps: list[Any]) -> None:
        account = make_account()
        rows: dict[str, tuple[str, bool]] = {}
        applied_before: list[tuple[Upload, dict[str, tuple[str, bool]]]] = []
        for step in steps:
            if step == "undo":
                if applied_before:
                    upload, rows = applied_before.pop()
                    undo_upload.undo(upload)
            else:
                by_platform_staff, names = step
                before = dict(rows)
                for user, name in names.items():
                    known = rows.get(user)
                    if known is None or (known[0] != name and (by_platform_staff or not known[1])):
                        rows[user] = (name, by_platform_staff)
                text = "email,name\n" + "".join(f"{user},{name}\n" for user, name in names.items())
                upload, errors = write(text, account=account, by_platform_staff=by_platform_staff)
                protected = [user for user in names if rows[user][0] != names[user]]
                assert len(errors) == len(protected)
                assert {reason for _line, _column, reason in errors} <= {OF_THE_PLATFORM}
                if upload.is_applied:
                    applied_before.append((upload, before))
            staffs = dict(Upload.objects.values_list("pk", "by_platform_staff"))
            found = {one.identifier: (one.name, staffs[one.upload_id]) for one in Entity.objects.all() if one.upload_id}
            assert found == rows


# --- By people --------------------------------------------------------------------------------------------------------


@pytest.fixture
def uploader(account: Account) -> Administrator:
    """Return an administrator of the account who may upload."""
    return make_uploader(accounts=(account,))


def test_what_the_uploader_was_at_the_time_decides(account: Account, uploader: Administrator) -> None:
    theirs = applied(receive_users(ANA.format("Ana"), account=account, administrator=uploader))
    Administrator.objects.filter(pk=uploader.pk).update(is_platform_staff=True)
    colleague = make_uploader(accounts=(account,))
    changed = applied(receive_users(ANA.format("Anna"), account=account, administrator=colleague))
    assert (theirs.by_platform_staff, changed.rows_changed) == (False, 1)
    staff = make_uploader(accounts=(account,), is_platform_staff=True)
    platforms = applied(receive_users(ANA.format("Annie"), account=account, administrator=staff))
    Administrator.objects.filter(pk=staff.pk).update(is_platform_staff=False)
    assert platforms.by_platform_staff
    former_staff = Administrator.objects.get(pk=staff.pk)
    refused = taken(receive_users(ANA.format("Ana"), account=account, administrator=former_staff))
    assert (refused.rows_changed, refused.rows_in_error) == (0, 1)
    assert refused.preview["errors"][0] == {
        "line": 2, "column": "email", "value": "ana@acme.example", "reason": OF_THE_PLATFORM,
    }  # fmt: skip
    with pytest.raises(PermissionDenied):
        decide.undo(platforms, former_staff)


def test_a_customers_upload_stays_one_when_staff_decide_on_it(account: Account, uploader: Administrator) -> None:
    write(ANA.format("Ana"), account=account, by_platform_staff=True)
    text = ANA.format("Anna") + "bo@acme.example,Bo\n"
    upload = taken(receive_users(text, account=account, administrator=uploader))
    decide.confirm(upload, make_uploader(is_platform_staff=True), skips_errors=True)
    assert counts(taken(upload)) == (1, 0, 0, 1)
    assert Entity.objects.get(identifier="ana@acme.example").name == "Ana"
    assert Entity.objects.get(identifier="bo@acme.example").upload_id == upload.pk


def test_a_row_that_became_the_platforms_since_the_check_is_not_changed(
    account: Account, uploader: Administrator
) -> None:
    applied(receive_users(ANA.format("Ana"), account=account, administrator=uploader))
    upload = taken(receive_users(ANA.format("Anna"), account=account, administrator=uploader))
    assert counts(upload) == (0, 1, 0, 0)
    write(ANA.format("Annie"), account=account, by_platform_staff=True)
    decide.confirm(upload, uploader)
    upload = taken(upload)
    assert (upload.status, counts(upload)) == (UploadStatus.NOT_APPLIED, (0, 0, 0, 1))
    assert Entity.objects.get().name == "Annie"


def test_the_platforms_file_again_from_a_customer_is_unchanged_and_stays_the_platforms(
    account: Account, uploader: Administrator
) -> None:
    staff = make_uploader(is_platform_staff=True)
    platforms = applied(receive_users(ANA.format("Ana"), account=account, administrator=staff))
    again = taken(receive_users(ANA.format("Ana"), account=account, administrator=uploader))
    assert counts(again) == (0, 0, 1, 0)
    assert Entity.objects.get().upload_id == platforms.pk
    page = client_of(uploader).get(reverse("admin:usage_upload_change", args=[again.pk])).content.decode()
    assert str(platforms.pk) not in page
    assert "very same file" not in page


# Who sees, and who decides on: an upload of a customer's administrator, of the platform's staff, of the command line.
BOTH, SEES, NONE, REFUSED = (True, True), (True, False), (False, False), None
WHO_MAY: dict[str, tuple[Any, Any, Any]] = {
    "customer who uploads": (BOTH, NONE, NONE),
    "customer granted everything": (BOTH, NONE, NONE),
    "of another account": (NONE, NONE, NONE),
    "customer": (REFUSED, NONE, NONE),
    "customer who views": (REFUSED, NONE, NONE),
    "customer with all permissions": (REFUSED, NONE, NONE),
    "idle staff": (REFUSED, REFUSED, REFUSED),
    "support": (SEES, SEES, SEES),
    "operator": (BOTH, BOTH, BOTH),
    "superuser": (BOTH, BOTH, BOTH),
}
DECISIONS = ["apply", "apply_without_errors", "check_again", "discard", "stop"]


def whose(account: Account) -> list[Upload]:
    """Return an upload of a customer's administrator, one of the platform's staff, and one of the command line."""
    people = [make_uploader(accounts=(account,)), make_uploader(is_platform_staff=True)]
    uploads = [
        taken(receive_users(f"email\n{name}@acme.example\n", account=account, administrator=person))
        for name, person in zip(("ana", "bo"), people, strict=True)
    ]
    command_line, _errors = write("email\ncy@acme.example\n", account=account, by_platform_staff=True)
    return [*uploads, command_line]


@pytest.mark.parametrize("role", WHO_MAY)
def test_each_role_sees_and_decides_on_what_the_table_says(role: str, account: Account) -> None:
    uploads = whose(account)
    elsewhere = role == "of another account"
    administrator = make_role("customer who uploads", make_account()) if elsewhere else make_role(role, account)
    client = client_of(administrator)
    for upload, expected in zip(uploads, WHO_MAY[role], strict=True):
        status = 403 if expected is REFUSED else 200 if expected[0] else 404
        for name in ("change", "progress", "history", "file"):
            found = client.get(reverse("admin:usage_upload_change", args=[upload.pk]).replace("change", name))
            wanted = 404 if name == "file" and status == 200 and upload is uploads[2] else status  # it has none
            assert found.status_code == wanted, (upload, name)
        decides = expected is not REFUSED and expected[1]
        page = client.get(reverse("admin:usage_upload_undo", args=[upload.pk]))
        assert page.status_code == (200 if decides else 404 if expected == NONE else 403)
        if decides:
            refuse_unless_theirs(administrator, upload)
            continue
        for decision in DECISIONS:
            answer = client.post(reverse("admin:usage_upload_change", args=[upload.pk]), {"decision": decision})
            assert answer.status_code in {403, 404}, decision
        for act in (decide.confirm, decide.check_again, decide.discard, decide.stop, decide.undo):
            with pytest.raises(PermissionDenied):
                act(upload, administrator)
        assert taken_state(upload) == upload.status
    listed = client.get(reverse("admin:usage_upload_changelist"))
    if listed.status_code == 200:
        visible = [upload.pk for upload, may in zip(uploads, WHO_MAY[role], strict=True) if may and may[0]]
        assert {upload.pk for upload in listed.context["cl"].result_list} == set(visible)


def taken_state(upload: Upload) -> UploadStatus:
    """Return the status of an upload as it is now."""
    return Upload.objects.select_related("latest_step").get(pk=upload.pk).status


def test_a_step_on_the_platforms_upload_that_a_customer_requested_is_not_run(
    account: Account, uploader: Administrator
) -> None:
    upload = taken(receive_users(ANA.format("Ana"), account=account, administrator=uploader))
    decide.confirm(upload, uploader)
    Upload.objects.update(by_platform_staff=True)
    upload = taken(upload)
    assert (upload.status, Entity.objects.count()) == (UploadStatus.NOT_APPLIED, 0)


def test_a_customer_is_told_neither_in_progress_nor_by_blockers_of_the_platforms_files(
    account: Account, uploader: Administrator
) -> None:
    theirs = applied(receive_users(ANA.format("Ana"), account=account, administrator=uploader))
    staff = make_uploader(is_platform_staff=True)
    secret = receive_upload(
        administrator=staff,
        kind=UploadKind.USERS,
        account=account,
        file=uploaded(ANA.format("Anna"), name="secret.csv"),
    )
    waiting = receive_users("email\nbo@acme.example\n", account=account, administrator=uploader)
    customer, operator = client_of(uploader), client_of(staff)
    address = reverse("admin:usage_upload_progress", args=[waiting.pk])
    told = customer.get(address)
    assert told.json()["progress"]["text"] == "Waiting for another upload into the same account…"
    assert "secret.csv" not in told.content.decode()
    assert str(secret.pk) not in told.content.decode()
    assert "Waiting for secret.csv" in operator.get(address).json()["progress"]["text"]
    applied(secret)
    sentence = "1 of its rows was written over by a later upload."
    for client in (customer, operator):
        page = client.get(reverse("admin:usage_upload_undo", args=[theirs.pk])).content.decode()
        assert sentence in page
        assert "secret.csv" not in page


def test_earlier_uploads_are_whose_their_uploaders_are_now(account: Account) -> None:
    people = [make_administrator(), make_administrator(is_platform_staff=True), None]
    uploads = [
        Upload.objects.create(kind="users", account=account, file_name="a.csv", uploaded_by=person) for person in people
    ]
    Upload.objects.update(by_platform_staff=True)
    name = next(name for app, name in MigrationLoader(None).disk_migrations if name.endswith("whose_upload"))
    with connection.cursor() as cursor:
        cursor.execute(importlib.import_module(f"usage.migrations.{name}").FROM_THE_UPLOADERS)
    found = dict(Upload.objects.values_list("pk", "by_platform_staff"))
    assert [found[upload.pk] for upload in uploads] == [False, True, True]
