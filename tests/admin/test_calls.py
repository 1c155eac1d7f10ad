"""The page of a call."""

import re

import pytest
from django.urls import reverse

from tests.factories import instant, make_account, make_call
from tests.people import client_of, make_role

pytestmark = pytest.mark.django_db


def test_a_call_says_how_many_seconds_it_lasted_a_second_that_began_included() -> None:
    ended_at = instant("2026-03-01T09:00:55.250")
    call = make_call(account=make_account(), started_at=instant("2026-03-01T09:00"), ended_at=ended_at)
    page = client_of(make_role("support")).get(reverse("admin:usage_call_change", args=[call.pk])).content.decode()
    assert re.findall(r'field-duration_seconds">.*?<div class="readonly">(.*?)</div>', page, re.DOTALL) == ["56"]
