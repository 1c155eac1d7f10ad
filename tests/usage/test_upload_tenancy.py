"""An administrator of one account cannot read or write another's rows by any file, column, form field or address."""

import hashlib
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from billing.models import Account, Administrator, Membership
from tests.addresses import MISSING
from tests.factories import (
    instant,
    make_account,
    make_administrator,
    make_call,
    make_charge,
    make_entity,
    make_rate,
    make_session,
    make_subscription,
    make_version,
)
from tests.people import make_uploader, permissions
from tests.uploads import applied, taken, uploaded
from tests.usage_files import COLUMNS
from usage.models import Call, Entity, EntityKind, LoginSession, ResourceUsage, Upload, UploadKind, UploadStatus
from usage.uploads import decide
from usage.uploads.receive import receive_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files_root")]

SECRETS = ["VICTIM", "eve@victim.example", "victim-phone", "victim-session", "victim-call", "VIC-1", "Victim's sheet"]


@pytest.fixture
def own() -> Account:
    """Return the account of the attacker."""
    return make_account(code="ACME", name="Acme")


@pytest.fixture
def victim() -> Account:
    """Return another account, with rows of every kind."""
    victim = make_account(code="VICTIM", name="Victim's name")
    user = make_entity(account=victim, identifier="eve@victim.example")
    make_entity(account=victim, identifier="victim-phone", kind=EntityKind.DEVICE)
    start = instant("2026-03-01T09:00")
    session = make_session(entity=user, charge=make_charge(name="CX 1"), started_at=start, ended_at=None)
    LoginSession.objects.filter(pk=session.pk).update(session_id="victim-session")
    make_call(account=victim, started_at=start, sip_call_id="victim-call")
    version = make_version()
    version.rate_sheet.name = "Victim's sheet"
    version.rate_sheet.save()
    make_rate(version=version)
    make_subscription(account=victim, number="VIC-1", rate_sheet=version.rate_sheet)
    return victim


@pytest.fixture
def attacker(own: Account) -> Administrator:
    """Return an administrator of the other account who has every permission and may upload."""
    return make_uploader(accounts=(own,))


def rows_of(account: Account) -> list[Any]:
    """Return all rows of an account, as stored."""
    models: list[Any] = [Entity, LoginSession, ResourceUsage, Call]
    return [list(model._default_manager.filter(account=account).order_by("pk").values()) for model in models]


def send(kind: str, text: str, account: Account, administrator: Administrator, **options: Any) -> Upload:
    """Return the upload of a file, checked and applied as far as possible."""
    upload = receive_upload(
        administrator=administrator, kind=UploadKind(kind), account=account, file=uploaded(text), **options
    )
    upload = applied(upload, skips_errors=True) if not _has_nothing(taken(upload)) else taken(upload)
    return Upload.objects.select_related("latest_step").get(pk=upload.pk)


def _has_nothing(upload: Upload) -> bool:
    return not (upload.rows_new or upload.rows_changed)


def told(upload: Upload) -> str:
    """Return everything that the uploader can read of it, except the cells that they wrote themselves."""
    texts = [upload.refusal, str(upload.preview), upload.latest_step.failure if upload.latest_step else ""]
    for file in (upload.errors_file, upload.rows_in_error_file):
        if file:
            with file.open("rb") as opened:
                texts.append(opened.read().decode())
    return "\n".join(texts)


@pytest.mark.parametrize("code", ["VICTIM", "victim", " VICTIM ", "\tVICTIM", "'VICTIM", "ACME,VICTIM", "STRANGER"])
@pytest.mark.parametrize("heading", ["account", "Account", "ACCOUNT ", "_account_"])
def test_a_column_that_names_another_account_writes_nothing_there(
    heading: str, code: str, own: Account, victim: Account, attacker: Administrator
) -> None:
    before = rows_of(victim)
    upload = send("users", f'{heading},email,name\n"{code}",eve@victim.example,Hacked\n', own, attacker)
    assert rows_of(victim) == before
    assert (upload.status, upload.rows_in_error) == (UploadStatus.READY, 1)
    assert upload.preview["errors"][0]["reason"] == (
        "This row is of another account than the upload, which is for ACME."
    )


@pytest.mark.parametrize("heading", ["account_id", "id", "old_id", "entity_id", "line", "found", "upload_id", "state"])
def test_no_column_of_the_tables_behind_is_one_of_a_file(
    heading: str, own: Account, victim: Account, attacker: Administrator
) -> None:
    before = rows_of(victim)
    upload = send("users", f"{heading},email,name\n{victim.pk},eve@victim.example,Hacked\n", own, attacker)
    assert upload.status == UploadStatus.REFUSED
    assert rows_of(victim) == before


HOSTILE = {
    "users": "email,name\neve@victim.example,Hacked\nvictim-phone,Hacked\n",
    "devices": "device_id,name\nvictim-phone,Hacked\neve@victim.example,Hacked\n",
    "sessions": f"{COLUMNS['sessions']}\nvictim-session,eve@victim.example,CX 1,2026-03-01T09:00:00Z,\n"
    "victim-session2,victim-phone,CX 1,2026-03-01T09:00:00Z,\n",
    "calls": f"{COLUMNS['calls']}\nvictim-call,1,2,US-FIXED,voice,Outbound,2026-03-01T09:00:00Z,2026-03-01T10:00:00Z\n",
    "resource_usage": "date,resource,quantity\n2026-03-01,SMS,1\n",
}


@pytest.mark.parametrize("creates_users", [False, True])
@pytest.mark.parametrize("kind", HOSTILE)
def test_rows_with_the_keys_of_another_account_are_ones_own(
    kind: str, creates_users: bool, own: Account, victim: Account, attacker: Administrator
) -> None:
    if creates_users and kind != "sessions":
        return
    before = rows_of(victim)
    upload = send(kind, HOSTILE[kind], own, attacker, creates_users=creates_users)
    assert rows_of(victim) == before
    assert not upload.rows_changed
    assert not upload.rows_unchanged
    assert upload.preview["changes"] == []
    calls = Call.objects.filter(account=own)
    assert not calls.exclude(rate_per_minute=None).exists()
    assert not LoginSession.objects.filter(account=own).exclude(entity__account=own).exists()


@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_are_the_same_whether_or_not_another_account_has_such_rows(
    kind: str, own: Account, attacker: Administrator, request: pytest.FixtureRequest
) -> None:
    make_charge(name="CX 2")
    text = HOSTILE[kind].replace("CX 1", "CX 2")

    def found() -> list[Any]:
        upload = taken(receive_upload(administrator=attacker, kind=UploadKind(kind), account=own, file=uploaded(text)))
        counts = [upload.rows, upload.rows_new, upload.rows_changed, upload.rows_unchanged, upload.rows_in_error]
        return [upload.status, counts, told(upload)]

    before = found()
    request.getfixturevalue("victim")
    assert found() == before


def test_the_file_of_another_account_is_not_recognised(own: Account, victim: Account, attacker: Administrator) -> None:
    text = "email,name\nzoe@victim.example,Zoe\n"
    theirs = send("users", text, victim, make_uploader(accounts=(victim,)))
    assert theirs.status == UploadStatus.APPLIED
    upload = taken(receive_upload(administrator=attacker, kind=UploadKind.USERS, account=own, file=uploaded(text)))
    assert upload.sha256 == theirs.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (upload.rows_new, upload.rows_unchanged) == (1, 0)
    assert not Upload.objects.same_file(upload).exists()
    client = Client()
    client.force_login(attacker)
    page = client.get(reverse("admin:usage_upload_change", args=[upload.pk])).content.decode()
    assert str(theirs.pk) not in page
    assert str(theirs.uploaded_by) not in page


@pytest.mark.parametrize("kind", [kind for kind in UploadKind if not kind.belongs_to_account])
def test_a_customer_uploads_nothing_that_all_accounts_share(
    kind: UploadKind, own: Account, attacker: Administrator
) -> None:
    client = Client()
    client.force_login(attacker)
    for account in (own.pk, ""):
        file = SimpleUploadedFile("rates.csv", b"name,basis\nCX 1,hourly\n")
        answer = client.post(reverse("admin:usage_upload_add"), {"kind": kind, "account": account, "file": file})
        assert answer.status_code == 200
    assert not Upload.objects.exists()
    with pytest.raises(PermissionDenied):
        receive_upload(administrator=attacker, kind=kind, account=own, file=uploaded("name,basis\n"))


@pytest.mark.parametrize("account", ["victim", "", "0", "-1", "1 OR 1=1", "9" * 40])
def test_a_forged_account_in_the_form_is_refused(
    account: str, own: Account, victim: Account, attacker: Administrator
) -> None:
    client = Client()
    client.force_login(attacker)
    named = str(victim.pk) if account == "victim" else account
    fields = {"kind": "users", "account": named, "uploaded_by": "1", "upload": MISSING, "next": "//evil.example"}
    for method in ("html", "json"):
        file = SimpleUploadedFile("users.csv", b"email\nzoe@victim.example\n")
        accept = "application/json" if method == "json" else "text/html"
        answer = client.post(reverse("admin:usage_upload_add"), {**fields, "file": file}, headers={"accept": accept})
        assert answer.status_code == (422 if method == "json" else 200)
        assert not any(secret in answer.content.decode() for secret in [*SECRETS, victim.name])
    page = client.get(reverse("admin:usage_upload_add"), {"account": named, "kind": "rates"}).content.decode()
    assert victim.name not in page
    assert not Upload.objects.exists()


@pytest.fixture
def theirs(victim: Account) -> Upload:
    """Return the victim's upload, with rows in error, ready to be decided on."""
    uploader = make_uploader(accounts=(victim,))
    text = "email,name\nzoe@victim.example,Zoe\nbob.example,Bob\n"
    return taken(receive_upload(administrator=uploader, kind=UploadKind.USERS, account=victim, file=uploaded(text)))


ADDRESSES = ["change", "errors", "rows-in-error", "file", "progress", "undo", "history", "delete"]


def address_of(name: str, upload: object) -> str:
    """Return one of the addresses of an upload."""
    return reverse("admin:usage_upload_change", args=[upload]).replace("/change/", f"/{name}/")


@pytest.mark.parametrize("granted", ["upload", "everything"])
def test_another_accounts_upload_is_like_one_that_is_not_there(
    granted: str, own: Account, attacker: Administrator, theirs: Upload
) -> None:
    if granted == "everything":
        attacker.user_permissions.set(permissions("billing.all_permissions", "usage.add_upload", "usage.view_upload"))
    client = Client()
    client.force_login(attacker)
    step = theirs.latest_step_id
    for name in ADDRESSES:
        for pk in (theirs.pk, str(theirs.pk).upper(), theirs.pk.hex, step):
            answers = [client.get(address_of(name, one)) for one in (pk, MISSING)]
            assert [answer.status_code for answer in answers] == [404, 404], (name, pk)
            texts = [answer.content.decode().replace(str(pk), "").replace(str(MISSING), "") for answer in answers]
            assert texts[0] == texts[1], name
    for decision in ("apply", "apply_without_errors", "check_again", "discard", "stop", "undo", "nonsense", ""):
        for name in ("change", "undo"):
            address = address_of(name, theirs.pk)
            answer = client.post(address, {"decision": decision, "account": own.pk, "upload": str(theirs.pk)})
            assert answer.status_code == 404, (decision, name)
    assert str(theirs.pk) not in client.get(reverse("admin:usage_upload_changelist")).content.decode()
    filtered = client.get(reverse("admin:usage_upload_changelist"), {"account__id__exact": str(theirs.account_id)})
    assert str(theirs.pk) not in filtered.content.decode()
    for act in (decide.confirm, decide.check_again, decide.discard, decide.stop):
        with pytest.raises(PermissionDenied):
            act(theirs, attacker)
    assert taken(theirs).status == UploadStatus.READY


def lose_membership(administrator: Administrator) -> None:
    Membership.objects.filter(administrator=administrator).delete()


def lose_permission(administrator: Administrator) -> None:
    administrator.user_permissions.clear()


def be_deactivated(administrator: Administrator) -> None:
    Administrator.objects.filter(pk=administrator.pk).update(is_active=False)


@pytest.mark.parametrize("lose", [lose_membership, lose_permission, be_deactivated])
@pytest.mark.parametrize("lost_before", ["check", "decision", "apply"])
def test_an_uploader_who_lost_the_permission_gets_no_further(
    lost_before: str, lose: Any, own: Account, attacker: Administrator
) -> None:
    upload = receive_upload(
        administrator=attacker, kind=UploadKind.USERS, account=own, file=uploaded("email\nana@acme.example\n")
    )
    if lost_before == "check":
        lose(attacker)
        assert taken(upload).status == UploadStatus.BROKEN_OFF
        return
    upload = taken(upload)
    if lost_before == "decision":
        lose(attacker)
        for act in (decide.confirm, decide.check_again, decide.discard, decide.stop):
            with pytest.raises(PermissionDenied):
                act(upload, Administrator.objects.get(pk=attacker.pk))
    else:
        decide.confirm(upload, attacker)
        lose(attacker)
        assert taken(upload).status == UploadStatus.NOT_APPLIED
    assert not Entity.objects.exists()


def test_who_is_member_of_nothing_uploads_nothing_whatever_they_were_granted(own: Account) -> None:
    stranger = make_administrator()
    stranger.user_permissions.set(permissions("usage.add_upload", "usage.view_upload", "billing.all_permissions"))
    client = Client()
    client.force_login(stranger)
    for account in (own.pk, ""):
        file = SimpleUploadedFile("users.csv", b"account,email\nACME,zoe@acme.example\n")
        client.post(reverse("admin:usage_upload_add"), {"kind": "users", "account": account, "file": file})
    assert not Upload.objects.exists()


def test_rows_of_several_accounts_in_a_file_of_staff_stay_with_their_accounts(own: Account, victim: Account) -> None:
    staff = make_uploader(is_platform_staff=True)
    text = (
        f"account,{COLUMNS['sessions']}\nACME,s1,eve@victim.example,CX 1,2026-03-01T09:00:00Z,\n"
        "VICTIM,s1,eve@victim.example,CX 1,2026-03-01T09:00:00Z,\nVICTIM,victim-session,ana@acme.example,CX 1,"
        f"{date(2026, 3, 1)}T09:00:00Z,\n"
    )
    make_entity(account=own, identifier="ana@acme.example")
    upload = receive_upload(administrator=staff, kind=UploadKind.SESSIONS, account=None, file=uploaded(text))
    upload = applied(upload, skips_errors=True)
    assert (upload.rows_new, upload.rows_in_error) == (1, 2)
    assert list(LoginSession.objects.filter(upload_id=upload.pk).values_list("account__code", "session_id")) == [
        ("VICTIM", "s1")
    ]
