"""The five reports and the billed numbers against an independent oracle: the same bytes, over random worlds.

Each world goes in through the upload path, file by file, and is rolled back after its questions.
"""

import io
from collections.abc import Callable
from datetime import date, datetime

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings

from billing.cycles import DateRange
from billing.models import Account, Subscription
from reports import types
from reports.engine.report_type import Scope
from reports.engine.write import scope_of
from reports.summaries.billable_peak import billable_peak
from reports.summaries.billed_hours import billed_hours
from tests.factories import instant
from tests.oracle import Oracle, Question, World, worlds
from tests.oracle.fixed_worlds import FIXED_WORLDS, FixedWorld
from tests.oracle.records import File
from tests.profiles import examples
from tests.report_files import write
from usage.models import UploadKind
from usage.resources.batches import UploadContext
from usage.staging.stage import stage

pytestmark = pytest.mark.django_db

WORLDS_PER_BATCH = 10
NOW = instant("2040-01-01")  # later than everything in the worlds


def upload(files: list[File], now: datetime = NOW) -> None:
    """Upload every file; each must be applied as a whole."""
    for kind, code, text in files:
        account = Account.objects.get(code=code) if code else None
        with stage(io.BytesIO(text.encode()), UploadContext(UploadKind(kind), account, now)) as staged:
            outcome = staged.apply()
            assert outcome.is_applied, (kind, staged.errors(5))


def scope_of_question(question: Question) -> Scope:
    subscription = Subscription.objects.get(number=question.subscription)
    return scope_of(subscription, DateRange(question.date_from, question.date_through), question.today)


def assert_agreement(files: list[File], questions: list[Question], time_zone: str) -> None:
    oracle = Oracle(files)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [time_zone])
        upload(files)
        for question in questions:
            scope = scope_of_question(question)
            for report_type in types.all_types():
                content, _written = write(report_type.slug, scope)
                expected = oracle.report(
                    report_type.slug,
                    subscription=question.subscription,
                    date_from=question.date_from,
                    date_through=question.date_through,
                    today=question.today,
                )
                assert content.decode() == expected.decode(), (report_type.slug, question)
            assert_billing_agrees(oracle, question)
        transaction.set_rollback(True)


def scope_of_cycle(number: str, day: date, today: date) -> Scope:
    """Return the cycle of a day, as far as it has data."""
    subscription = Subscription.objects.get(number=number)
    cycle, available = subscription.contract.cycle_on(day), subscription.contract.available(today)
    assert available is not None
    return scope_of(subscription, DateRange(cycle.first_day, min(cycle.last_day, available.date_through)), today)


def assert_billing_agrees(oracle: Oracle, question: Question) -> None:
    """Return the billable peak and the billed hours of the cycle in which the range ends."""
    number, day, today = question.subscription, question.date_through, question.today
    scope = scope_of_cycle(number, day, today)
    peak = oracle.billable_peak(subscription=number, day=day, today=today)
    assert billable_peak(connection, scope) == peak, question
    assert billed_hours(connection, scope) == oracle.billed_hours(subscription=number, day=day, today=today), question


def over_worlds(check: Callable[[World], None], *, number: int = WORLDS_PER_BATCH) -> None:
    """Run a check over new worlds in every run. A failure prints the smallest world found and how to repeat it."""
    options = settings(
        max_examples=examples(number), report_multiple_bugs=False, suppress_health_check=list(HealthCheck)
    )
    options(given(worlds())(check))()


@pytest.mark.parametrize("batch", range(3))
def test_the_reports_are_those_of_the_oracle(batch: int) -> None:
    over_worlds(lambda world: assert_agreement(world.files, world.questions, "UTC"))


@pytest.mark.parametrize("time_zone", ["America/New_York", "Pacific/Chatham"])
def test_the_time_zone_of_the_database_session_changes_nothing(time_zone: str) -> None:
    over_worlds(lambda world: assert_agreement(world.files, world.questions, time_zone))


@pytest.mark.parametrize("batch", range(2))
def test_the_order_of_the_uploads_changes_nothing(batch: int) -> None:
    """Calls before their rates or their subscriptions, among others."""
    over_worlds(lambda world: assert_agreement(world.reordered, world.questions, "UTC"))


@pytest.mark.parametrize("world", FIXED_WORLDS, ids=lambda world: world.name)
def test_what_was_worked_out_by_hand_from_the_published_examples_comes_out(world: FixedWorld) -> None:
    """Halves, drifting cycles and other rules that random worlds rarely hit."""
    upload(world.files)
    for expected in world.reports:
        content, _written = write(expected.slug, scope_of_question(expected.question))
        assert content.decode() == expected.text, (expected.slug, expected.question)
    for number, peak in world.billable_peaks.items():
        assert billable_peak(connection, scope_of_cycle(number, world.day, world.today)) == peak
    for number, hours in world.billed_hours.items():
        assert billed_hours(connection, scope_of_cycle(number, world.day, world.today)) == hours
