"""The five reports and the billed numbers, worked out the slow and obvious way.

Nothing of the project is imported here, there is no SQL and no sweep: for every elementary interval between
boundary instants each user is checked for being logged in.
"""

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction

from tests.oracle.concurrency import Scope, by_user, concurrency_levels, time_logged_in
from tests.oracle.cycles import cycle_on
from tests.oracle.records import File, Records, Session
from tests.oracle.values import (
    HOUR,
    MINUTE,
    csv_line,
    day_of,
    midnight,
    show_duration,
    show_fixed,
    show_instant,
    show_quantity,
    show_text,
)
from tests.oracle.voice import Calls

HEADERS = {
    "billable-usage": ["Charge Name", "Entity", "Timestamp"],
    "concurrent-usage": ["Date", "Peak Concurrent Users", "Minutes at Peak"],
    "resource-usage": ["Date", "Resource", "Quantity", "Unit"],
    "voice-usage": [
        "SIP Call Id",
        "Origin",
        "Destination",
        "Usage Group",
        "Usage Group Display",
        "Call Type",
        "Direction",
        "Start time",
        "End Time",
        "Duration (Seconds)",
        "Adjusted Duration (seconds)",
        "Adjusted Duration (minutes)",
        "Usage Rate Per Minute",
        "Total cost",
        "Currency",
        "Rate Sheet",
    ],
    "user-hours": ["User", "Date", "Duration"],
}
SLUGS = tuple(HEADERS)


class Oracle:
    """Reads uploaded files, and answers with the bytes of reports.

    `files` are `(kind, account code or None, CSV text)` in the order of their upload.
    """

    def __init__(self, files: Iterable[File]) -> None:
        self.records = Records()
        self.calls = Calls(self.records)
        for kind, account, text in files:
            changed = self.records.upload(kind, account, text)
            self.calls.notice_upload(kind, changed)

    def report(self, slug: str, *, subscription: str, date_from: date, date_through: date, today: date) -> bytes:
        """Return the CSV file of a report. Raises ValueError for a range outside the subscription's window."""
        scope = self._scope(subscription, date_from, date_through, today)
        rows_of: dict[str, Callable[[Scope], list[list[str]]]] = {
            "billable-usage": self._billable_usage,
            "concurrent-usage": self._concurrent_usage,
            "resource-usage": self._resource_usage,
            "voice-usage": self.calls.lines,
            "user-hours": self._user_hours,
        }
        return "".join(csv_line(row) for row in [HEADERS[slug], *rows_of[slug](scope)]).encode()

    def billable_peak(self, *, subscription: str, day: date, today: date) -> int:
        """Return the most users of concurrent charges at once for 30 minutes in total, in the cycle of a day."""
        scope = self._cycle_so_far(subscription, day, today)
        concurrent = {row["name"] for row in self.records.table("charges") if row["basis"] == "concurrent"}
        sessions = [session for session in self._user_sessions(scope) if session.charge in concurrent]
        found = concurrency_levels(scope, sessions)
        enough = [
            level for level, _ in found if sum(length for other, length in found if other >= level) >= 30 * MINUTE
        ]
        return max(enough, default=0)

    def billed_hours(self, *, subscription: str, day: date, today: date) -> dict[str, int]:
        """Return whole hours by hourly charge in the cycle of a day, for the charges under which users spent time."""
        scope = self._cycle_so_far(subscription, day, today)
        hours = {}
        for charge in [row["name"] for row in self.records.table("charges") if row["basis"] == "hourly"]:
            sessions = [s for s in self._user_sessions(scope) if s.charge == charge and s.billable]
            total = sum(level * length for level, length in concurrency_levels(scope, sessions))
            if total:
                hours[charge] = -(-total // HOUR)
        return hours

    def _scope(self, number: str, date_from: date, date_through: date, today: date) -> Scope:
        subscription = next(s for s in self.records.subscriptions() if s.number == number)
        if not subscription.activation <= date_from <= date_through <= subscription.last_available_day(today):
            raise ValueError(f"{date_from} through {date_through} is outside the available window of {number}")
        return Scope(subscription, date_from, date_through, today)

    def _cycle_so_far(self, number: str, day: date, today: date) -> Scope:
        subscription = next(s for s in self.records.subscriptions() if s.number == number)
        first_day, last_day = cycle_on(subscription.activation, subscription.policy, day)
        last_day = min(last_day, subscription.last_available_day(today))
        return self._scope(number, first_day, last_day, today)

    # Logins

    def _billable_usage(self, scope: Scope) -> list[list[str]]:
        subscription = scope.subscription
        window_end = scope.end_of_data
        logins: dict[tuple[str, str, date], list[int]] = {}
        for session in self.records.sessions(subscription.account):
            if session.billable and midnight(subscription.activation) <= session.started_at < window_end:
                cycle, _ = cycle_on(subscription.activation, subscription.policy, day_of(session.started_at))
                logins.setdefault((session.charge, session.entity, cycle), []).append(session.started_at)
        found = [
            (charge, entity, min(instants))
            for (charge, entity, _), instants in logins.items()
            if any(scope.covers(instant) for instant in instants)
        ]
        return [[show_text(charge), show_text(entity), show_instant(first)] for charge, entity, first in sorted(found)]

    # Concurrency

    def _user_sessions(self, scope: Scope) -> list[Session]:
        return [session for session in self.records.sessions(scope.subscription.account) if session.is_user]

    def _concurrent_usage(self, scope: Scope) -> list[list[str]]:
        sessions = self._user_sessions(scope)
        rows = []
        for day in scope.days():
            found = concurrency_levels(scope.on(day), sessions)
            peak = max(level for level, _ in found)
            at_peak = sum(length for level, length in found if level == peak) if peak else 0
            rows.append([day.isoformat(), str(peak), show_fixed(Fraction(at_peak, MINUTE), 2)])
        return rows

    def _user_hours(self, scope: Scope) -> list[list[str]]:
        rows = []
        for user, sessions in sorted(by_user(self._user_sessions(scope)).items()):
            for day in scope.days():
                total = time_logged_in(scope.on(day), sessions)
                if total:
                    rows.append([show_text(user), day.isoformat(), show_duration(total)])
        return rows

    # Resources

    def _resource_usage(self, scope: Scope) -> list[list[str]]:
        days = {day.isoformat() for day in scope.days()}
        found = sorted(
            (row["date"], row["resource"], row["quantity"])
            for row in self.records.table("resource_usage")
            if row["account"] == scope.subscription.account and row["date"] in days
        )
        units = {row["name"]: row["unit"] for row in self.records.table("resources")}
        return [
            [day, show_text(resource), show_quantity(quantity), show_text(units[resource])]
            for day, resource, quantity in found
        ]
