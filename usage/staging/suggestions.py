"""Suggest what a mistyped name may mean: *Did you mean CX 1 Named?*"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches

from psycopg import sql

from jobs.sql import execute_all, fetch_all
from usage.resources.base import COMMA, UploadResource
from usage.resources.batches import Batch
from usage.resources.columns import Reference, UploadColumn
from usage.resources.formats import Choice

# How many values of a column get a suggestion, and among how many names it is looked for: comparing takes some 10 µs.
_VALUES = 20
_NAMES = 5000
# The least similarity of a suggestion, from 0 to 1.
_CUTOFF = 0.75


def suggest(resource: UploadResource, batch: Batch) -> None:
    """Add a suggestion to the errors of cells whose value nearly is a name that exists or a word that is allowed."""
    updates = [
        sql.SQL(
            "UPDATE {} error SET reason = concat(error.reason, ' Did you mean ', {}::text, '?')"
            " WHERE error.name = {} AND error.value = {}"
        ).format(batch.errors, sql.Literal(meant), sql.Literal(column), sql.Literal(value))
        for column, value, meant in _suggestions(resource, batch)
    ]
    execute_all(updates)


def _suggestions(resource: UploadResource, batch: Batch) -> Iterator[tuple[str, str, str]]:
    """Yield (column, value, what it may mean)."""
    columns = [column for column in resource.present(batch) if _has_names(column)]
    if not columns:
        return
    values = fetch_all(
        sql.SQL(
            """
            SELECT name, value FROM (
                SELECT name, value, row_number() OVER (PARTITION BY name ORDER BY min(line)) AS place
                FROM {} WHERE name IN ({}) AND value <> '' AND length(value) <= 255
                GROUP BY name, value
            ) distinct_values
            WHERE place <= {}
            """
        ).format(batch.errors, COMMA.join(sql.Literal(column.name) for column in columns), _VALUES)
    )
    for column in columns:
        wrong = [value for name, value in values if name == column.name]
        names = {name.casefold(): name for name in _names(column, batch)} if wrong else {}
        for value in wrong:
            folded = (
                value.strip().removeprefix("'").casefold()
            )  # a formula has an apostrophe in a file of rows in error
            found = get_close_matches(folded, names, n=1, cutoff=_CUTOFF)
            if found and names[found[0]] != value.strip() and _are_alike(folded, found[0]):
                yield column.name, value, names[found[0]]


def _are_alike(one: str, other: str) -> bool:
    """Return whether two similar names are similar without their common domain, if they are e-mail addresses."""
    (one, _, domain), (other, _, other_domain) = one.partition("@"), other.partition("@")
    return domain != other_domain or SequenceMatcher(None, one, other).ratio() >= _CUTOFF


def _has_names(column: UploadColumn) -> bool:
    return isinstance(column.widget, Choice) or (isinstance(column, Reference) and column.name != "account")


def _names(column: UploadColumn, batch: Batch) -> Sequence[str]:
    """Return the names that a cell may hold; none if there are too many, or if they are of no single account."""
    if isinstance(column.widget, Choice):
        return column.widget.words
    if not isinstance(column, Reference):
        return []
    rows = column.model._default_manager.order_by(column.by)
    if any(field.name == "account" for field in column.model._meta.get_fields()):
        if batch.context.account is None:
            return []
        rows = rows.filter(account=batch.context.account)
    names = list(rows.values_list(column.by, flat=True)[: _NAMES + 1])
    return names if len(names) <= _NAMES else []
