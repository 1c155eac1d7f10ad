"""Rows of a random world as upload files, in one of the many ways in which people write them."""

from random import Random

from tests.oracle.records import PER_ACCOUNT, File, Row
from tests.oracle.world_values import draw_order, is_one_in

TRIMMED_COLUMNS = {"account", "name", "entity", "charge", "email", "resource", "usage_group", "rate_sheet", "origin"}
OPTIONAL_COLUMNS = {
    "subscriptions": ["cycle_policy", "ended_on", "rate_sheet", "telco_commit_percent"],
    "users": ["name", "division"],
    "devices": ["name"],
    "sessions": ["billable"],
    "rates": ["effective_through", "increment_seconds", "minimum_seconds"],
}


def draw_files(rng: Random, kind: str, rows: list[Row]) -> list[File]:
    """Return the rows in one file or several; no file if there are no rows."""
    rows = draw_order(rng, rows)
    if len(rows) > 1 and is_one_in(rng, 4):
        cut = rng.randint(1, len(rows) - 1)
        return [*_files(rng, kind, rows[:cut]), *_files(rng, kind, rows[cut:])]
    return _files(rng, kind, rows)


def _files(rng: Random, kind: str, rows: list[Row]) -> list[File]:
    """Return one file with an account column, or one for each account; if they have both, the two agree."""
    if not rows:
        return []
    if kind not in PER_ACCOUNT or is_one_in(rng, 2):
        return [(kind, None, draw_text(rng, kind, rows))]
    keep_column = is_one_in(rng, 3)
    files: list[File] = []
    for account in sorted({row["account"] for row in rows}):
        own = [row for row in rows if row["account"] == account]
        if not keep_column:
            own = [{column: cell for column, cell in row.items() if column != "account"} for row in own]
        files.append((kind, account, draw_text(rng, kind, own)))
    return files


def draw_text(rng: Random, kind: str, rows: list[Row]) -> str:
    """Return CSV text: columns in any order, needless ones left out, some rows twice, any line ending and quoting."""
    blank = [column for column in OPTIONAL_COLUMNS.get(kind, []) if not any(row[column] for row in rows)]
    dropped = blank if is_one_in(rng, 2) else []
    columns = draw_order(rng, [column for column in rows[0] if column not in dropped])
    lines = [[row[column] for column in columns] for row in rows]
    if is_one_in(rng, 6):
        lines.append(lines[0])
    if is_one_in(rng, 6):
        lines = [[_padded(column, cell) for column, cell in zip(columns, line, strict=True)] for line in lines]
    ending = "\r\n" if is_one_in(rng, 4) else "\n"
    return csv_text([list(columns), *lines], ending=ending, quote_all=is_one_in(rng, 4))


def _padded(column: str, cell: str) -> str:
    """Return text with the blanks that spreadsheets leave around it."""
    return f" {cell}  " if cell and column in TRIMMED_COLUMNS else cell


def csv_text(lines: list[list[str]], *, ending: str = "\n", quote_all: bool = False) -> str:
    """Return cells as CSV, quoted where necessary, or all of them."""

    def written(cell: str) -> str:
        if quote_all or any(special in cell for special in ',"\r\n'):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    return "".join(",".join(written(cell) for cell in line) + ending for line in lines)
