"""The move of the currency from versions to their sheet: what it takes over, and where it stops."""

from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.django_db

_MIGRATIONS = MigrationLoader(None).disk_migrations
# By what they are called and not by their numbers.
LATER = [key for key in _MIGRATIONS if key[1].endswith(("_rate_sheet_currency", "_journal_of_currencies"))]
EARLIER = [(app, name) for key in LATER for app, name in _MIGRATIONS[key].dependencies if app == key[0]]


def migrate(targets: list[tuple[str, str]]) -> Any:
    """Migrate, and return the models as they are then."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    executor = MigrationExecutor(connection)
    return executor.migrate(targets).apps


@pytest.fixture
def earlier() -> Any:
    """The models before the move."""
    return migrate(EARLIER)


def make_sheet(apps: Any, name: str, *currencies: str) -> Any:
    sheet = apps.get_model("billing", "RateSheet").objects.create(name=name)
    for month, currency in enumerate(currencies, start=1):
        sheet.versions.create(
            effective_from=f"2026-0{month}-01", effective_through=f"2026-0{month}-28", currency=currency
        )
    return sheet


def make_subscription(apps: Any, number: str, currency: str, sheet: Any) -> None:
    account = apps.get_model("billing", "Account").objects.create(code=number, name=number)
    apps.get_model("billing", "Subscription").objects.create(
        number=number, account=account, activation_date="2026-01-01", currency=currency, rate_sheet=sheet
    )


def test_a_sheet_takes_the_currency_of_its_versions_or_of_its_subscriptions_and_gives_it_back(earlier: Any) -> None:
    make_subscription(earlier, "S-1", "CHF", make_sheet(earlier, "Alps", "CHF", "CHF"))
    make_subscription(earlier, "S-2", "GBP", make_sheet(earlier, "Britain"))
    make_sheet(earlier, "Nowhere")
    journal = earlier.get_model("usage", "UploadChange").objects
    version = earlier.get_model("billing", "RateSheetVersion").objects.first()
    after = {"currency": "CHF", "rate_sheet_id": version.rate_sheet_id}
    change = journal.model(relation="billing_ratesheetversion", row_id=version.pk, before=None, after=after)
    change.upload_id = make_upload(earlier).pk
    change.save()
    later = migrate(LATER)
    sheets = later.get_model("billing", "RateSheet").objects
    assert list(sheets.order_by("name").values_list("name", "currency")) == [
        ("Alps", "CHF"),
        ("Britain", "GBP"),
        ("Nowhere", "XXX"),
    ]
    changes = later.get_model("usage", "UploadChange").objects
    assert changes.get(pk=change.pk).after == {"rate_sheet_id": version.rate_sheet_id}
    earlier = migrate(EARLIER)
    versions = earlier.get_model("billing", "RateSheetVersion").objects
    assert set(versions.values_list("currency", flat=True)) == {"CHF"}
    assert earlier.get_model("usage", "UploadChange").objects.get(pk=change.pk).after == after
    migrate(LATER)


def make_upload(apps: Any) -> Any:
    return apps.get_model("usage", "Upload").objects.create(kind="rates", file_name="rates.csv")


def test_it_stops_at_sheets_and_subscriptions_that_disagree_and_names_them(earlier: Any) -> None:
    make_sheet(earlier, "Mixed", "EUR", "USD")
    make_subscription(earlier, "S-1", "GBP", make_sheet(earlier, "Alps", "CHF"))
    empty = make_sheet(earlier, "Empty")
    make_subscription(earlier, "S-2", "GBP", empty)
    make_subscription(earlier, "S-3", "USD", empty)
    with pytest.raises(CommandError) as refused:
        migrate(LATER)
    for part in (
        "rate sheet Mixed has versions in EUR and USD",
        "subscription S-1 is in GBP, but its rate sheet Alps in CHF",
        "rate sheet Empty has subscriptions in different currencies (S-2 in GBP, S-3 in USD)",
        "Nothing was changed.",
    ):
        assert part in str(refused.value)
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "billing_ratesheet")
    assert "currency" not in [column.name for column in columns]
