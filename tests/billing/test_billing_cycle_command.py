"""`manage.py billing_cycle`: its output and its errors."""

import json
from datetime import date
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from tests.factories import make_subscription

pytestmark = pytest.mark.django_db


def billing_cycle(*arguments: str) -> dict[str, Any]:
    stdout = StringIO()
    call_command("billing_cycle", *arguments, stdout=stdout)
    answer: dict[str, Any] = json.loads(stdout.getvalue())
    return answer


def test_it_prints_the_cycle_the_window_and_the_default_range_in_this_order() -> None:
    make_subscription(number="SUB-1", activation_date=date(2017, 10, 21))

    assert list(billing_cycle("SUB-1", "--on", "2017-11-24").items()) == [
        ("index", 1),
        ("first_day", "2017-11-22"),
        ("last_day", "2017-12-21"),
        ("available_from", "2017-10-21"),
        ("available_through", "2017-11-23"),
        ("default_from", "2017-11-22"),
        ("default_through", "2017-11-23"),
    ]


def test_on_the_activation_day_nothing_is_available_yet() -> None:
    make_subscription(number="SUB-1", activation_date=date(2017, 10, 21))

    assert list(billing_cycle("SUB-1", "--on", "2017-10-21").values()) == [
        0,
        "2017-10-21",
        "2017-11-21",
        None,
        None,
        None,
        None,
    ]


def test_after_the_end_of_a_subscription_it_is_its_last_cycle_cut_at_the_last_day() -> None:
    make_subscription(number="SUB-1", activation_date=date(2017, 10, 21), ended_on=date(2017, 12, 10))

    assert list(billing_cycle("SUB-1", "--on", "2026-01-01").values()) == [
        1,
        "2017-11-22",
        "2017-12-10",
        "2017-10-21",
        "2017-12-10",
        "2017-11-22",
        "2017-12-10",
    ]


def test_without_a_day_it_is_today_in_utc() -> None:
    make_subscription(number="SUB-1", activation_date=date(2017, 10, 21), cycle_policy="before_anniversary")

    with time_machine.travel("2017-11-20T23:30:00-03:00", tick=False):
        assert billing_cycle("SUB-1")["index"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("SUB-1", "--on", "2017-10-20"), 1, "2017-10-20 is before the activation on 2017-10-21."),
        (("SUB-2",), 2, "There is no subscription 'SUB-2'."),
        (("SUB-1", "--on", "20171121"), 2, "'20171121' is not a day: write it as YYYY-MM-DD."),
        (("SUB-1", "--on", "2017-02-30"), 2, "'2017-02-30' is not a day: write it as YYYY-MM-DD."),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_sentence(
    arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    make_subscription(number="SUB-1", activation_date=date(2017, 10, 21))

    with pytest.raises(CommandError) as refusal:
        billing_cycle(*arguments)

    assert (refusal.value.returncode, str(refusal.value)) == (status, sentence)
