"""The declared kinds export files that uploads accept."""

import csv
import io
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Rate
from tests.factories import instant, make_account, make_call, make_charge, make_entity, make_session
from tests.usage_files import counts, table, upload
from usage.models import Call, LoginSession, ResourceUsage, UploadKind
from usage.resources import RESOURCES, resource_of
from usage.resources.base import UploadResource
from usage.resources.examples import example_file

pytestmark = pytest.mark.django_db

COLUMNS = {
    "accounts": "code name",
    "charges": "name basis",
    "subscriptions": "number account activation_date currency [cycle_policy] [ended_on] [rate_sheet] "
    "[telco_commit_percent]",
    "users": "[account] email [name] [division]",
    "devices": "[account] device_id [name]",
    "sessions": "[account] session_id entity charge started_at ended_at [billable]",
    "resources": "name unit",
    "resource_usage": "[account] date resource quantity",
    "rates": "rate_sheet currency effective_from [effective_through] [increment_seconds] [minimum_seconds] usage_group "
    "usage_group_display call_type direction rate_per_minute",
    "calls": "[account] sip_call_id origin destination usage_group call_type direction start_time end_time",
}


@pytest.mark.parametrize("kind", UploadKind.values)
def test_each_kind_has_its_columns(kind: str) -> None:
    columns = resource_of(UploadKind(kind)).columns
    assert " ".join(f"[{c.name}]" if c.optional else c.name for c in columns) == COLUMNS[kind]
    assert RESOURCES[UploadKind(kind)].belongs_to_account == UploadKind(kind).belongs_to_account


def exported(kind: str, queryset: Any) -> str:
    """Return the rows as django-import-export writes them."""
    text: str = resource_of(UploadKind(kind)).export(queryset=queryset).csv
    return text


def test_what_is_exported_is_what_uploads_accept() -> None:
    account = make_account(code="ACME")
    make_call(account=account, started_at=instant("2026-03-01T09:00:00.250"), seconds=55)
    entity = make_entity(account=account, identifier="ana@acme.example")
    make_session(
        entity=entity, charge=make_charge(), started_at=instant("2026-03-01T09:00"), ended_at=None, billable=False
    )
    upload(kind="resources", text="name,unit\nSMS,message\n")
    upload(kind="resource_usage", text="account,date,resource,quantity\nACME,2026-03-01,SMS,10.500\n")
    upload(kind="rates", text=table("rates", "World,USD,2026-01-01,US,USA,voice,Inbound,0.0100"))
    text = (
        "number,account,activation_date,currency,rate_sheet,telco_commit_percent\nS-1,ACME,2020-01-01,USD,World,12.50\n"
    )
    upload(kind="subscriptions", text=text)
    for kind in UploadKind:
        model: Any = resource_of(kind).model
        text = exported(kind, model.objects.all())
        rows = len(list(csv.reader(io.StringIO(text)))) - 1
        assert upload(kind=kind, text=text).counts == counts(rows, unchanged=rows)
    assert "2026-03-01T09:00:00.250Z,2026-03-01T09:00:55.250Z" in exported("calls", Call.objects.all())
    assert "2026-03-01T09:00:00Z,,false" in exported("sessions", LoginSession.objects.all())
    assert "2026-03-01,SMS,10.5" in exported("resource_usage", ResourceUsage.objects.all())
    assert exported("rates", Rate.objects.all()).splitlines()[1].endswith("0.01")


@pytest.mark.parametrize("kind", UploadKind)
def test_what_is_exported_is_read_in_one_query(kind: UploadKind, django_assert_num_queries: Any) -> None:
    for each in UploadKind:
        assert upload(kind=each, text=example_file(each, "csv")).is_applied
    resource = resource_of(kind)
    with django_assert_num_queries(1):
        # Not through a list of the admin, which joins other tables for its own columns.
        assert len(resource.export(queryset=resource.model._default_manager.order_by())) >= 2


def test_an_upload_works_while_queries_are_counted() -> None:
    with CaptureQueriesContext(connection):
        assert upload(kind="accounts", text="code,name\nACME,Acme\nBETA,\n", skip_errors=True).is_applied


def test_the_hooks_of_a_kind_are_described_and_defined_in_the_order_in_which_they_run() -> None:
    described = list(dict.fromkeys(re.findall(r"`(\w+)`", str(UploadResource.__doc__))))
    hooks = [name for name in described if callable(getattr(UploadResource, name, None))]
    steps = [
        "look_ups", "existing", "checks", "is_changed", "natural_key", "content", "inconsistency_errors",
        "conflict_errors", "settle", "journal", "application", "follow_up", "filter_export",
    ]  # fmt: skip
    assert [name for name in hooks if name in steps] == steps
    for resource in (UploadResource, *RESOURCES.values()):
        assert [name for name in vars(resource) if name in steps] == [name for name in steps if name in vars(resource)]
