"""The kinds of usage data: login sessions, resource usage, calls."""

from collections.abc import Iterable, Sequence

from psycopg import sql

from billing.models import Charge, Direction
from usage.models import Call, Entity, EntityKind, LoginSession, Resource, ResourceUsage
from usage.rating import rate_joins, rating_columns
from usage.resources.base import Assignment, Check, UploadResource, not_in_future, of_row, sentence
from usage.resources.batches import Batch
from usage.resources.columns import AccountReference, Reference, UploadColumn
from usage.resources.formats import (
    Amount,
    Boolean,
    Choice,
    Day,
    Email,
    Expression,
    Identifier,
    Instant,
    Name,
    PhoneNumber,
    folded_address,
)
from usage.resources.notices import Days, days_without_data, far_above_usual


class LoginSessionResource(UploadResource):
    """Who was logged in under which charge, from when until when; an empty `ended_at` means still logged in."""

    belongs_to_account = True
    journalled = (Entity,)  # the users that it creates

    account = AccountReference()
    session_id = UploadColumn(Identifier(), attribute="session_id", example="example-session-1")
    entity = Reference(
        Entity,
        widget=Identifier(),
        by="identifier",
        attribute="entity__identifier",
        must_exist=False,
        title="User",
        example="ana@example.com",
        note="A user's e-mail address or a device's ID.",
    )
    charge = Reference(Charge, attribute="charge__name", title="Charge Name", example="Example Named")
    started_at = UploadColumn(Instant(), attribute="started_at", title="Timestamp", example="2026-03-01T09:14:03Z")
    ended_at = UploadColumn(
        Instant(),
        attribute="ended_at",
        may_be_empty=True,
        example="2026-03-01T17:02:40.250Z",
        note="Empty means still logged in.",
    )
    billable = UploadColumn(Boolean(), attribute="billable", optional=True, default=True, example="true")

    class Meta:
        model = LoginSession
        fields = export_order = (
            "account", "session_id", "entity", "charge", "started_at", "ended_at", "billable",
        )  # fmt: skip
        import_id_fields = ("account", "session_id")

    def look_ups(self, batch: Batch) -> Sequence[tuple[str, Expression, Expression]]:
        account = self._account(batch)
        found = [one for one in super().look_ups(batch) if one[0] != "entity_id"]
        # The exact text finds devices; the folded one finds users, whose addresses are stored in that form.
        joins = sql.SQL(
            """
            LEFT JOIN {entities} exact ON exact.account_id = {account} AND exact.identifier = typed.entity
            LEFT JOIN {entities} folded ON folded.account_id = {account} AND folded.identifier = {address}
                AND folded.kind = 'user'
            """
        ).format(
            entities=sql.Identifier(Entity._meta.db_table),
            account=account[1],
            address=folded_address(sql.SQL("typed.entity")),
        )
        return [*found, ("entity_id", sql.SQL("coalesce(exact.id, folded.id)"), joins)]

    def checks(self, batch: Batch) -> Iterable[Check]:
        yield from super().checks(batch)
        unknown = sql.SQL("r.entity IS NOT NULL AND r.account_id IS NOT NULL AND r.entity_id IS NULL")
        no_entity = "The account has neither a user nor a device with this identifier"
        if batch.context.creates_users:
            yield Check(
                "entity",
                sql.SQL("{} AND NOT {}").format(unknown, Email().valid(of_row("entity"))),
                sentence(f"{no_entity}, and no user can be created: this is not an e-mail address alone."),
            )
        else:
            yield Check("entity", unknown, sentence(f"{no_entity}."))
        yield Check("ended_at", sql.SQL("r.ended_at < r.started_at"), sentence("The session ends before it starts."))
        yield not_in_future("started_at", batch)
        yield not_in_future("ended_at", batch)

    def row_notices(self, batch: Batch) -> Iterable[Check]:
        yield from super().row_notices(batch)
        yield Check(
            "ended_at",
            sql.SQL("r.ended_at - r.started_at > interval '24 hours'"),
            sentence("The session is longer than 24 hours. Check both times."),
        )
        yield Check(
            "ended_at",
            sql.SQL("r.ended_at IS NULL AND r.started_at < {}::timestamptz - interval '7 days'").format(
                sql.Literal(batch.context.now)
            ),
            sentence("The session has been open for more than 7 days. Check whether its end is missing."),
        )
        yield Check(
            "session_id",
            sql.SQL("old.id IS NOT NULL AND ({} <> {} OR r.entity_id IS DISTINCT FROM old.entity_id)").format(
                _day_of(sql.SQL("old.started_at")), _day_of(of_row("started_at"))
            ),
            sentence(
                "This replaces the session of {} with the same ID, of another day or user. If it is another session, "
                "it needs another ID.",
                _day_of(sql.SQL("old.started_at")),
            ),
        )

    def file_notices(self, batch: Batch) -> Sequence[Expression]:
        day = _day_of(of_row("started_at"))
        return days_without_data(batch, Days("sessions", day, LoginSession, "started_at"))

    def content(self, batch: Batch) -> list[Expression]:
        # A user who does not exist yet has no ID to compare by.
        newcomer = sql.SQL("CASE WHEN r.entity_id IS NULL THEN {} END").format(folded_address(of_row("entity")))
        return [*super().content(batch), *([newcomer] if batch.context.creates_users else [])]

    def application(self, batch: Batch) -> Sequence[Expression]:
        statements = super().application(batch)
        return [*self._new_users(batch), *statements] if batch.context.creates_users else statements

    def newcomers(self, batch: Batch) -> Expression:
        """Return the query for the missing users that good rows name: (account, e-mail address), each once."""
        return sql.SQL(
            """
            SELECT DISTINCT r.account_id, {} AS identifier
            FROM {} r
            WHERE r.entity_id IS NULL AND {}
            """
        ).format(folded_address(of_row("entity")), batch.rows, batch.applicable)

    def _new_users(self, batch: Batch) -> list[Expression]:
        entities = sql.Identifier(Entity._meta.db_table)
        return [
            sql.SQL(
                """
                INSERT INTO {} (account_id, kind, identifier, name, division, upload_id)
                SELECT newcomer.account_id, {}, newcomer.identifier, '', '', {}::uuid FROM ({}) newcomer
                ON CONFLICT (identifier, account_id) DO NOTHING
                """
            ).format(
                entities,
                sql.Literal(EntityKind.USER.value),
                sql.Literal(str(batch.context.upload_id) if batch.context.upload_id else None),
                self.newcomers(batch),
            ),
            sql.SQL(
                """
                UPDATE {} r SET entity_id = entity.id
                FROM {} entity
                WHERE r.entity_id IS NULL
                    AND entity.account_id = r.account_id AND entity.identifier = {}
                """
            ).format(batch.rows, entities, folded_address(of_row("entity"))),
        ]


class ResourceUsageResource(UploadResource):
    """The quantity of a resource on a day."""

    belongs_to_account = True

    account = AccountReference()
    date = UploadColumn(Day(), attribute="used_on", example="2026-03-01")
    resource = Reference(Resource, attribute="resource__name", example="Example SMS")
    quantity = UploadColumn(Amount(digits=20, places=6), attribute="quantity", example="12")

    class Meta:
        model = ResourceUsage
        fields = export_order = ("account", "date", "resource", "quantity")
        import_id_fields = ("account", "date", "resource")

    def checks(self, batch: Batch) -> Iterable[Check]:
        yield from super().checks(batch)
        latest = sql.SQL("(({}::timestamptz + interval '5 minutes') AT TIME ZONE 'UTC')::date")
        yield Check(
            "date",
            sql.SQL("r.date > {}").format(latest.format(sql.Literal(batch.context.now))),
            sentence("The date is in the future."),
        )

    def file_notices(self, batch: Batch) -> Sequence[Expression]:
        place = [column.name for column in self.present(batch)].index("quantity") + 1
        days = Days("resource usage", of_row("date"), ResourceUsage, "used_on", is_instant=False)
        return [*days_without_data(batch, days), far_above_usual(batch, place)]


class CallResource(UploadResource):
    """Call detail records. The statement that writes a new or changed call also rates it."""

    belongs_to_account = True

    account = AccountReference()
    sip_call_id = UploadColumn(Identifier(), attribute="sip_call_id", example="call-1@sip.example.com")
    origin = UploadColumn(
        PhoneNumber(),
        attribute="origin",
        may_be_empty=True,
        default="",
        example="+442079460100",
        note="Empty means that the caller is withheld.",
    )
    destination = UploadColumn(PhoneNumber(), attribute="destination", example="+14155550100")
    usage_group = UploadColumn(Identifier(), attribute="usage_group", example="US-FIXED")
    call_type = UploadColumn(Name(), attribute="call_type", example="voice")
    direction = UploadColumn(Choice(*Direction.values), attribute="direction", example="Outbound")
    start_time = UploadColumn(Instant(), attribute="started_at", example="2026-03-01T09:20:00Z")
    end_time = UploadColumn(Instant(), attribute="ended_at", example="2026-03-01T09:20:55.250Z")

    class Meta:
        model = Call
        fields = export_order = (
            "account", "sip_call_id", "origin", "destination", "usage_group", "call_type", "direction", "start_time",
            "end_time",
        )  # fmt: skip
        import_id_fields = ("account", "sip_call_id")

    def checks(self, batch: Batch) -> Iterable[Check]:
        yield from super().checks(batch)
        yield Check("end_time", sql.SQL("r.end_time < r.start_time"), sentence("The call ends before it starts."))
        yield not_in_future("start_time", batch)
        yield not_in_future("end_time", batch)

    def row_notices(self, batch: Batch) -> Iterable[Check]:
        yield from super().row_notices(batch)
        yield Check(
            "end_time",
            sql.SQL("r.end_time - r.start_time > interval '24 hours'"),
            sentence("The call is longer than 24 hours. Check both times."),
        )
        day = _day_of(sql.SQL("old.started_at"))
        yield Check(
            "sip_call_id",
            sql.SQL(
                """
                old.id IS NOT NULL AND (
                    {} <> {} OR old.origin <> r.origin OR old.destination <> r.destination
                    OR old.usage_group <> r.usage_group
                )
                """
            ).format(day, _day_of(of_row("start_time"))),
            sentence(
                "This replaces the call of {} from {} to {} ({}), which has the same ID. If it is another call, it "
                "needs another ID.",
                day,
                *(sql.Identifier("old", name) for name in ("origin", "destination", "usage_group")),
            ),
        )

    def file_notices(self, batch: Batch) -> Sequence[Expression]:
        return days_without_data(batch, Days("calls", _day_of(of_row("start_time")), Call, "started_at"))

    def derived(self, batch: Batch) -> tuple[list[Assignment], Expression]:
        columns = rating_columns(of_row("start_time"), of_row("end_time"))
        assignments = [Assignment(name, value, is_update=True, is_compared=False) for name, value in columns.items()]
        return assignments, rate_joins(sql.SQL("r"), of_row("start_time"))


def _day_of(instant: Expression) -> Expression:
    return sql.SQL("({} AT TIME ZONE 'UTC')::date").format(instant)
