"""Subscriptions: the contracts, each with its rate sheet and the one discount that holds for the whole of it."""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from django.db.models import Model, OuterRef, QuerySet, Subquery
from psycopg import sql

from billing.cycles import CyclePolicy
from billing.models import Account, RateSheet, RateSheetVersion, Subscription, TelcoCommitDiscount
from usage.rating import unrated_calls_statement
from usage.resources.base import Check, UploadResource, of_row, sentence
from usage.resources.batches import Batch
from usage.resources.columns import Column, Reference
from usage.resources.formats import Choice, Currency, Day, Expression, Identifier, Percent

_TABLES = {
    "sheets": sql.Identifier(RateSheet._meta.db_table),
    "versions": sql.Identifier(RateSheetVersion._meta.db_table),
    "discounts": sql.Identifier(TelcoCommitDiscount._meta.db_table),
    "subscriptions": sql.Identifier(Subscription._meta.db_table),
}
_UNDATED = sql.SQL("discount.effective_from IS NULL AND discount.effective_through IS NULL")
# 0 % and no discount are the same.
_PERCENT = sql.SQL("nullif(r.telco_commit_percent, 0)")

_OVERLAPS = """
WITH windows AS (
 SELECT r.line, r.account_id, r.number, r.activation_date AS first, {ended_on} AS last
 FROM {rows} r LEFT JOIN {subscriptions} old ON old.number = r.number WHERE {applicable}
 UNION ALL
 SELECT NULL, s.account_id, s.number, s.activation_date, s.ended_on FROM {subscriptions} s
 WHERE NOT EXISTS (SELECT FROM {rows} r WHERE r.number = s.number AND {applicable}))
INSERT INTO {errors} (line, place, name, value, reason)
SELECT DISTINCT ON (one.line) one.line, {place}, 'activation_date', t.activation_date,
 concat('The account has another subscription on some of these days: ', other.number,
  CASE WHEN other.line IS NOT NULL THEN concat(' in row ', other.line) END, '.')
FROM windows one
JOIN windows other ON other.account_id = one.account_id AND other.number <> one.number
 AND (other.first <= one.last OR one.last IS NULL) AND (one.first <= other.last OR other.last IS NULL)
JOIN {cells} t ON t.line = one.line
ORDER BY one.line, other.line NULLS FIRST, other.number
"""

_MAY_CHANGE: dict[type[Model], LiteralString] = {
    TelcoCommitDiscount: "t.subscription_id IN (SELECT s.id FROM {subscriptions} s "
    "WHERE s.number IN (SELECT r.number FROM {rows} r))",
    Subscription: "t.number IN (SELECT r.number FROM {rows} r)",
    RateSheet: "t.name IN (SELECT r.rate_sheet FROM {rows} r)",
}


class SubscriptionResource(UploadResource):
    """Contracts. A percentage stands for one discount without dates; discounts with dates are made in the admin."""

    recorded = tuple(_MAY_CHANGE)

    number = Column(Identifier(), attribute="number", example="EXAMPLE-1001")
    account = Reference(Account, by="code", attribute="account__code", example="EXAMPLE-1")
    activation_date = Column(Day(), attribute="activation_date", example="2025-10-21")
    currency = Column(Currency(), attribute="currency", example="USD")
    cycle_policy = Column(
        Choice(*(policy.value for policy in CyclePolicy)),
        attribute="cycle_policy",
        optional=True,
        default=CyclePolicy.THROUGH_ANNIVERSARY.value,
        example=CyclePolicy.THROUGH_ANNIVERSARY.value,
    )
    ended_on = Column(
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
    telco_commit_percent = Column(
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

    def filter_export(self, queryset: QuerySet[Any], **options: Any) -> QuerySet[Any]:
        """With the discount without dates; there is one at most."""
        undated = TelcoCommitDiscount.objects.filter(
            subscription=OuterRef("pk"), effective_from=None, effective_through=None
        )
        with_percent = queryset.annotate(undated_percent=Subquery(undated.values("percent")))
        return super().filter_export(with_percent, **options)

    def dehydrate_telco_commit_percent(self, subscription: Any) -> str:
        """The discount without dates, of a row of `filter_export`."""
        return self.fields["telco_commit_percent"].widget.render(subscription.undated_percent)

    def existing(self, batch: Batch) -> Expression:
        return sql.SQL("{} LEFT JOIN {} discount ON discount.subscription_id = old.id AND {}").format(
            super().existing(batch), _TABLES["discounts"], _UNDATED
        )

    def is_changed(self, batch: Batch) -> Expression:
        differences = [super().is_changed(batch)]
        if "rate_sheet" in batch.present:  # a sheet that is still to be made has no ID yet
            differences.append(sql.SQL("(r.rate_sheet IS NOT NULL AND r.rate_sheet_id IS NULL)"))
        if "telco_commit_percent" in batch.present:
            differences.append(sql.SQL("{} IS DISTINCT FROM nullif(discount.percent, 0)").format(_PERCENT))
        return sql.SQL("({})").format(sql.SQL(" OR ").join(differences))

    def content(self, batch: Batch) -> list[Expression]:
        return [of_row(column.name) for column in self.present(batch)]

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
        sheet = sql.SQL("r.rate_sheet_id" if "rate_sheet" in batch.present else "old.rate_sheet_id")
        other = sql.SQL(
            "(SELECT min(v.currency) FROM {versions} v WHERE v.rate_sheet_id = {sheet} AND v.currency <> r.currency)"
        ).format(versions=_TABLES["versions"], sheet=sheet)
        yield Check(
            "currency",
            sql.SQL("{} IS NOT NULL").format(other),
            sentence("The rate sheet of the subscription is in {}; they must have one currency.", other),
        )
        if "telco_commit_percent" in batch.present:
            yield Check(
                "telco_commit_percent",
                sql.SQL(
                    "r.telco_commit_percent IS NOT NULL AND EXISTS (SELECT FROM {} discount "
                    "WHERE discount.subscription_id = old.id AND NOT ({}))"
                ).format(_TABLES["discounts"], _UNDATED),
                sentence(
                    "The subscription has discounts with dates, which are changed in the admin; leave the cell empty."
                ),
            )

    def contradictions(self, batch: Batch) -> Sequence[Expression]:
        columns = [column.name for column in self.present(batch)]
        return [
            sql.SQL(_OVERLAPS).format(
                **_TABLES,
                rows=batch.rows,
                cells=batch.cells,
                errors=batch.errors,
                applicable=batch.applicable,
                ended_on=_ended_on(batch),
                place=columns.index("activation_date") + 1,
            )
        ]

    def application(self, batch: Batch) -> Sequence[Expression]:
        statements = [*self._new_sheets(batch), self.upsert(batch)]
        if "telco_commit_percent" in batch.present:
            statements += self._discounts(batch)
        return statements

    def _new_sheets(self, batch: Batch) -> list[Expression]:
        if "rate_sheet" not in batch.present:
            return []
        return [
            sql.SQL(
                "INSERT INTO {sheets} (name) SELECT DISTINCT r.rate_sheet FROM {rows} r "
                "WHERE r.rate_sheet IS NOT NULL AND {applicable} ON CONFLICT (name) DO NOTHING"
            ).format(**_TABLES, rows=batch.rows, applicable=batch.applicable),
            sql.SQL(
                "UPDATE {rows} r SET rate_sheet_id = sheet.id FROM {sheets} sheet "
                "WHERE sheet.name = r.rate_sheet AND r.rate_sheet_id IS NULL"
            ).format(**_TABLES, rows=batch.rows),
        ]

    def _discounts(self, batch: Batch) -> list[Expression]:
        """What differs is taken away and made anew."""
        names = {
            **_TABLES,
            "rows": batch.rows,
            "applicable": batch.applicable,
            "percent": _PERCENT,
            "undated": _UNDATED,
        }
        return [
            sql.SQL(
                "DELETE FROM {discounts} discount USING {rows} r, {subscriptions} s WHERE s.number = r.number "
                "AND discount.subscription_id = s.id AND {undated} AND {applicable} "
                "AND {percent} IS DISTINCT FROM nullif(discount.percent, 0)"
            ).format(**names),
            sql.SQL(
                "INSERT INTO {discounts} (account_id, subscription_id, percent) SELECT s.account_id, s.id, {percent} "
                "FROM {rows} r JOIN {subscriptions} s ON s.number = r.number "
                "WHERE {percent} IS NOT NULL AND {applicable} AND NOT EXISTS "
                "(SELECT FROM {discounts} discount WHERE discount.subscription_id = s.id AND {undated})"
            ).format(**names),
        ]

    def may_change(self, model: type[Model], batch: Batch) -> Expression | None:
        if model is RateSheet and "rate_sheet" not in batch.present:
            return None
        return sql.SQL(_MAY_CHANGE[model]).format(**_TABLES, rows=batch.rows)

    def follow_up(self, batch: Batch) -> Sequence[Expression]:
        return [unrated_calls_statement(batch.context.upload_id)]


def _ended_on(batch: Batch) -> Expression:
    return sql.SQL("r.ended_on" if "ended_on" in batch.present else "old.ended_on")
