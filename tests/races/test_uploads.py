"""Uploads: undoing one while others write what it wrote, or refer to it."""

from datetime import date
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from billing.cycles import DateRange
from billing.models import Account, Administrator, Membership, Subscription
from reports.models import ReportJob
from reports.orders.enqueue import ReportOrder, enqueue_report
from tests.concurrency import at_once, while_held
from tests.factories import make_account
from tests.people import client_of, make_staff
from tests.uploads import applied, receive_users, taken, uploaded
from tests.usage_files import upload
from usage.models import Entity, Upload, UploadKind, UploadStatus, UploadStep
from usage.undo.undo_upload import UndoRefusedError, undo
from usage.uploads import decide
from usage.uploads.receive import receive_upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

USERS = "email,name\nana@a.example,Ana\n"


def shared(kind: UploadKind, text: str) -> Upload:
    """Return an applied upload of a kind that belongs to no account."""
    received = receive_upload(
        administrator=make_staff(), kind=kind, account=None, file=uploaded(text, name=f"{kind}.csv")
    )
    done = applied(received)
    assert done.status == UploadStatus.APPLIED
    return done


def reason(error: BaseException | None) -> str:
    assert isinstance(error, UndoRefusedError), error
    return str(error)


def test_of_two_people_who_undo_an_upload_one_is_told_that_it_is_being_undone() -> None:
    staff = make_staff(), make_staff()
    done = applied(receive_users(USERS, account=make_account(), administrator=staff[0]))
    asked, refused = while_held(lambda: decide.undo(done, staff[0]), lambda: decide.undo(done, staff[1]))
    assert asked.exception() is None
    error = refused.exception()
    assert isinstance(error, ValidationError), error
    assert error.messages == ["This cannot be done: the upload is being undone."]
    assert UploadStep.objects.filter(upload=done, step="undo").count() == 1
    assert taken(done).status == UploadStatus.UNDONE


def test_an_upload_whose_rows_are_just_being_changed_is_not_undone() -> None:
    account = make_account()
    done = applied(receive_users(USERS, account=account))
    later = taken(receive_users("email,name\nana@a.example,Anna\n", account=account))
    assert later.uploaded_by
    decide.confirm(later, later.uploaded_by)
    changed, refused = while_held(lambda: taken(later), lambda: undo(done))
    assert changed.result().status == UploadStatus.APPLIED
    assert reason(refused.exception()) == "1 of its rows was written over by a later upload (users.csv)."
    assert Entity.objects.get().name == "Anna"


def test_an_upload_is_checked_again_when_the_rows_that_it_changes_have_just_been_undone() -> None:
    account = make_account()
    done = applied(receive_users(USERS, account=account))
    later = taken(receive_users("email,name\nana@a.example,Anna\n", account=account))
    assert (later.rows_new, later.rows_changed, bool(later.uploaded_by)) == (0, 1, True)
    assert later.uploaded_by
    decide.confirm(later, later.uploaded_by)
    _undone, changed = while_held(lambda: undo(done), lambda: taken(later))
    assert (changed.result().status, changed.result().rows_new) == (UploadStatus.APPLIED, 1)
    assert Entity.objects.get().name == "Anna"


def test_an_upload_is_not_undone_when_somebody_is_just_made_a_member_of_its_account() -> None:
    done = shared(UploadKind.ACCOUNTS, "code,name\nACME,Acme\n")
    staff = client_of(make_staff())
    sent = {"email": "cy@acme.example", "member_of": [Account.objects.get().pk]}
    address = reverse("admin:billing_administrator_add")
    invited, refused = while_held(lambda: staff.post(address, sent), lambda: undo(done))
    assert invited.result().status_code == 302
    assert reason(refused.exception()) == "1 membership refers to this account."
    assert Membership.objects.count() == 1


def test_a_member_of_an_account_whose_upload_is_just_being_undone_is_refused() -> None:
    done = shared(UploadKind.ACCOUNTS, "code,name\nACME,Acme\n")
    staff = client_of(make_staff())
    sent = {"email": "cy@acme.example", "member_of": [Account.objects.get().pk]}
    address = reverse("admin:billing_administrator_add")
    undone, refused = while_held(lambda: undo(done), lambda: staff.post(address, sent))
    assert undone.exception() is None
    assert refused.result().status_code == 200
    assert "Select a valid choice" in refused.result().content.decode()
    assert not Administrator.objects.filter(email="cy@acme.example").exists()


def test_an_upload_is_not_undone_when_a_report_on_its_contract_is_just_being_ordered() -> None:
    make_account(code="ACME")
    done = shared(UploadKind.SUBSCRIPTIONS, "number,account,activation_date,currency\nS-1,ACME,2017-10-21,USD\n")
    subscription = Subscription.objects.get()

    days = DateRange(date(2017, 11, 23), date(2017, 11, 23))
    wanted = ReportOrder(subscription=subscription, report_type="user-hours", days=days)
    order = partial(enqueue_report, wanted, administrator=make_staff(), today=date(2017, 11, 24))
    _ordered, refused = while_held(order, lambda: undo(done))
    assert reason(refused.exception()) == "1 report job refers to this subscription."
    assert ReportJob.objects.get().subscription == subscription


def test_an_identifier_stands_for_a_user_or_a_device() -> None:
    account = make_account()
    files = {"users": "email,name\nx@a.example,Ana\n", "devices": "device_id,name\nx@a.example,Lobby\n"}
    found = at_once(partial(upload, kind=kind, text=text, account=account) for kind, text in files.items())
    assert sorted(one.is_applied for one in found) == [False, True]
    (refused,) = (one for one in found if not one.is_applied)
    assert len(refused.errors) == 1
    assert Entity.objects.count() == 1
