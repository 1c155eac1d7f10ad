"""`manage.py generate_report`: write a report in the foreground, with the code that workers run."""

import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from billing.cycles import NOTHING_YET, DateRange, RangeError
from billing.days import read_day
from billing.models import Subscription
from jobs.files import sync_folder
from reports import formats, types
from reports.engine.file_format import FileFormat
from reports.engine.registry import PluginT
from reports.engine.report_type import ReportType, Scope
from reports.engine.totals import Totals
from reports.engine.write import scope_of, snapshot, write_report

READABLE_BY_ALL = 0o666


class Command(BaseCommand):
    """Writes one file. Exits with status 2 for invalid arguments, with 1 for any other error."""

    help = "Write a report on a subscription's usage into a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the report type, the subscription, the range of days, the format and the output file."""
        slugs = ", ".join(report_type.slug for report_type in types.all_types())
        parser.add_argument("type", metavar="TYPE", help=slugs)
        parser.add_argument("--subscription", metavar="NUMBER", required=True, help="the subscription's number")
        parser.add_argument("--from", dest="date_from", metavar="DAY", help="the first day, YYYY-MM-DD")
        parser.add_argument("--through", dest="date_through", metavar="DAY", help="the last day; given with --from")
        known = ", ".join(file_format.slug for file_format in formats.all_formats())
        parser.add_argument("--format", default=formats.DEFAULT, help=f"{known}; default: {formats.DEFAULT}")
        holding = ", ".join(it.slug for it in formats.all_formats() if it.holds_totals)
        parser.add_argument(
            "--totals-sheet", action="store_true", help=f"add the control totals to the file: {holding}"
        )
        parser.add_argument("--output", metavar="FILE", required=True, type=Path, help="replaced if it exists")

    def handle(self, **options: Any) -> None:
        """Write a temporary file beside the output, then rename it: a reader sees the old file or the whole new one."""
        today = datetime.now(UTC).date()
        report_type = _find(types.all_types(), options["type"], "report type")
        file_format = _find(formats.all_formats(), options["format"], "format")
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
                on_totals=self._expect,
                totals_sheet=totals_sheet,
            )
        return written.rows

    def _expect(self, totals: Totals) -> None:
        self.expected = totals.rows

    def _show(self, rows: int) -> None:
        if self.stderr.isatty():
            self._say(f"\r{rows} of {self.expected} rows", ending="\n" if rows == self.expected else "")

    def _say(self, text: str, ending: str = "\n") -> None:
        self.stderr.write(text, style_func=str, ending=ending)  # not in red, which is for errors
        self.stderr.flush()


def _find(plugins: tuple[PluginT, ...], slug: str, kind: str) -> PluginT:
    found = next((plugin for plugin in plugins if plugin.slug == slug), None)
    if found is None:
        slugs = ", ".join(plugin.slug for plugin in plugins)
        raise CommandError(f"There is no {kind} '{slug}'. Choose one of: {slugs}.", returncode=2)
    return found


def _days(date_from: str | None, date_through: str | None) -> DateRange | None:
    """Return the range given, or None. Raises CommandError if only one day is given or they are in the wrong order."""
    if date_from is None and date_through is None:
        return None
    if date_from is None or date_through is None:
        raise CommandError("Give --from and --through together, or neither.", returncode=2)
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
    """Return the default range of a new report. Raises RangeError if there is nothing to report yet."""
    days = subscription.contract.default_range(today)
    if days is None:
        raise RangeError(NOTHING_YET)
    return days


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file beside `path` that replaces it once it is complete and on disk; if writing fails, it is deleted.

    Raises OSError if `path` cannot be replaced, in particular if it is a folder, a device or a pipe.
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
