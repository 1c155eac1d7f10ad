"""Resources Usage: each resource consumed on a day."""

from datetime import date

import pytest

from tests.factories import make_account, make_resource_usage, make_subscription
from tests.report_files import report
from usage.models import Resource

pytestmark = pytest.mark.django_db


def test_rows_come_by_day_and_name_with_quantities_free_of_needless_zeros() -> None:
    subscription = make_subscription(activation_date=date(2026, 3, 21))
    sms = Resource.objects.create(name="SMS", unit="message")
    data = Resource.objects.create(name="Data storage", unit="GB, rounded")
    for resource, day, quantity in [
        (sms, 22, "0"),
        (data, 22, "0.500000"),
        (sms, 21, "1200"),
        (data, 23, "12345678901234.000001"),
        (sms, 20, "1"),
        (sms, 24, "1"),
    ]:
        make_resource_usage(
            account=subscription.account, resource=resource, used_on=date(2026, 3, day), quantity=quantity
        )
    make_resource_usage(account=make_account(), resource=sms, used_on=date(2026, 3, 22))

    assert report("resource-usage", subscription, "2026-03-21..2026-03-23") == [
        "Date,Resource,Quantity,Unit",
        "2026-03-21,SMS,1200,message",
        '2026-03-22,Data storage,0.5,"GB, rounded"',
        "2026-03-22,SMS,0,message",
        '2026-03-23,Data storage,12345678901234.000001,"GB, rounded"',
    ]


def test_without_usage_there_is_the_heading_alone() -> None:
    assert report("resource-usage", make_subscription(), "2026-03-21..2026-03-23") == ["Date,Resource,Quantity,Unit"]
