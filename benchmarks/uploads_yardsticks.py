"""The yardsticks of uploads: the least work that the database can do, and stock django-import-export."""

import csv
from pathlib import Path

import tablib  # type: ignore[import-untyped]  # the package has no types
from django.db import connection, transaction
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import CachedForeignKeyWidget, DateTimeWidget

from benchmarks.uploads_files import HEADER
from billing.models import Account
from usage.models import Call

PIECE = 1 << 18
_INSTANT = "%Y-%m-%dT%H:%M:%S.%f%z"
_TARGETS = (*HEADER[:6], "started_at", "ended_at")
_INSERT = """
INSERT INTO usage_call (account_id, {targets})
SELECT %s, sip_call_id, origin, destination, usage_group, call_type, direction, start_time::timestamptz,
 end_time::timestamptz FROM bare_text
ON CONFLICT (sip_call_id, account_id) DO UPDATE SET {updates} WHERE {differences}
"""


def bare_minimum(path: Path, account: Account) -> None:
    """COPY the file into a table of text, and insert from there in one statement: no checks, no rating, no journal."""
    kept = _TARGETS[1:]
    statement = _INSERT.format(
        targets=", ".join(_TARGETS),
        updates=", ".join(f"{name} = excluded.{name}" for name in kept),
        differences=" OR ".join(f"usage_call.{name} IS DISTINCT FROM excluded.{name}" for name in kept),
    )
    with transaction.atomic(), connection.cursor() as cursor, path.open("rb") as file:
        cursor.execute(f"CREATE UNLOGGED TABLE bare_text ({', '.join(f'{name} text' for name in HEADER)})")
        with cursor.copy("COPY bare_text FROM STDIN (FORMAT csv, HEADER)") as copy:
            while piece := file.read(PIECE):
                copy.write(piece)
        cursor.execute(statement, [account.pk])
        cursor.execute("DROP TABLE bare_text")


class StockCalls(ModelResource):  # type: ignore[misc]  # the package has no types
    """The package's own import of calls as fast as it goes: in bulk, no differences kept, accounts looked up once.

    It finds existing rows by the model's natural key, as uploads do; it neither rates nor explains.
    """

    account = Field("account", "account", widget=CachedForeignKeyWidget(Account, "code"))
    started_at = Field("started_at", "start_time", widget=DateTimeWidget(_INSTANT))
    ended_at = Field("ended_at", "end_time", widget=DateTimeWidget(_INSTANT))

    class Meta:
        model = Call
        fields = ("account", *_TARGETS)
        import_id_fields = ("sip_call_id", "account")
        use_bulk = True
        batch_size = 1000
        clean_model_instances = False
        skip_unchanged = False
        skip_diff = True
        skip_html_diff = True
        use_transactions = True


class StockNewCalls(StockCalls):
    """Do not even look for existing rows: the same file a second time would be an error."""

    class Meta(StockCalls.Meta):
        force_init_instance = True


def stock_import(resource: type[StockCalls], path: Path, account: Account) -> None:
    """Import a file of calls with the stock package."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    dataset = tablib.Dataset(*([*row, account.code] for row in rows), headers=[*header, "account"])
    resource().import_data(dataset, raise_errors=True)
