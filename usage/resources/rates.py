"""The kind `rates`: one row for each price, from which rate sheets, versions and usage groups follow."""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from django.db.models import Exists, Model, OuterRef, QuerySet
from psycopg import sql

from billing.cycles import ONE_DAY
from billing.models import Direction, Rate, RateSheet, RateSheetVersion, Subscription, UsageGroup
from usage.models import Call
from usage.rating import unrated_calls_statement
from usage.resources.base import COMMA, Check, UploadResource, of_row, sentence
from usage.resources.batches import Batch
from usage.resources.columns import UploadColumn
from usage.resources.formats import Amount, Choice, Currency, Day, Expression, Identifier, Integer, Name
from usage.resources.rate_notices import corrected_prices, unnamed_prices

_TABLES = {
    "sheets": sql.Identifier(RateSheet._meta.db_table),
    "versions": sql.Identifier(RateSheetVersion._meta.db_table),
    "groups": sql.Identifier(UsageGroup._meta.db_table),
    "rates": sql.Identifier(Rate._meta.db_table),
    "subscriptions": sql.Identifier(Subscription._meta.db_table),
    "calls": sql.Identifier(Call._meta.db_table),
}
# Columns that must be equal in all rows of one version.
_OF_VERSION = ("increment_seconds", "minimum_seconds", "effective_through")
_VERSION = ("rate_sheet", "effective_from")
_GROUP = (*_VERSION, "usage_group")

_EXISTING = """
LEFT JOIN {sheets} sheet ON sheet.name = r.rate_sheet
LEFT JOIN {versions} version ON version.rate_sheet_id = sheet.id AND version.effective_from = r.effective_from
LEFT JOIN {groups} known ON known.version_id = version.id AND known.code = r.usage_group
LEFT JOIN {rates} old ON old.usage_group_id = known.id AND old.call_type = r.call_type AND old.direction = r.direction
"""
_INCONSISTENCIES = """
INSERT INTO {errors} (line, place, name, value, reason)
SELECT inconsistent.line, {place}, {name}, staged.{column},
    concat('Rows ', first, ' and ', CASE WHEN differs THEN inconsistent.line ELSE first_other END, {reason})
FROM (
    SELECT *, min(line) FILTER (WHERE differs) OVER (PARTITION BY {group}) AS first_other
    FROM (
        SELECT *, stated IS DISTINCT FROM first_stated AS differs
        FROM (
            SELECT r.line, {group}, {column} AS stated,
                min(line) OVER (PARTITION BY {group}) AS first,
                first_value({column}) OVER (PARTITION BY {group} ORDER BY line) AS first_stated
            FROM {rows} r
            WHERE NOT r.faulty
        ) grouped
    ) compared
) inconsistent
JOIN {staged} staged ON staged.line = inconsistent.line
WHERE first_other IS NOT NULL
"""
# Every version of the file's sheets as it will be. An open version ends on the day before its successor; as long as it
# does, it counts as open, so that a third version may come between the two. A stated last day never changes.
_VERSIONS = """
SELECT *,
    CASE WHEN is_open THEN next_from - 1 ELSE stated_through END AS effective_through,
    is_open AND next_from IS NOT NULL AS is_ended_by_successor,
    NOT is_open AND stated_through >= next_from AS overlaps
FROM (
    SELECT *, lead(effective_from) OVER sheet AS next_from
    FROM (
        SELECT stated.rate_sheet, stated.effective_from,
            {through_is_stated} AS through_is_stated,
            {stated} AS stated_through,
            CASE WHEN {through_is_stated} OR known.id IS NULL THEN {stated} IS NULL ELSE known.is_open END AS is_open
        FROM stated LEFT JOIN known USING (rate_sheet, effective_from)
        UNION ALL
        SELECT rate_sheet, effective_from, false, effective_through, is_open
        FROM known
        WHERE (rate_sheet, effective_from) NOT IN (SELECT rate_sheet, effective_from FROM stated)
    ) version
    WINDOW sheet AS (PARTITION BY rate_sheet ORDER BY effective_from)
) version
"""
_STATED = """
WITH stated AS (
    SELECT r.rate_sheet, r.effective_from{through}
    FROM {rows} r
    WHERE {applicable}
    GROUP BY r.rate_sheet, r.effective_from
),
known AS (
    SELECT version.id, sheet.name AS rate_sheet, version.effective_from, version.effective_through,
        version.effective_through IS NULL OR version.is_ended_by_successor AND version.effective_through + 1
            IS NOT DISTINCT FROM lead(version.effective_from) OVER (
                PARTITION BY sheet.id ORDER BY version.effective_from
            ) AS is_open
    FROM {versions} version JOIN {sheets} sheet ON sheet.id = version.rate_sheet_id
    WHERE sheet.name IN (SELECT rate_sheet FROM stated)
)
"""
_OVERLAPS = """
{stated_and_known}, planned AS ({planned})
INSERT INTO {errors} (line, place, name, value, reason)
SELECT r.line, {place}, {name}, staged.{column},
    CASE WHEN planned.through_is_stated
    THEN concat(
        'The version is in force through ', planned.stated_through,
        ', but the next one starts on ', planned.next_from, '.'
    )
    ELSE concat('The version from ', planned.effective_from, ' is in force through ', planned.stated_through, '.') END
FROM planned
JOIN {rows} r ON r.rate_sheet = planned.rate_sheet
    AND r.effective_from = CASE WHEN planned.through_is_stated THEN planned.effective_from ELSE planned.next_from END
JOIN {staged} staged ON staged.line = r.line
WHERE planned.overlaps AND planned.through_is_stated = {blames_itself} AND {applicable}
"""
# A sheet that has no subscription and has rated no call may change its currency, but not under prices of versions that
# the file does not name.
_CURRENCIES = """
WITH stated AS (
    SELECT DISTINCT r.rate_sheet, r.effective_from FROM {rows} r WHERE {applicable}
),
left_out AS (
    SELECT sheet.name, sheet.currency, min(version.effective_from) AS effective_from
    FROM {sheets} sheet JOIN {versions} version ON version.rate_sheet_id = sheet.id
    WHERE sheet.name IN (SELECT rate_sheet FROM stated)
        AND (sheet.name, version.effective_from) NOT IN (SELECT rate_sheet, effective_from FROM stated)
    GROUP BY sheet.id
)
INSERT INTO {errors} (line, place, name, value, reason)
SELECT r.line, {place}, 'currency', staged.currency, {reason}
FROM left_out
JOIN {rows} r ON r.rate_sheet = left_out.name AND r.currency <> left_out.currency
JOIN {staged} staged ON staged.line = r.line
WHERE {applicable}
"""
_UPDATE_VERSIONS = """
UPDATE {versions} version SET {set}
FROM {rows} r JOIN {sheets} sheet ON sheet.name = r.rate_sheet
WHERE version.rate_sheet_id = sheet.id AND version.effective_from = r.effective_from
    AND ({is_other}) AND {applicable}
"""
# Versions are shortened before others are inserted behind them, so that they never overlap, not even for a moment.
_APPLICATION = [
    """
INSERT INTO {sheets} AS sheet (name, currency)
SELECT r.rate_sheet, min(r.currency) FROM {rows} r
WHERE {applicable}
GROUP BY r.rate_sheet
ON CONFLICT (name) DO UPDATE SET currency = excluded.currency WHERE sheet.currency <> excluded.currency
""",
    """
UPDATE {versions} version
SET effective_through = planned.effective_through, is_ended_by_successor = planned.is_ended_by_successor
FROM {planned} planned JOIN {sheets} sheet ON sheet.name = planned.rate_sheet
WHERE version.rate_sheet_id = sheet.id AND version.effective_from = planned.effective_from
    AND (version.effective_through, version.is_ended_by_successor)
        IS DISTINCT FROM (planned.effective_through, planned.is_ended_by_successor)
""",
    _UPDATE_VERSIONS,
    """
INSERT INTO {versions} (rate_sheet_id, effective_from, effective_through, is_ended_by_successor, {columns})
SELECT sheet.id, planned.effective_from, planned.effective_through, planned.is_ended_by_successor, {stated}
FROM {planned} planned
JOIN {sheets} sheet ON sheet.name = planned.rate_sheet
JOIN {rows} r ON r.rate_sheet = planned.rate_sheet AND r.effective_from = planned.effective_from
WHERE {applicable}
GROUP BY sheet.id, planned.effective_from, planned.effective_through, planned.is_ended_by_successor
ON CONFLICT (rate_sheet_id, effective_from) DO NOTHING
""",
    """
INSERT INTO {groups} AS known (version_id, code, display_name)
SELECT version.id, r.usage_group, min(r.usage_group_display)
FROM {rows} r
JOIN {sheets} sheet ON sheet.name = r.rate_sheet
JOIN {versions} version ON version.rate_sheet_id = sheet.id AND version.effective_from = r.effective_from
WHERE {applicable}
GROUP BY version.id, r.usage_group
ON CONFLICT (version_id, code) DO UPDATE SET display_name = excluded.display_name
WHERE known.display_name <> excluded.display_name
""",
    """
INSERT INTO {rates} AS price (usage_group_id, call_type, direction, rate_per_minute, upload_id)
SELECT known.id, r.call_type, r.direction, r.rate_per_minute, {upload_id}::uuid
FROM {rows} r
JOIN {sheets} sheet ON sheet.name = r.rate_sheet
JOIN {versions} version ON version.rate_sheet_id = sheet.id AND version.effective_from = r.effective_from
JOIN {groups} known ON known.version_id = version.id AND known.code = r.usage_group
WHERE {applicable}
ON CONFLICT (usage_group_id, call_type, direction) DO UPDATE
SET rate_per_minute = excluded.rate_per_minute, upload_id = excluded.upload_id
WHERE price.rate_per_minute <> excluded.rate_per_minute
""",
]

_SHEETS = "(SELECT sheet.id FROM {sheets} sheet WHERE sheet.name IN (SELECT r.rate_sheet FROM {rows} r))"
_MAY_CHANGE: dict[type[Model], LiteralString] = {
    Rate: """
    stored.usage_group_id IN (
        SELECT known.id FROM {groups} known JOIN {versions} version ON version.id = known.version_id
        WHERE version.rate_sheet_id IN {sheet_ids}
    )
    """,
    UsageGroup: """
    stored.version_id IN (SELECT version.id FROM {versions} version WHERE version.rate_sheet_id IN {sheet_ids})
    """,
    RateSheetVersion: "stored.rate_sheet_id IN {sheet_ids}",
    RateSheet: "stored.id IN {sheet_ids}",
}


class RateResource(UploadResource):
    """Prices per minute. The columns of a version repeat in each of its rows and must be equal in all of them."""

    journalled = tuple(_MAY_CHANGE)

    rate_sheet = UploadColumn(Name(), attribute="usage_group__version__rate_sheet__name", example="Example World")
    currency = UploadColumn(Currency(), attribute="usage_group__version__rate_sheet__currency", example="USD")
    effective_from = UploadColumn(Day(), attribute="usage_group__version__effective_from", example="2026-01-01")
    effective_through = UploadColumn(
        Day(),
        attribute="usage_group__version__effective_through",
        optional=True,
        example="2026-12-31",
        note="Empty means until further notice.",
    )
    increment_seconds = UploadColumn(
        Integer(least=1),
        attribute="usage_group__version__increment_seconds",
        optional=True,
        default=6,
        example="6",
        note="Durations are rounded up to a multiple of this.",
    )
    minimum_seconds = UploadColumn(
        Integer(),
        attribute="usage_group__version__minimum_seconds",
        optional=True,
        default=0,
        example="60",
        note="Every call is billed for at least this many seconds.",
    )
    usage_group = UploadColumn(Identifier(), attribute="usage_group__code", example="US-FIXED")
    usage_group_display = UploadColumn(attribute="usage_group__display_name", example="United States, fixed")
    call_type = UploadColumn(Name(), attribute="call_type", example="voice")
    direction = UploadColumn(Choice(*Direction.values), attribute="direction", example="Outbound")
    rate_per_minute = UploadColumn(
        Amount(digits=16, places=6), attribute="rate_per_minute", title="Usage Rate Per Minute", example="0.0119"
    )

    class Meta:
        model = Rate
        fields = export_order = (
            "rate_sheet", "currency", "effective_from", "effective_through", "increment_seconds", "minimum_seconds",
            "usage_group", "usage_group_display", "call_type", "direction", "rate_per_minute",
        )  # fmt: skip
        import_id_fields = ("rate_sheet", "effective_from", "usage_group", "call_type", "direction")

    def existing(self, batch: Batch) -> Expression:
        return sql.SQL(_EXISTING).format(**_TABLES)

    def checks(self, batch: Batch) -> Iterable[Check]:
        if "effective_through" in batch.present:
            yield Check(
                "effective_through",
                sql.SQL("r.effective_through < r.effective_from"),
                sentence("The version ends before it starts."),
            )
        yield from self._currency_checks()

    def _currency_checks(self) -> Iterable[Check]:
        """Return the checks that a sheet keeps its currency while it has subscriptions and once it has rated calls."""
        name, known = sql.SQL("sheet.name"), sql.SQL("sheet.currency")
        other = sql.SQL(
            """
            (
                SELECT min(subscription.number) FROM {subscriptions} subscription
                WHERE subscription.rate_sheet_id = sheet.id
            )
            """
        ).format(**_TABLES)
        way_out = "Write {}, or name another sheet."
        yield Check(
            "currency",
            sql.SQL("(sheet.currency <> r.currency AND {} IS NOT NULL)").format(other),
            sentence(
                f"The rate sheet {{}} is in {{}}, as is subscription {{}}, which has it. {way_out}",
                name,
                known,
                other,
                known,
            ),
        )
        is_rated = sql.SQL(
            """
            EXISTS (
                SELECT FROM {calls} call JOIN {versions} used ON used.id = call.rate_sheet_version_id
                WHERE used.rate_sheet_id = sheet.id AND call.rate_per_minute IS NOT NULL
            )
            """
        ).format(**_TABLES)
        yield Check(
            "currency",
            sql.SQL("(sheet.currency <> r.currency AND {} IS NULL AND {})").format(other, is_rated),
            sentence(f"The rate sheet {{}} is in {{}}, and calls were rated with it. {way_out}", name, known, known),
        )

    def is_changed(self, batch: Batch) -> Expression:
        # The end of a version depends on the other versions: `settle` compares it.
        differences: list[Expression] = [
            sql.SQL("sheet.currency <> r.currency"),
            sql.SQL("old.rate_per_minute <> r.rate_per_minute"),
            sql.SQL("known.display_name <> r.usage_group_display"),
        ]
        differences += [
            sql.SQL("version.{} <> {}").format(sql.Identifier(name), of_row(name))
            for name in _OF_VERSION
            if name in batch.present and name != "effective_through"
        ]
        return sql.SQL("({})").format(sql.SQL(" OR ").join(differences))

    def natural_key(self, batch: Batch) -> list[Expression]:
        return [of_row(name) for name in self._meta.import_id_fields]

    def content(self, batch: Batch) -> list[Expression]:
        return [of_row(column.name) for column in self.present(batch)]

    def inconsistency_errors(self, batch: Batch) -> Sequence[Expression]:
        statements = [
            self._inconsistency(
                batch, "currency", ("rate_sheet",), " give one rate sheet different values of currency; it has one."
            ),
        ]
        statements += [
            self._inconsistency(batch, name, _VERSION, f" give one version of the sheet different values of {name}.")
            for name in _OF_VERSION
            if name in batch.present
        ]
        name = "usage_group_display"
        return [
            *statements,
            self._inconsistency(batch, name, _GROUP, f" give one usage group different values of {name}."),
        ]

    def _inconsistency(self, batch: Batch, name: str, group: Sequence[str], reason: str) -> Expression:
        return sql.SQL(_INCONSISTENCIES).format(
            errors=batch.errors,
            rows=batch.rows,
            staged=batch.staged,
            place=self._place(batch, name),
            name=sql.Literal(name),
            column=sql.Identifier(name),
            group=COMMA.join(map(sql.Identifier, group)),
            reason=sql.Literal(reason),
        )

    def conflict_errors(self, batch: Batch) -> Sequence[Expression]:
        statements = [self._left_out(batch), self._overlap(batch, "effective_from", blames_itself=False)]
        if "effective_through" in batch.present:
            statements.append(self._overlap(batch, "effective_through", blames_itself=True))
        return statements

    def _left_out(self, batch: Batch) -> Expression:
        return sql.SQL(_CURRENCIES).format(
            **_TABLES,
            errors=batch.errors,
            rows=batch.rows,
            staged=batch.staged,
            applicable=batch.applicable,
            place=self._place(batch, "currency"),
            reason=sentence(
                "The rate sheet {} is in {}, and this file does not name its version from {}. "
                "Write {}, name all its versions, or name another sheet.",
                *(sql.Identifier("left_out", name) for name in ("name", "currency", "effective_from", "currency")),
            ),
        )

    def _overlap(self, batch: Batch, name: str, *, blames_itself: bool) -> Expression:
        return sql.SQL(_OVERLAPS).format(
            stated_and_known=self._stated_and_known(batch),
            planned=self._planned(batch),
            errors=batch.errors,
            rows=batch.rows,
            staged=batch.staged,
            applicable=batch.applicable,
            place=self._place(batch, name),
            name=sql.Literal(name),
            column=sql.Identifier(name),
            blames_itself=sql.Literal(blames_itself),
        )

    def _place(self, batch: Batch, name: str) -> int:
        return [column.name for column in self.present(batch)].index(name) + 1

    def _stated_and_known(self, batch: Batch) -> Expression:
        through = ", min(r.effective_through) AS effective_through" if "effective_through" in batch.present else ""
        return sql.SQL(_STATED).format(
            **_TABLES, rows=batch.rows, applicable=batch.applicable, through=sql.SQL(through)
        )

    def _planned(self, batch: Batch) -> Expression:
        is_stated = "effective_through" in batch.present
        return sql.SQL(_VERSIONS).format(
            through_is_stated=sql.Literal(is_stated),
            stated=sql.SQL("stated.effective_through" if is_stated else "known.effective_through"),
        )

    def settle(self, batch: Batch) -> Sequence[Expression]:
        names = {**_TABLES, "rows": batch.rows, "planned": batch.planned}
        return [
            sql.SQL("{} {} AS {} {}").format(
                batch.create_table, batch.planned, self._stated_and_known(batch), self._planned(batch)
            ),
            sql.SQL(
                """
                UPDATE {rows} r SET state = 'changed'
                FROM {planned} planned
                JOIN {sheets} sheet ON sheet.name = planned.rate_sheet
                JOIN {versions} version
                    ON version.rate_sheet_id = sheet.id AND version.effective_from = planned.effective_from
                WHERE r.state = 'unchanged'
                    AND r.rate_sheet = planned.rate_sheet AND r.effective_from = planned.effective_from
                    AND version.effective_through IS DISTINCT FROM planned.effective_through
                """
            ).format(**names),
        ]

    def file_notices(self, batch: Batch) -> Sequence[Expression]:
        corrected = corrected_prices(batch, self.existing(batch), self._place(batch, "rate_per_minute"))
        return [*unnamed_prices(batch, _TABLES), corrected]

    def may_change(self, model: type[Model], batch: Batch) -> Expression:
        sheet_ids = sql.SQL(_SHEETS).format(**_TABLES, rows=batch.rows)
        return sql.SQL(_MAY_CHANGE[model]).format(**_TABLES, sheet_ids=sheet_ids)

    def application(self, batch: Batch) -> Sequence[Expression]:
        of_version = [name for name in _OF_VERSION if name in batch.present and name != "effective_through"]
        defaults = {name: self.fields[name].empty_value for name in ("increment_seconds", "minimum_seconds")}
        stated = {
            name: sql.SQL("min({})").format(of_row(name)) if name in batch.present else defaults[name]
            for name in _OF_VERSION
            if name != "effective_through"
        }
        names = {
            **_TABLES,
            "rows": batch.rows,
            "planned": batch.planned,
            "applicable": batch.applicable,
            "upload_id": sql.Literal(str(batch.context.upload_id) if batch.context.upload_id else None),
            "set": COMMA.join(sql.SQL("{0} = r.{0}").format(sql.Identifier(name)) for name in of_version),
            "columns": COMMA.join(map(sql.Identifier, stated)),
            "stated": COMMA.join(stated.values()),
            "is_other": sql.SQL(" OR ").join(
                sql.SQL("version.{0} <> r.{0}").format(sql.Identifier(name)) for name in of_version
            ),
        }
        return [
            sql.SQL(statement).format(**names)
            for statement in _APPLICATION
            if of_version or statement is not _UPDATE_VERSIONS
        ]

    def follow_up(self, batch: Batch) -> Sequence[Expression]:
        return [unrated_calls_statement(batch.context.upload_id)]

    def filter_export(self, queryset: QuerySet[Any], **options: Any) -> QuerySet[Any]:
        """Return the rows annotated with whether another version begins when theirs ends."""
        last_day = OuterRef("usage_group__version__effective_through")
        successors = RateSheetVersion.objects.filter(
            rate_sheet=OuterRef("usage_group__version__rate_sheet"), effective_from=last_day + ONE_DAY
        )
        return super().filter_export(queryset.annotate(has_successor=Exists(successors)), **options)

    def dehydrate_effective_through(self, rate: Any) -> str:
        """Return the last day of a row of `filter_export`; empty unless it was stated, as an upload needs it."""
        version = rate.usage_group.version
        is_open = version.is_ended_by_successor and rate.has_successor
        return "" if is_open else self.fields["effective_through"].widget.render(version.effective_through)
