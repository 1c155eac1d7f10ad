"""An account whose calls all have rates, and one upload's way through the worker's code."""

import shutil
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path
from time import perf_counter

import psycopg
from django.core.files import File
from django.db import connection

from benchmarks.uploads_files import CALL_TYPES, DIRECTIONS, GROUPS
from billing.models import (
    Account,
    Administrator,
    Rate,
    RateSheet,
    RateSheetVersion,
    Subscription,
    UsageGroup,
)
from jobs.running import run
from usage.models import Upload, UploadKind, UploadStep
from usage.staging.staged_tables import drop_abandoned_tables
from usage.uploads import decide
from usage.uploads.receive import receive_upload
from usage.uploads.steps import run_step

_FIRST_DAY = date(2025, 1, 1)


@dataclass(frozen=True)
class World:
    """The administrator who uploads, and the account."""

    administrator: Administrator
    account: Account

    @classmethod
    def make(cls) -> "World":
        """Create an account with a subscription, two versions of its rate sheet, and a rate for every call."""
        account = Account.objects.create(code="BENCH", name="Measured Contact Centers")
        sheet = RateSheet.objects.create(name="Measured", currency="USD")
        Subscription.objects.create(
            number="BENCH-1", account=account, activation_date=_FIRST_DAY, currency="USD", rate_sheet=sheet
        )
        spans = ((_FIRST_DAY, date(2026, 3, 15)), (date(2026, 3, 16), None))
        for effective_from, effective_through in spans:
            version = RateSheetVersion.objects.create(
                rate_sheet=sheet, effective_from=effective_from, effective_through=effective_through
            )
            for code in GROUPS:
                group = UsageGroup.objects.create(version=version, code=code, display_name=code.title())
                for call_type, direction in product(CALL_TYPES, DIRECTIONS):
                    Rate.objects.create(
                        usage_group=group, call_type=call_type, direction=direction, rate_per_minute=Decimal("0.0181")
                    )
        return cls(Administrator.objects.create_superuser("bench@tallydesk.example"), account)

    def received(self, path: Path) -> Upload:
        """Save an upload of a copy of the file, as the web process does."""
        copy = path.with_suffix(".sent")
        shutil.copyfile(path, copy)
        with copy.open("rb") as file:
            upload = receive_upload(
                administrator=self.administrator,
                kind=UploadKind.CALLS,
                account=self.account,
                file=File(file, name=path.name),
            )
        copy.unlink(missing_ok=True)
        return upload

    def confirm(self, upload: Upload) -> None:
        """Confirm the upload, as a person does on its page."""
        decide.confirm(upload, self.administrator)


def worked(upload: Upload) -> float:
    """Run the upload's latest step as a worker does, and return its seconds. Fails if the step fails."""
    upload.refresh_from_db()
    start = perf_counter()
    run(UploadStep, str(upload.latest_step_id), run_step)
    seconds = perf_counter() - start
    upload.refresh_from_db()
    step = upload.steps.latest("requested_at")
    if step.state != "succeeded" or upload.refusal:
        raise RuntimeError(f"{step.step}: {step.state}. {step.failure} {upload.refusal}")
    return seconds


def empty_calls() -> None:
    """Delete all calls and uploads, and flush to disk, so that no later measurement pays for it."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE usage_call, usage_upload, usage_uploadstep, usage_uploadchange")
    drop_abandoned_tables()
    settle()


def settle(table: str = "usage_call") -> None:
    """Do what autovacuum would do some time later."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {table}")
    place = connection.settings_dict
    address = {"host": place["HOST"], "port": place["PORT"], "dbname": place["NAME"]}
    with psycopg.connect(**address, user="postgres", autocommit=True) as server:
        server.execute("CHECKPOINT")
