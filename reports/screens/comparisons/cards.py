"""Two runs of a report side by side, as screens show them: their totals, and the rows that differ."""

import csv
import io
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext

from jobs.states import State
from reports import formats, types
from reports.comparisons import run as comparison_run
from reports.comparisons.diff import ADDED, CHANGED_BEFORE, REMOVED
from reports.engine.report_type import ColumnKind
from reports.engine.totals import MOST_DIGITS, Line
from reports.models import Comparison, ReportJob
from reports.screens.wording import named_totals, total_text, total_unit_text
from ui.formatting import count_text, moment_text, number_text
from ui.progress import ProgressBar
from usage.files.formulas import unescape_formula

MINUS = "\N{MINUS SIGN}"
SHOWN = 100
"""The number of differences on the page; the file has all of them."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished report, as one of several runs."""

    job: ReportJob
    today: date
    to_the_second: bool = False

    @property
    def created(self) -> str:
        """Return `created 21 Nov, 10:04`, with seconds where several runs share the minute."""
        moment = self.job.finished_at or self.job.requested_at
        return f"created {moment_text(moment, self.today)}{f':{moment:%S}' if self.to_the_second else ''}"

    @property
    def size(self) -> str:
        """Return `100,412 rows`, with the format unless it is CSV, and `file expired` if it has."""
        parts = [count_text(self.job.file_rows or 0)]
        if self.job.format != formats.DEFAULT:
            parts.append(formats.title_of(self.job.format))
        if self.job.is_expired:
            parts.append("file expired")
        return " · ".join(parts)


def runs_of(jobs: Iterable[ReportJob], today: date) -> dict[uuid.UUID, Run]:
    """Map job IDs to runs; if two were created in the same minute, all show seconds."""
    runs = {job.pk: Run(job, today) for job in jobs}
    if len({run.created for run in runs.values()}) < len(runs):
        return {pk: Run(run.job, today, to_the_second=True) for pk, run in runs.items()}
    return runs


@dataclass(frozen=True, slots=True)
class TotalLine:
    """A control total of both runs as text; `difference` is empty if they are equal."""

    name: str
    of: str
    before: str
    after: str
    difference: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a row that differs: its text, and the earlier text if that was different."""

    kind: ColumnKind
    text: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that differs: `added`, `removed` or `changed`."""

    change: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class ComparisonCard:
    """A comparison as seen at an instant; `may_cancel` is about the viewer."""

    job: Comparison
    now: datetime
    may_cancel: bool

    @property
    def stage(self) -> str:
        """Return a value that changes whenever more of the page than its progress does."""
        return str(self.job.state) if self.job.is_finished else "under way"

    @property
    def headline(self) -> str:
        """Return how far the comparison is, as a sentence for people who cannot see the page."""
        if not self.job.is_finished:
            return "The rows are being compared."
        return "The rows have been compared." if self.job.state == State.SUCCEEDED else "The comparison has ended."

    @property
    def progress(self) -> ProgressBar | None:
        """Return the progress while the comparison is queued or running."""
        if self.job.is_finished:
            return None
        is_waiting = self.job.awaits_worker(self.now)
        text = "Waiting for a worker…" if is_waiting else self._progress_text()
        return ProgressBar(text, self.job.rows_done, self.job.rows_expected, is_waiting)

    def _progress_text(self) -> str:
        done = number_text(self.job.rows_done)
        match self.job.phase:
            case comparison_run.READING_BEFORE:
                return f"Reading the earlier run: {done} of {self._expected}…"
            case comparison_run.READING_AFTER:
                return f"Reading the later run: {done} of {self._expected}…"
            case comparison_run.COMPARING:
                return "Comparing the rows…"
            case comparison_run.WRITING:
                return "Writing the differences…"
        return "Starting…"

    @property
    def _expected(self) -> str:
        return count_text(self.job.rows_expected or 0)

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        """Return the CSS class, label and number of rows of each kind of change."""
        job = self.job
        numbers = (job.rows_added, job.rows_removed, job.rows_changed, job.rows_unchanged)
        names = (("new", "Added"), ("removed", "Removed"), ("changed", "Changed"), ("unchanged", "Unchanged"))
        return [(name, label, number or 0) for (name, label), number in zip(names, numbers, strict=True)]

    @property
    def has_file(self) -> bool:
        """Return whether there is a file to download."""
        return self.job.state == State.SUCCEEDED and bool(self.job.file)


def first_differences(comparison: Comparison, limit: int = SHOWN) -> tuple[list[Cell], list[Difference]]:
    """Return the headings and the first rows that differ, from the stored file. Raises FileNotFoundError.

    The columns of the report's key come first, then those in which some of these rows changed, so that changes are not
    hidden at the far end of a wide table.
    """
    name = str(comparison.file.name)
    with comparison.file.storage.open(name, "rb") as file:
        lines = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""), strict=True)
        _change, _changed_columns, *headings = next(lines)
        report_type = types.by_slug(comparison.report_type)
        by_heading = {column.heading: column.kind for column in report_type.columns}
        kinds = [by_heading.get(heading, ColumnKind.TEXT) for heading in headings]
        found = [difference for difference, _number in zip(_differences(lines, kinds), range(limit), strict=False)]
    order = _reading_order(headings, report_type.key, found)
    ordered = [Difference(it.change, [it.cells[place] for place in order]) for it in found]
    return [Cell(kinds[place], headings[place]) for place in order], ordered


def _reading_order(headings: list[str], key: Sequence[str], found: list[Difference]) -> list[int]:
    """Return the positions of the columns in the file, in the order in which they are shown."""
    changed = {place for it in found for place, cell in enumerate(it.cells) if cell.before is not None}
    return sorted(range(len(headings)), key=lambda place: (headings[place] not in key, place not in changed))


def _differences(lines: Iterator[list[str]], kinds: list[ColumnKind]) -> Iterator[Difference]:
    for change, _columns, *cells in lines:
        if change in (ADDED, REMOVED):
            yield Difference(
                change, [Cell(kind, unescape_formula(text)) for kind, text in zip(kinds, cells, strict=True)]
            )
        elif change == CHANGED_BEFORE:
            _change, _columns, *after = next(lines)
            yield Difference("changed", list(map(_changed, kinds, cells, after)))


def _changed(kind: ColumnKind, before: str, after: str) -> Cell:
    return Cell(kind, unescape_formula(after), unescape_formula(before) if before != after else None)


def total_lines(before: ReportJob, after: ReportJob) -> list[TotalLine]:
    """Return the control totals of both runs line by line, with 0 for a missing line; none if a run has no totals."""
    lines = named_totals(after), named_totals(before)
    if not all(lines):
        return []
    now, then = ({_key(line): line.amount for line in side} for side in lines)
    return [
        _total(line, then.get(_key(line), Decimal()), now.get(_key(line), Decimal()))
        for line in {_key(line): line for side in reversed(lines) for line in side}.values()
    ]


def _key(line: Line) -> tuple[str, str, str]:
    return line.name, line.unit, line.group


def _total(line: Line, before: Decimal, after: Decimal) -> TotalLine:
    with localcontext(prec=MOST_DIGITS):
        change = after - before
    sign = "+" if change > 0 else MINUS
    return TotalLine(
        line.name,
        total_unit_text(line),
        total_text(before, line.unit),
        total_text(after, line.unit),
        f"{sign}{total_text(abs(change), line.unit)}" if change else "",
    )
