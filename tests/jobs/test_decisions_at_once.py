"""Decisions on an upload at the same moment, of two people or of one and a worker: one counts, the other is told so."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from billing.models import Administrator
from jobs.running import Attempt
from jobs.states import State
from tests.concurrency import on_its_own_connection, wait_until_it_waits, while_held
from tests.factories import instant, make_account
from tests.people import make_uploader
from tests.uploads import applied, receive_users, tables_of_uploads, taken
from usage import tasks
from usage.models import Entity, Upload, UploadStatus, UploadStep
from usage.staging.stage import Staged, UploadCounts
from usage.staging.staged_tables import drop_abandoned_tables
from usage.uploads import decide, retention

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

USERS = "email,name\nana@acme.example,Ana\nbob@acme.example,Bob\n"
Decision = Callable[[Upload, Administrator], object]


@pytest.fixture(autouse=True)
def no_tables_of_other_tests(transactional_db: None) -> None:
    """Drop the tables of uploads that no longer exist."""
    drop_abandoned_tables()


def checked() -> Upload:
    """An upload to decide on."""
    return taken(receive_users(USERS, account=make_account()))


def confirmed() -> Upload:
    """An upload to stop."""
    upload = checked()
    assert upload.uploaded_by
    decide.confirm(upload, upload.uploaded_by)
    upload.refresh_from_db()
    return upload


def colleague(upload: Upload) -> Administrator:
    """Somebody else who may decide on it."""
    assert upload.account
    return make_uploader(accounts=(upload.account,))


DECISIONS: list[tuple[Decision, Decision, str]] = [
    (decide.confirm, decide.confirm, "waiting to be applied"),
    (decide.confirm, decide.discard, "waiting to be applied"),
    (decide.confirm, decide.check_again, "waiting to be applied"),
    (decide.discard, decide.confirm, "discarded"),
    (decide.discard, decide.discard, "discarded"),
    (decide.check_again, decide.confirm, "waiting to be checked"),
    (decide.check_again, decide.check_again, "waiting to be checked"),
]


@pytest.mark.parametrize(("first", "second", "standing"), DECISIONS)
def test_of_two_people_who_decide_at_once_one_is_told_what_the_other_has_decided(
    first: Decision, second: Decision, standing: str
) -> None:
    upload = checked()
    people = colleague(upload), colleague(upload)
    _first, refused = while_held(lambda: first(upload, people[0]), lambda: second(upload, people[1]))
    assert _first.exception() is None
    error = refused.exception()
    assert isinstance(error, ValidationError), error
    assert error.messages == [f"This cannot be done: the upload is {standing}."]
    assert UploadStep.objects.filter(upload=upload).count() == (1 if first is decide.discard else 2)


def test_of_two_people_who_stop_an_upload_at_once_the_second_is_told_that_it_is_stopped() -> None:
    upload = confirmed()
    people = colleague(upload), colleague(upload)
    stopped, refused = while_held(lambda: decide.stop(upload, people[0]), lambda: decide.stop(upload, people[1]))
    assert stopped.exception() is None
    assert isinstance(refused.exception(), ValidationError), refused.exception()


def test_eight_people_who_confirm_at_once_have_it_applied_once() -> None:
    upload = checked()
    people = [colleague(upload) for _number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        works = [
            pool.submit(on_its_own_connection(lambda person=person: decide.confirm(upload, person)))  # type: ignore[misc]  # of a loop
            for person in people
        ]
    errors = [work.exception() for work in works]
    assert [type(error) for error in errors if error is not None] == [ValidationError] * 7
    assert taken(upload).status == UploadStatus.APPLIED
    assert Entity.objects.count() == 2


def ended_while(monkeypatch: pytest.MonkeyPatch, upload: Upload, decision: Callable[[], object]) -> "Future[object]":
    """Have a worker take the step; the decision comes when its last transaction has all but committed."""
    succeed = Attempt.succeed
    decided: list[Future[object]] = []
    with ThreadPoolExecutor(1) as pool:

        def succeed_slowly(attempt: Attempt[UploadStep], **result: Any) -> None:
            succeed(attempt, **result)
            decided.append(pool.submit(on_its_own_connection(decision)))
            wait_until_it_waits(decided[0])

        monkeypatch.setattr(Attempt, "succeed", succeed_slowly)
        taken(upload)
    return decided[0]


def test_who_stops_an_upload_that_is_just_applied_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = confirmed()
    person = colleague(upload)
    stopped = ended_while(monkeypatch, upload, lambda: decide.stop(upload, person))
    error = stopped.exception()
    assert isinstance(error, ValidationError), error
    assert error.messages == ["This cannot be done: the upload is applied."]
    assert Upload.objects.select_related("latest_step").get(pk=upload.pk).status == UploadStatus.APPLIED
    assert Entity.objects.count() == 2


def test_an_upload_may_be_discarded_when_its_check_just_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = receive_users(USERS, account=make_account())
    person = colleague(upload)
    discarded = ended_while(monkeypatch, upload, lambda: decide.discard(upload, person))
    assert discarded.exception() is None
    upload = Upload.objects.select_related("latest_step").get(pk=upload.pk)
    assert (upload.status, upload.latest_step and upload.latest_step.state) == ("discarded", State.SUCCEEDED)
    tasks.collect_left_overs()
    assert not tables_of_uploads()


def test_an_upload_that_is_discarded_while_it_is_checked_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = receive_users(USERS, account=make_account())
    person = colleague(upload)
    check = Staged.check

    def check_too_long(staged: Staged) -> UploadCounts:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(on_its_own_connection(lambda: decide.discard(upload, person))).result()
        return check(staged)

    monkeypatch.setattr(Staged, "check", check_too_long)
    upload = taken(upload)
    assert (upload.status, upload.rows) == (UploadStatus.DISCARDED, None)
    assert not tables_of_uploads()


def test_what_somebody_confirms_at_the_end_of_its_time_is_applied_and_kept() -> None:
    upload = checked()
    Upload.objects.update(uploaded_at=instant("2026-01-01T00:00"))
    person = colleague(upload)
    _confirmed, expired = while_held(lambda: decide.confirm(upload, person), retention.expire_uploads)
    assert (_confirmed.exception(), expired.result()) == (None, 0)
    upload = taken(upload)
    assert (upload.status, bool(upload.file)) == (UploadStatus.APPLIED, True)


def test_who_confirms_what_is_just_thrown_away_is_told_so() -> None:
    upload = checked()
    Upload.objects.update(uploaded_at=instant("2026-01-01T00:00"))
    person = colleague(upload)
    expired, refused = while_held(retention.expire_uploads, lambda: decide.confirm(upload, person))
    assert expired.result() == 1
    error = refused.exception()
    assert isinstance(error, ValidationError), error
    assert error.messages == ["This cannot be done: the upload is discarded."]


def test_uploads_that_were_applied_are_not_decided_on_again() -> None:
    upload = applied(receive_users(USERS, account=make_account()))
    person = colleague(upload)
    for decision in (decide.confirm, decide.check_again, decide.discard, decide.stop):
        with pytest.raises(ValidationError, match="the upload is applied"):
            decision(upload, person)
