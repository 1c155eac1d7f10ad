"""The contents of uploaded files: rows stored by their natural keys, read back as records."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.oracle.cycles import ONE_DAY
from tests.oracle.rating import Version
from tests.oracle.values import TRUTHS, read_decimal, read_instant, read_text

# (kind, account code of the whole file or None, text of the CSV file)
File = tuple[str, str | None, str]
Row = dict[str, str]
Key = tuple[str, ...]

NATURAL_KEYS: dict[str, Key] = {
    "accounts": ("code",),
    "charges": ("name",),
    "subscriptions": ("number",),
    "users": ("account", "email"),
    "devices": ("account", "device_id"),
    "sessions": ("account", "session_id"),
    "resources": ("name",),
    "resource_usage": ("account", "date", "resource"),
    "rates": ("rate_sheet", "effective_from", "usage_group", "call_type", "direction"),
    "calls": ("account", "sip_call_id"),
}
PER_ACCOUNT = ("users", "devices", "sessions", "resource_usage", "calls")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A contract; `ended_on` None: still running; `sheet` empty: none."""

    number: str
    account: str
    activation: date
    ended_on: date | None
    policy: str
    sheet: str
    percent: Fraction

    def in_force_on(self, day: date) -> bool:
        return self.activation <= day and (self.ended_on is None or day <= self.ended_on)

    def last_available_day(self, today: date) -> date:
        """Return yesterday, or the day it ended if that is earlier."""
        yesterday = today - ONE_DAY
        return yesterday if self.ended_on is None else min(yesterday, self.ended_on)


@dataclass(frozen=True, slots=True)
class Session:
    """A login of a user or device; `ended_at` None: still logged in."""

    account: str
    entity: str
    is_user: bool
    charge: str
    started_at: int
    ended_at: int | None
    billable: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the provider recorded it."""

    account: str
    sip_call_id: str
    origin: str
    destination: str
    usage_group: str
    call_type: str
    direction: str
    started_at: int
    ended_at: int


class Records:
    """All rows so far, by kind and natural key; a later row of the same key overwrites the cells it has."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Row]] = {kind: {} for kind in NATURAL_KEYS}

    def upload(self, kind: str, account: str | None, text: str) -> set[Key]:
        """Store a file, and return the keys of the rows that are new or changed."""
        changed = set()
        for cells in csv.DictReader(io.StringIO(text, newline=""), strict=True):
            row = {column: read_text(cell) for column, cell in cells.items()}
            if account is not None and row.setdefault("account", account) != account:
                raise ValueError(f"a row of {row['account']} in a file of {account}")
            if kind == "users":
                row["email"] = row["email"].lower()
            key = tuple(row[column] for column in NATURAL_KEYS[kind])
            before = self.rows[kind].get(key, {})
            self.rows[kind][key] = before | row
            if self.rows[kind][key] != before:
                changed.add(key)
        return changed

    def table(self, kind: str) -> Iterable[Row]:
        return self.rows[kind].values()

    def subscriptions(self) -> list[Subscription]:
        return [
            Subscription(
                number=row["number"],
                account=row["account"],
                activation=date.fromisoformat(row["activation_date"]),
                ended_on=date.fromisoformat(row["ended_on"]) if row.get("ended_on") else None,
                policy=row.get("cycle_policy") or "through_anniversary",
                sheet=row.get("rate_sheet", ""),
                percent=read_decimal(row.get("telco_commit_percent") or "0"),
            )
            for row in self.table("subscriptions")
        ]

    def sessions(self, account: str) -> list[Session]:
        return [self._session(row) for row in self.table("sessions") if row["account"] == account]

    def _session(self, row: Row) -> Session:
        account = row["account"]
        is_user = (account, row["entity"]) not in self.rows["devices"]
        entity = row["entity"].lower() if is_user else row["entity"]
        if is_user and (account, entity) not in self.rows["users"]:
            raise ValueError(f"{account} has no entity {row['entity']!r}")
        return Session(
            account=account,
            entity=entity,
            is_user=is_user,
            charge=self.rows["charges"][(row["charge"],)]["name"],
            started_at=read_instant(row["started_at"]),
            ended_at=read_instant(row["ended_at"]) if row["ended_at"] else None,
            billable=TRUTHS[row.get("billable") or "true"],
        )

    def users(self, account: str) -> list[str]:
        return [row["email"] for row in self.table("users") if row["account"] == account]

    def call(self, key: Key) -> Call:
        row = self.rows["calls"][key]
        return Call(
            account=row["account"],
            sip_call_id=row["sip_call_id"],
            origin=row["origin"],
            destination=row["destination"],
            usage_group=row["usage_group"],
            call_type=row["call_type"],
            direction=row["direction"],
            started_at=read_instant(row["start_time"]),
            ended_at=read_instant(row["end_time"]),
        )

    def versions(self, sheet: str) -> list[Version]:
        """Return the versions of a sheet, earliest first; each open one ends before its successor."""
        rows = [row for row in self.table("rates") if row["rate_sheet"] == sheet]
        starts = sorted({row["effective_from"] for row in rows})
        versions = []
        for start in starts:
            of_version = [row for row in rows if row["effective_from"] == start]
            successor = min((other for other in starts if other > start), default=None)
            versions.append(self._version(of_version, successor))
        return versions

    @staticmethod
    def _version(rows: list[Row], successor: str | None) -> Version:
        terms = rows[0]
        through: date | None = None
        if terms.get("effective_through"):
            through = date.fromisoformat(terms["effective_through"])
        elif successor is not None:
            through = date.fromisoformat(successor) - ONE_DAY
        return Version(
            sheet=terms["rate_sheet"],
            effective_from=date.fromisoformat(terms["effective_from"]),
            effective_through=through,
            currency=terms["currency"],
            increment=int(terms.get("increment_seconds") or 6),
            minimum=int(terms.get("minimum_seconds") or 0),
            rates={
                (row["usage_group"], row["call_type"], row["direction"]): read_decimal(row["rate_per_minute"])
                for row in rows
            },
            displays={row["usage_group"]: row["usage_group_display"] for row in rows},
        )
