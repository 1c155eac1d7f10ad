"""The kind `subscriptions`: contracts, each with its rate sheet and at most one discount for its whole term."""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from django.db.models import Model, OuterRef, QuerySet, Subquery
from psycopg import sql

from billing.cycles import CyclePolicy
from billing.models import Account, RateSheet, RateSheetVersion, Subscription, TelcoCommitDiscount
from usage.rating import unrated_calls_statement
from usage.resources.base import Check, UploadResource, of_row, sentence
from usage.resources.batches import Batch
from usage.resources.columns import Reference, UploadColumn
from usage.resources.formats import Choice, Currency, Day, Expression, Identifier, Percent

_TABLES = {
    "sheets": sql.Identifier(RateSheet._meta.db_table),
    "versions": sql.Identifier(RateSheetVersion._meta.db_table),
    "discounts": sql.Identifier(TelcoCommitDiscount._meta.db_table),
    "subscriptions": sql.Identifier(Subscription._meta.db_table),
}
_UNDATED = sql.SQL("discount.effective_from IS NULL AND discount.effective_through IS NULL")
# 0 % is the same as no discount.
_PERCENT = sql.SQL("nullif(r.telco_commit_percent, 0)")

_OVERLAPS = """
WITH windows AS (
    SELECT r.line, r.account_id, r.number, r.activation_date AS first, {ended_on} AS last
    FROM {rows} r LEFT JOIN {subscriptions} old ON old.number = r.number
    WHERE {applicable}
    UNION ALL
    SELECT NULL, stored.account_id, stored.number, stored.activation_date, stored.ended_on
    FROM {subscriptions} stored
    WHERE NOT EXISTS (SELECT FROM {rows} r WHERE r.number = stored.number AND {applicable})
)
INSERT INTO {errors} (line, place, name, value, reason)
SELECT DISTINCT ON (one.line) one.line, {place}, 'activation_date', staged.activation_date,
    concat('The account has another subscription on some of these days: ', other.number,
        CASE WHEN other.line IS NOT NULL THEN concat(' in row ', other.line) END, '.')
FROM windows one
JOIN windows other ON other.account_id = one.account_id AND other.number <> one.number
    AND (other.first <= one.last OR one.last IS NULL)
    AND (one.first <= other.last OR other.last IS NULL)
JOIN {staged} staged ON staged.line = one.line
ORDER BY one.line, other.line NULLS FIRST, other.number
"""
# A sheet without prices takes the currency of its subscriptions, as long as they all agree.
_CURRENCIES = """
WITH holders AS (
    SELECT r.line, r.number, r.currency, {sheet} AS sheet
    FROM {rows} r LEFT JOIN {subscriptions} old ON old.number = r.number LEFT JOIN {sheets} held
        ON held.id = old.rate_sheet_id
    WHERE {applicable}
    UNION ALL
    SELECT NULL, stored.number, stored.currency, held.name
    FROM {subscriptions} stored JOIN {sheets} held ON held.id = stored.rate_sheet_id
    WHERE NOT EXISTS (SELECT FROM {rows} r WHERE r.number = stored.number AND {applicable})
)
INSERT INTO {errors} (line, place, name, value, reason)
SELECT DISTINCT ON (one.line) one.line, {place}, 'currency', staged.currency,
    concat('Subscription ', other.number, CASE WHEN other.line IS NOT NULL THEN concat(' in row ', other.line) END,
        ' has the rate sheet ', other.sheet, ', too, and is in ', other.currency,
        '; a sheet has one currency. Write ', other.currency, ', or name another sheet.')
FROM (SELECT sheet FROM holders GROUP BY sheet HAVING min(currency) <> max(currency)) mixed
JOIN holders one ON one.sheet = mixed.sheet
JOIN holders other ON other.sheet = one.sheet AND other.currency <> one.currency
JOIN {staged} staged ON staged.line = one.line
ORDER BY one.line, other.line NULLS FIRST, other.number
"""

_MAY_CHANGE: dict[type[Model], LiteralString] = {
    TelcoCommitDiscount: """
    stored.subscription_id IN (
        SELECT subscription.id FROM {subscriptions} subscription
        WHERE subscription.number IN (SELECT r.number FROM {rows} r)
    )
    """,
    Subscription: "stored.number IN (SELECT r.number FROM {rows} r)",
    RateSheet: "stored.name IN (SELECT r.rate_sheet FROM {rows} r)",
}

# The sheets of a file without the column: it changes no subscription's sheet, but perhaps the sheet's currency.
_HELD_SHEETS: LiteralString = """
stored.id IN (
    SELECT subscription.rate_sheet_id FROM {subscriptions} subscription
    WHERE subscription.number IN (SELECT r.number FROM {rows} r)
)
"""


class SubscriptionResource(UploadResource):
    """Contracts. A percentage is one discount without dates; discounts with dates are edited in the admin."""

    journalled = tuple(_MAY_CHANGE)

    number = UploadColumn(Identifier(), attribute="number", example="EXAMPLE-1001")
    account = Reference(Account, by="code", attribute="account__code", example="EXAMPLE-1")
    activation_date = UploadColumn(Day(), attribute="activation_date", example="2025-10-21")
    currency = UploadColumn(Currency(), attribute="currency", example="USD")
    cycle_policy = UploadColumn(
        Choice(*(policy.value for policy in CyclePolicy)),
        attribute="cycle_policy",
        optional=True,
        default=CyclePolicy.THROUGH_ANNIVERSARY.value,
        example=CyclePolicy.THROUGH_ANNIVERSARY.value,
    )
    ended_on = UploadColumn(
        Day(), attribute="ended_on", optional=True, example="2026-10-20", note="Empty means that it goes on."
    )
    rate_sheet = Reference(
        RateSheet,
        attribute="rate_sheet__name",
        optional=True,
        must_exist=False,
        example="Example World",
        note="Its rates may come later.",
    )
    telco_commit_percent = UploadColumn(
        Percent(places=4),
        optional=True,
        example="12.5",
        note="It holds for the whole subscription.",
    )

    class Meta:
        model = Subscription
        fields = export_order = (
            "number", "account", "activation_date", "currency", "cycle_policy", "ended_on", "rate_sheet",
            "telco_commit_percent",
        )  # fmt: skip
        import_id_fields = ("number",)

    def existing(self, batch: Batch) -> Expression:
        sheet = sql.SQL("r.rate_sheet_id" if "rate_sheet" in batch.present else "old.rate_sheet_id")
        return sql.SQL(
            """
            {} LEFT JOIN {} discount ON discount.subscription_id = old.id AND {}
            LEFT JOIN {} sheet ON sheet.id = {}
            """
        ).format(super().existing(batch), _TABLES["discounts"], _UNDATED, _TABLES["sheets"], sheet)

    def checks(self, batch: Batch) -> Iterable[Check]:
        yield from super().checks(batch)
        yield Check(
            "account",
            sql.SQL("old.account_id <> r.account_id"),
            sentence("The subscription exists, and is another account's; it cannot change its account."),
        )
        yield Check(
            "ended_on" if "ended_on" in batch.present else "activation_date",
            sql.SQL("{} < r.activation_date").format(_ended_on(batch)),
            sentence("The subscription ends before its activation."),
        )
        known = sql.SQL("sheet.currency")
        yield Check(
            "currency",
            sql.SQL(
                """
                (sheet.currency <> r.currency
                    AND EXISTS (SELECT FROM {} version WHERE version.rate_sheet_id = sheet.id))
                """
            ).format(_TABLES["versions"]),
            sentence(
                "The rate sheet {} is in {}, and has prices. Write {}, or name another sheet.",
                *(sql.SQL("sheet.name"), known, known),
            ),
        )
        if "telco_commit_percent" in batch.present:
            yield Check(
                "telco_commit_percent",
                sql.SQL(
                    """
                    r.telco_commit_percent IS NOT NULL AND EXISTS (
                        SELECT FROM {} discount WHERE discount.subscription_id = old.id AND NOT ({})
                    )
                    """
                ).format(_TABLES["discounts"], _UNDATED),
                sentence(
                    "The subscription has discounts with dates, which are changed in the admin; leave the cell empty."
                ),
            )

    def is_changed(self, batch: Batch) -> Expression:
        differences = [super().is_changed(batch)]
        if "rate_sheet" in batch.present:  # a new sheet has no ID yet
            differences.append(sql.SQL("(r.rate_sheet IS NOT NULL AND r.rate_sheet_id IS NULL)"))
        if "telco_commit_percent" in batch.present:
            differences.append(sql.SQL("{} IS DISTINCT FROM nullif(discount.percent, 0)").format(_PERCENT))
        return sql.SQL("({})").format(sql.SQL(" OR ").join(differences))

    def content(self, batch: Batch) -> list[Expression]:
        return [of_row(column.name) for column in self.present(batch)]

    def conflict_errors(self, batch: Batch) -> Sequence[Expression]:
        columns = [column.name for column in self.present(batch)]
        return [
            sql.SQL(_OVERLAPS).format(
                **_TABLES,
                rows=batch.rows,
                staged=batch.staged,
                errors=batch.errors,
                applicable=batch.applicable,
                ended_on=_ended_on(batch),
                place=columns.index("activation_date") + 1,
            ),
            sql.SQL(_CURRENCIES).format(
                **_TABLES,
                rows=batch.rows,
                staged=batch.staged,
                errors=batch.errors,
                applicable=batch.applicable,
                sheet=sql.SQL("r.rate_sheet" if "rate_sheet" in batch.present else "held.name"),
                place=columns.index("currency") + 1,
            ),
        ]

    def may_change(self, model: type[Model], batch: Batch) -> Expression:
        is_absent = model is RateSheet and "rate_sheet" not in batch.present
        return sql.SQL(_HELD_SHEETS if is_absent else _MAY_CHANGE[model]).format(**_TABLES, rows=batch.rows)

    def application(self, batch: Batch) -> Sequence[Expression]:
        statements = [*self._sheets(batch), self.upsert(batch)]
        if "telco_commit_percent" in batch.present:
            statements += self._discounts(batch)
        return statements

    def _sheets(self, batch: Batch) -> list[Expression]:
        """Return the statements that create new sheets, and give those without prices the subscriptions' currency."""
        if "rate_sheet" not in batch.present:
            return [
                sql.SQL(
                    """
                    UPDATE {sheets} sheet SET currency = r.currency
                    FROM {rows} r JOIN {subscriptions} subscription ON subscription.number = r.number
                    WHERE sheet.id = subscription.rate_sheet_id AND sheet.currency <> r.currency AND {applicable}
                    """
                ).format(**_TABLES, rows=batch.rows, applicable=batch.applicable)
            ]
        return [
            sql.SQL(
                """
                INSERT INTO {sheets} AS sheet (name, currency)
                SELECT r.rate_sheet, min(r.currency) FROM {rows} r
                WHERE r.rate_sheet IS NOT NULL AND {applicable}
                GROUP BY r.rate_sheet
                ON CONFLICT (name) DO UPDATE SET currency = excluded.currency
                WHERE sheet.currency <> excluded.currency
                """
            ).format(**_TABLES, rows=batch.rows, applicable=batch.applicable),
            sql.SQL(
                """
                UPDATE {rows} r SET rate_sheet_id = sheet.id
                FROM {sheets} sheet
                WHERE sheet.name = r.rate_sheet AND r.rate_sheet_id IS NULL
                """
            ).format(**_TABLES, rows=batch.rows),
        ]

    def _discounts(self, batch: Batch) -> list[Expression]:
        """Return the statements that delete the discounts that differ and insert the new ones."""
        names = {
            **_TABLES,
            "rows": batch.rows,
            "applicable": batch.applicable,
            "percent": _PERCENT,
            "undated": _UNDATED,
        }
        return [
            sql.SQL(
                """
                DELETE FROM {discounts} discount
                USING {rows} r, {subscriptions} subscription
                WHERE subscription.number = r.number AND discount.subscription_id = subscription.id
                    AND {undated} AND {applicable}
                    AND {percent} IS DISTINCT FROM nullif(discount.percent, 0)
                """
            ).format(**names),
            sql.SQL(
                """
                INSERT INTO {discounts} (account_id, subscription_id, percent)
                SELECT subscription.account_id, subscription.id, {percent}
                FROM {rows} r JOIN {subscriptions} subscription ON subscription.number = r.number
                WHERE {percent} IS NOT NULL AND {applicable} AND NOT EXISTS (
                    SELECT FROM {discounts} discount WHERE discount.subscription_id = subscription.id AND {undated}
                )
                """
            ).format(**names),
        ]

    def follow_up(self, batch: Batch) -> Sequence[Expression]:
        return [unrated_calls_statement(batch.context.upload_id)]

    def filter_export(self, queryset: QuerySet[Any], **options: Any) -> QuerySet[Any]:
        """Return the rows annotated with their discount without dates, of which there is at most one."""
        undated = TelcoCommitDiscount.objects.filter(
            subscription=OuterRef("pk"), effective_from=None, effective_through=None
        )
        with_percent = queryset.annotate(undated_percent=Subquery(undated.values("percent")))
        return super().filter_export(with_percent, **options)

    def dehydrate_telco_commit_percent(self, subscription: Any) -> str:
        """Return the discount without dates of a row of `filter_export`."""
        return self.fields["telco_commit_percent"].widget.render(subscription.undated_percent)


def _ended_on(batch: Batch) -> Expression:
    return sql.SQL("r.ended_on" if "ended_on" in batch.present else "old.ended_on")
