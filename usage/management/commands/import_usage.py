"""`manage.py import_usage KIND FILE`: the way of an upload, from the shell."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.utils import timezone

from billing.models import Account
from usage.files.errors import FileNotice, FileRefusedError, RowError
from usage.models import UploadKind
from usage.staging.error_files import write_errors_of_refusal
from usage.staging.stage import UploadCounts, UploadOutcome, UploadRefusedError
from usage.uploads.command_line import AtOnce, at_once

ERRORS_SHOWN = NOTICES_SHOWN = 20


class Command(BaseCommand):
    """Exit status 0 only when the file was applied; 1 when it was not; 2 when the command was not understood.

    The last line on stdout counts the rows as JSON; everything for people goes to stderr.
    """

    help = "Check a CSV or XLSX file of raw data and apply it, all of it or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", metavar="KIND", help=f"One of {', '.join(UploadKind.values)}.")
        parser.add_argument("file", metavar="FILE", type=Path, help="A CSV or XLSX file with a header row.")
        parser.add_argument(
            "--account", metavar="CODE", help="Whose data it is, unless the file has a column 'account'."
        )
        parser.add_argument("--yes", action="store_true", help="Apply without asking.")
        parser.add_argument("--skip-errors", action="store_true", help="Leave out the rows in error, apply the others.")
        parser.add_argument(
            "--create-users", action="store_true", help="Create the users that login sessions name, where they are new."
        )
        parser.add_argument("--errors", metavar="FILE", type=Path, help="Write every error to this CSV file.")
        parser.add_argument("--notices", metavar="FILE", type=Path, help="Write every notice to this CSV file.")
        parser.add_argument(
            "--no-notices", action="store_true", help="Apply nothing if there are notices, even with --yes."
        )
        parser.add_argument(
            "--rows-in-error",
            metavar="FILE",
            type=Path,
            help="Write the rows in error to this CSV file, each with the reason, to be mended and used as FILE again.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        kind = _kind(options["kind"])
        account = _account(kind, options["account"])
        if options["create_users"] and kind != UploadKind.SESSIONS:
            raise CommandError("Only login sessions name users; leave out --create-users.", returncode=2)
        self.is_applied = False
        with self._plain_errors(), ExitStack() as files:
            file = files.enter_context(_opened(options["file"], "rb"))
            targets: dict[str, BinaryIO] = {}
            for name in ("errors", "rows_in_error", "notices"):
                if options[name]:
                    targets[name] = files.enter_context(_opened(options[name], "wb", file, *targets.values()))
            try:
                with at_once(
                    kind,
                    file,
                    account,
                    name=options["file"].name,
                    now=timezone.now(),
                    creates_users=options["create_users"],
                ) as upload:
                    self._work(upload, targets, options)
            except FileRefusedError as refused:
                self._say_errors(refused.errors[:ERRORS_SHOWN], "")
                self._summarize(UploadCounts(rows=refused.rows, errors=refused.rows))
                if "errors" in targets:
                    write_errors_of_refusal(refused.errors, targets["errors"])
                raise CommandError("Nothing was applied: the file cannot be used as it is.", returncode=1) from refused

    def _work(self, upload: AtOnce, targets: Mapping[str, BinaryIO], options: Mapping[str, Any]) -> None:
        staged = upload.staged
        is_asked, skip_errors, allows_notices = not options["yes"], options["skip_errors"], not options["no_notices"]
        checked = UploadOutcome(staged.check(), is_applied=False) if is_asked else None
        outcome = checked or self._apply(upload, skip_errors=skip_errors, allows_notices=allows_notices)
        counts = outcome.counts
        if counts.notices:
            self._say_notices(staged.notices(NOTICES_SHOWN), counts.notices)
        if counts.errors:
            self._say_errors(staged.errors(ERRORS_SHOWN), f" (rows in error: {counts.errors})")
        is_applicable = not counts.errors or (skip_errors and counts.errors < counts.rows)
        if is_asked and is_applicable and (allows_notices or not counts.notices) and self._is_confirmed(counts):
            outcome = self._apply(upload, skip_errors=skip_errors, allows_notices=allows_notices)
        self._summarize(outcome.counts)
        writers = {
            "errors": staged.write_errors, "rows_in_error": staged.write_rows_in_error, "notices": staged.write_notices,
        }  # fmt: skip
        for name, target in targets.items():
            writers[name](target)
            target.flush()
        if not outcome.is_applied:
            raise CommandError(
                _reason(outcome.counts, skip_errors=skip_errors, allows_notices=allows_notices), returncode=1
            )

    def _apply(self, upload: AtOnce, *, skip_errors: bool, allows_notices: bool) -> UploadOutcome:
        outcome = upload.apply(skip_errors=skip_errors, allows_notices=allows_notices)
        self.is_applied = outcome.is_applied
        return outcome

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """What goes wrong outside of the file ends in a sentence, which says whether the file was applied before."""
        try:
            yield
        except UploadRefusedError as error:
            raise CommandError(str(error), returncode=1) from error
        except (DatabaseError, psycopg.Error, OSError) as error:
            first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
            what = "The file was applied, but then something went wrong" if self.is_applied else "Nothing was applied"
            raise CommandError(f"{what}: {first_line}", returncode=1) from error

    def _is_confirmed(self, counts: UploadCounts) -> bool:
        if not sys.stdin.isatty():
            return False
        self.stderr.write(
            f"New rows: {counts.new}; changed: {counts.changed}; unchanged: {counts.unchanged}; "
            f"left out: {counts.errors}; notices: {counts.notices}. Apply? [y/N] ",
            ending="",
        )
        self.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def _say_notices(self, notices: Sequence[FileNotice], total: int) -> None:
        for notice in notices:
            self.stderr.write(f"notice, {_described(notice)}")
        if len(notices) < total:
            self.stderr.write(
                f"These are the first {len(notices)} of {total} notices; --notices FILE writes every notice to a file."
            )

    def _say_errors(self, errors: Sequence[RowError], total: str) -> None:
        for error in errors:
            self.stderr.write(_described(error))
        if len(errors) == ERRORS_SHOWN:
            self.stderr.write(f"These are the first {ERRORS_SHOWN}{total}; --errors FILE writes every error to a file.")

    def _summarize(self, counts: UploadCounts) -> None:
        self.stdout.write(json.dumps(asdict(counts)))
        self.stdout.flush()


def _described(found: RowError | FileNotice) -> str:
    place = (f"row {found.line}" if found.line else "file") + (f", {found.column}" if found.column else "")
    value = f" ({found.value[:80]!r})" if found.value else ""
    return f"{place}: {found.reason}{value}"


def _kind(name: str) -> UploadKind:
    if name not in UploadKind.values:
        raise CommandError(f"There is no kind '{name}'; the kinds are {', '.join(UploadKind.values)}.", returncode=2)
    return UploadKind(name)


def _account(kind: UploadKind, code: str | None) -> Account | None:
    if code is None:
        return None
    if not kind.belongs_to_account:
        raise CommandError(f"Files of the kind '{kind}' are of no single account; leave out --account.", returncode=2)
    account = Account.objects.filter(code=code).first()
    if account is None:
        raise CommandError(f"There is no account with the code '{code}'.", returncode=2)
    return account


def _opened(path: Path, mode: str, *others: BinaryIO | None) -> BinaryIO:
    """The open file, which must be none of those that are open already."""
    if any(other and path.exists() and path.samefile(other.name) for other in others):
        raise CommandError(f"The errors cannot be written over the file {path} itself.", returncode=2)
    try:
        file: Any = path.open(mode)
    except OSError as error:
        raise CommandError(f"The file {path} cannot be opened: {error.strerror}.", returncode=2) from error
    if mode == "rb" and not file.seekable():
        file.close()
        raise CommandError(f"{path} is a pipe, and the file is read twice: save it first.", returncode=2)
    return file  # type: ignore[no-any-return]  # the mode is binary


def _reason(counts: UploadCounts, *, skip_errors: bool, allows_notices: bool) -> str:
    if counts.errors and counts.errors == counts.rows:
        return "Nothing was applied: every row is in error."
    if counts.errors and not skip_errors:
        return (
            f"Nothing was applied: {counts.errors} of {counts.rows} rows are in error (--skip-errors leaves them out)."
        )
    if counts.notices and not allows_notices:
        return f"Nothing was applied: notices: {counts.notices} (without --no-notices, the file can be applied)."
    return "Nothing was applied: confirm with --yes."
