"""API tokens: created once, stored as a digest, valid until they expire or are revoked, and used without waiting."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing.models import Administrator, ApiToken
from billing.models.api_tokens import (
    MOST_USABLE,
    PREFIX,
    AlreadyIssuedError,
    TokenState,
    TooManyTokensError,
    digest,
    end_of,
)
from tests.factories import make_account, make_administrator, make_api_token

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def row(token: ApiToken) -> str:
    """Return all that the database holds of a token."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM billing_apitoken t WHERE id = %s", [token.pk])
        return str(cursor.fetchone()[0])


def test_the_database_holds_a_digest_and_never_the_secret() -> None:
    token, secret = make_api_token()
    assert secret.startswith(PREFIX)
    assert digest(secret) in row(token)
    assert secret not in row(token)
    assert secret.removeprefix(PREFIX) not in row(token)
    assert secret.endswith(token.hint)


def test_no_two_secrets_are_the_same_and_each_finds_its_token() -> None:
    made = [make_api_token() for _ in range(3)]
    assert len({secret for _token, secret in made}) == 3
    for token, secret in made:
        assert ApiToken.objects.of_secret(secret) == token


def test_a_secret_is_looked_up_with_its_owner_in_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token, secret = make_api_token()
    with django_assert_num_queries(1):
        found = ApiToken.objects.of_secret(secret)
        assert found is not None
        assert found.administrator == token.administrator


@pytest.mark.parametrize("secret", ["", "tally_", "tally_" + "é" * 43, "tally_\0" + "a" * 42, "tally_" + "a" * 9000])
def test_what_cannot_be_a_secret_is_not_even_looked_up(
    secret: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert ApiToken.objects.of_secret(secret) is None


def test_a_revoked_or_expired_token_and_one_of_a_deactivated_owner_finds_nothing() -> None:
    revoked, secret_of_revoked = make_api_token()
    assert revoked.revoke()
    assert not revoked.revoke()
    expired, secret_of_expired = make_api_token()
    ApiToken.objects.filter(pk=expired.pk).update(
        created_at=timezone.now() - 2 * DAY, expires_at=timezone.now() - timedelta(seconds=1)
    )
    orphan, secret_of_orphan = make_api_token()
    assert ApiToken.objects.of_secret(secret_of_orphan) == orphan
    Administrator.objects.filter(pk=orphan.administrator_id).update(is_active=False)
    for secret in (secret_of_revoked, secret_of_expired, secret_of_orphan):
        assert ApiToken.objects.of_secret(secret) is None


@pytest.mark.parametrize(
    ("left", "revoked", "state", "is_usable"),
    [
        (30 * DAY, False, TokenState.ACTIVE, True),
        (7 * DAY + timedelta(seconds=1), False, TokenState.ACTIVE, True),
        (7 * DAY, False, TokenState.EXPIRES_SOON, True),
        (timedelta(0), False, TokenState.EXPIRED, False),
        (30 * DAY, True, TokenState.REVOKED, False),
        (-DAY, True, TokenState.REVOKED, False),
    ],
)
def test_the_state_follows_from_expiry_and_revocation(
    left: timedelta, revoked: bool, state: TokenState, is_usable: bool
) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    token = ApiToken(expires_at=now + left, revoked_at=now if revoked else None)
    assert token.state(now) == state
    assert token.is_usable(now) is is_usable


def test_a_token_is_good_through_the_whole_of_its_last_day() -> None:
    assert end_of(date(2026, 2, 28)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert ApiToken(expires_at=end_of(date(2026, 2, 28))).last_day == date(2026, 2, 28)
    assert ApiToken(expires_at=datetime(2026, 3, 1, 9, tzinfo=UTC)).last_day == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": " \t"}, "needs a name"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "already have expired"),
        ({"expires_at": datetime(2999, 1, 1, tzinfo=UTC)}, "at most a year"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence_and_by_the_database(
    fields: dict[str, object], message: str
) -> None:
    owner = make_administrator()
    values = {"name": "nightly", "expires_at": timezone.now() + 30 * DAY, **fields}
    with pytest.raises(ValidationError, match=message):
        ApiToken(administrator=owner, digest="0" * 64, hint="abcd", **values).validate_constraints()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.issue(administrator=owner, **values)  # type: ignore[arg-type]  # deliberately of any kind


def test_a_form_makes_one_token_for_each_sender() -> None:
    key, owner = uuid.uuid4(), make_administrator()
    first, _secret = make_api_token(administrator=owner, form_key=key)
    with pytest.raises(AlreadyIssuedError):
        make_api_token(administrator=owner, form_key=key)
    make_api_token(form_key=key)
    assert ApiToken.objects.get(administrator=owner) == first
    first.pk, first.digest = None, "0" * 64
    with pytest.raises(IntegrityError, match="api_token_is_made_once_by_a_form"), transaction.atomic():
        first.save(force_insert=True)


def test_one_has_a_bounded_number_of_tokens_that_work() -> None:
    owner = make_administrator()
    first, _secret = make_api_token(administrator=owner)
    for _ in range(MOST_USABLE - 1):
        make_api_token(administrator=owner)
    with pytest.raises(TooManyTokensError, match=f"{MOST_USABLE} tokens"):
        make_api_token(administrator=owner)
    make_api_token()
    first.revoke()
    make_api_token(administrator=owner)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_both_get_the_last_place() -> None:
    owner = make_administrator()
    for _ in range(MOST_USABLE - 1):
        make_api_token(administrator=owner)

    def issue(_number: int) -> bool:
        try:
            make_api_token(administrator=owner)
        except TooManyTokensError:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(issue, range(4))) == [False, False, False, True]
    assert ApiToken.objects.usable().filter(administrator=owner).count() == MOST_USABLE


def used_at(token: ApiToken) -> datetime | None:
    return ApiToken.objects.values_list("last_used_at", flat=True).get(pk=token.pk)


def test_the_use_is_recorded_once_a_minute() -> None:
    token, secret = make_api_token()
    token.record_use(timezone.now())
    first = used_at(token)
    assert first is not None
    token.record_use(timezone.now())  # by a process that does not know it yet
    assert used_at(token) == first
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=first - timedelta(seconds=61))
    again = ApiToken.objects.of_secret(secret)
    assert again is not None
    again.record_use(timezone.now())
    assert (used_at(token) or first) > first - timedelta(seconds=1)


def test_a_use_that_was_just_recorded_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token, secret = make_api_token()
    token.record_use(timezone.now())
    again = ApiToken.objects.of_secret(secret)
    assert again is not None
    with django_assert_num_queries(0):
        again.record_use(timezone.now())


@pytest.mark.django_db(transaction=True)
def test_recording_a_use_never_waits() -> None:
    token, _secret = make_api_token(account=make_account())

    def record() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '20s'")
            token.record_use(timezone.now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        ApiToken.objects.select_for_update().get(pk=token.pk)
        threads.submit(record).result(timeout=60)
    assert used_at(token) is None
    token.record_use(timezone.now())
    assert used_at(token) is not None
