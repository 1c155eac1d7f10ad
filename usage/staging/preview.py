"""Preview a checked file for the person who decides: its changes and effects, its errors and notices."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.db.models import Model
from psycopg import sql

from jobs.sql import fetch_all, fetch_value
from usage.files.errors import RowError
from usage.resources.base import COMMA, UploadResource
from usage.resources.batches import Batch
from usage.resources.columns import Reference, UploadColumn
from usage.resources.records import LoginSessionResource
from usage.staging.effects import effects
from usage.staging.findings import groups
from usage.staging.stage import Staged, UploadCounts

CHANGES_SHOWN = 100
ERRORS_SHOWN = 50
NOTICES_SHOWN = 100
_GROUPS_SHOWN = 20


def preview(staged: Staged, counts: UploadCounts) -> dict[str, Any]:
    """Return the preview of a file that was just checked, as JSON.

    `changes`: [{`line`, `key`: text, `cells`: [{`column`, `before`, `after`}]}], the first in the order of the file;
    `errors` and `notices`: the first of each, [{`line`, `column`, `value`, `reason`}];
    `error_groups` and `notice_groups`: all, counted by reason, [{`count`, `column`, `reason`, `line`}];
    `new_users`: the number of users that login sessions create;
    `effects`: [{`label`, `before`, `after`}], texts, what applying means for the customer.
    """
    resource, batch = staged.resource, staged.batch
    return {
        **preview_without_rows(staged.errors(ERRORS_SHOWN) if counts.errors else []),
        **(_counted(batch.errors, "error_groups") if counts.errors else {}),
        **(_notices(staged) if counts.notices else {}),
        "effects": [asdict(effect) for effect in effects(resource, batch, new=counts.new)] if _writes(counts) else [],
        "changes": _changes(resource, batch) if counts.changed else [],
        "new_users": _new_users(resource, batch),
    }


def preview_without_rows(errors: Sequence[RowError] = ()) -> dict[str, Any]:
    """Return the preview of a file whose rows were not checked, with these errors or none."""
    return {"changes": [], "errors": [asdict(error) for error in errors[:ERRORS_SHOWN]], "new_users": 0}


def _writes(counts: UploadCounts) -> bool:
    return bool(counts.new or counts.changed)


def _notices(staged: Staged) -> dict[str, Any]:
    shown = [asdict(notice) for notice in staged.notices(NOTICES_SHOWN)]
    return {"notices": shown, **_counted(staged.batch.notices, "notice_groups")}


def _counted(findings: sql.Identifier, name: str) -> dict[str, Any]:
    return {name: [asdict(group) for group in groups(findings, _GROUPS_SHOWN)]}


def _changes(resource: UploadResource, batch: Batch) -> list[dict[str, Any]]:
    rows = _changed_rows(resource, batch)
    paths = {"__".join(str(column.attribute).split("__")[:-1]) for column in resource.columns if column.attribute}
    old = resource.model._base_manager.select_related(*sorted(paths - {""})).in_bulk([row["old_id"] for row in rows])
    return [
        {
            "line": row["line"],
            "key": ", ".join(_text(resource.fields[name], row) for name in resource._meta.import_id_fields
                             if name in batch.present),
            "cells": _changed_cells(resource, batch, row, old[row["old_id"]]),
        }
        for row in rows
        if row["old_id"] in old
    ]  # fmt: skip


def _changed_rows(resource: UploadResource, batch: Batch) -> list[dict[str, Any]]:
    columns = resource.present(batch)
    names = ["line", "old_id", *(column.name for column in columns)]
    names += [column.id_name for column in columns if isinstance(column, Reference) and column.name != "account"]
    statement = sql.SQL("SELECT {} FROM {} r WHERE r.state = 'changed' AND {} ORDER BY r.line LIMIT {}").format(
        COMMA.join(sql.Identifier("r", name) for name in names), batch.rows, batch.applicable, CHANGES_SHOWN
    )
    return [dict(zip(names, row, strict=True)) for row in fetch_all(statement)]


def _changed_cells(resource: UploadResource, batch: Batch, row: dict[str, Any], old: Model) -> list[dict[str, str]]:
    cells = []
    for column in resource.present(batch):
        before, after = str(resource.export_field(column, old)), _text(column, row)
        if column.name in resource._meta.import_id_fields or before == after:
            continue
        if isinstance(column, Reference) and _same_row(column, row, old):
            continue
        cells.append({"column": column.name, "before": before, "after": after})
    return cells


def _same_row(column: Reference, row: dict[str, Any], old: Model) -> bool:
    """Return whether the old and the new cell refer to the same row by different names."""
    number = row.get(column.id_name)
    return number is not None and number == getattr(old, f"{str(column.attribute).split('__')[0]}_id")


def _text(column: UploadColumn, row: dict[str, Any]) -> str:
    return column.widget.render(row[column.name])


def _new_users(resource: UploadResource, batch: Batch) -> int:
    if not (batch.context.creates_users and isinstance(resource, LoginSessionResource)):
        return 0
    return int(fetch_value(sql.SQL("SELECT count(*) FROM ({}) newcomers").format(resource.newcomers(batch))))
