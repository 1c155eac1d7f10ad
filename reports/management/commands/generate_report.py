"""`manage.py generate_report`: a report in the foreground, made by the code that the workers run."""

import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from billing.cycles import NOTHING_YET, DateRange, RangeError
from billing.days import read_day
from billing.models import Subscription
from jobs.files import sync_folder
from reports import formats, types
from reports.engine.file_format import FileFormat
from reports.engine.report_type import ReportType, Scope
from reports.engine.totals import Totals
from reports.engine.write import scope_of, snapshot, write_report

READABLE_BY_ALL = 0o666

Named = TypeVar("Named", ReportType, FileFormat)


class Command(BaseCommand):
    """Writes one file; exit status 2 for arguments that make no sense, 1 for whatever else went wrong."""

    help = "Write a report on a subscription's usage into a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A report type, a subscription, two days or none, and where the file goes."""
        slugs = ", ".join(report_type.slug for report_type in types.all_types())
        parser.add_argument("type", metavar="TYPE", help=slugs)
        parser.add_argument("--subscription", metavar="NUMBER", required=True, help="the subscription's number")
        parser.add_argument("--from", dest="date_from", metavar="DAY", help="the first day, YYYY-MM-DD")
        parser.add_argument("--through", dest="date_through", metavar="DAY", help="the last day; with --from alone")
        known = ", ".join(file_format.slug for file_format in formats.all_formats())
        parser.add_argument("--format", default="csv", help=f"{known}; csv unless given")
        holding = ", ".join(it.slug for it in formats.all_formats() if it.holds_totals)
        parser.add_argument(
            "--totals-sheet", action="store_true", help=f"add the control totals to the file: {holding}"
        )
        parser.add_argument("--output", metavar="FILE", required=True, type=Path, help="replaced if it exists")

    def handle(self, **options: Any) -> None:
        """Write the report beside the file, then rename it: the file is the old one or the whole new one."""
        today = datetime.now(UTC).date()
        report_type = _named(types.all_types(), options["type"], "report type")
        file_format = _named(formats.all_formats(), options["format"], "format")
        if options["totals_sheet"] and not file_format.holds_totals:
            raise CommandError(f"{file_format.title} has no place for the totals.", returncode=2)
        days = _days(options["date_from"], options["date_through"])
        subscription = _subscription(options["subscription"])
        try:
            scope = scope_of(subscription, days or _default_range(subscription, today), today)
        except RangeError as error:
            raise CommandError(str(error)) from error
        path: Path = options["output"].absolute()
        try:
            rows = self._write(report_type, scope, file_format, path, totals_sheet=options["totals_sheet"])
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}.") from error
        except DatabaseError as error:
            raise CommandError(f"The database did not answer: {str(error).partition(chr(10))[0]}") from error
        covered = f"{scope.range.date_from} through {scope.range.date_through}"
        self._say(f"{report_type.title} of {subscription}, {covered}: {rows} row{'' if rows == 1 else 's'} in {path}.")

    def _write(
        self, report_type: ReportType, scope: Scope, file_format: FileFormat, path: Path, *, totals_sheet: bool
    ) -> int:
        with replacing(path) as target, snapshot() as connection:
            written = write_report(
                connection,
                report_type=report_type,
                scope=scope,
                format=file_format,
                target=target,
                on_progress=self._show,
                on_totals=self._hear,
                totals_sheet=totals_sheet,
            )
        return written.rows

    def _hear(self, totals: Totals) -> None:
        self.expected = totals.rows

    def _show(self, rows: int) -> None:
        if self.stderr.isatty():
            self._say(f"\r{rows} of {self.expected} rows", ending="\n" if rows == self.expected else "")

    def _say(self, text: str, ending: str = "\n") -> None:
        self.stderr.write(text, style_func=str, ending=ending)  # an error is red, this is none
        self.stderr.flush()


def _named(known: tuple[Named, ...], slug: str, kind: str) -> Named:
    found = next((one for one in known if one.slug == slug), None)
    if found is None:
        slugs = ", ".join(one.slug for one in known)
        raise CommandError(f"There is no {kind} '{slug}'; there is {slugs}.", returncode=2)
    return found


def _days(date_from: str | None, date_through: str | None) -> DateRange | None:
    """The range asked for, if any was; a CommandError for half of one, or one that begins after it ends."""
    if date_from is None and date_through is None:
        return None
    if date_from is None or date_through is None:
        raise CommandError("--from and --through are given together or not at all.", returncode=2)
    try:
        return DateRange(read_day(date_from), read_day(date_through))
    except ValueError as error:
        raise CommandError(str(error), returncode=2) from error


def _subscription(number: str) -> Subscription:
    try:
        return Subscription.objects.get(number=number)
    except Subscription.DoesNotExist as error:
        raise CommandError(f"There is no subscription '{number}'.", returncode=2) from error


def _default_range(subscription: Subscription, today: date) -> DateRange:
    """What a new report covers unless told otherwise; a RangeError when there is nothing to report yet."""
    days = subscription.contract.default_range(today)
    if days is None:
        raise RangeError(NOTHING_YET)
    return days


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path`, which takes its place once it is whole and on disk; nothing is left of a failed one.

    OSError when that cannot be. What is there and no ordinary file (a folder, a device, a pipe) stays.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(None, "it is not an ordinary file")
    descriptor, name = tempfile.mkstemp(prefix=".report-", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        temporary.chmod(READABLE_BY_ALL & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
