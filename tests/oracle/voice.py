"""Calls: rated after each upload, and their lines in a report."""

from datetime import date
from fractions import Fraction

from tests.oracle.concurrency import Scope
from tests.oracle.rating import Rating, Version, duration_in_seconds, rate_call
from tests.oracle.records import Key, Records, Subscription
from tests.oracle.values import day_of, show_fixed, show_instant, show_short, show_text


class Calls:
    """All calls, and the ratings of those that are rated; a rated call keeps its rating until it changes itself."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.ratings: dict[Key, Rating] = {}

    def notice_upload(self, kind: str, changed: set[Key]) -> None:
        """Rate what can be rated now, after an upload that changed rows."""
        if kind == "calls":
            for key in changed:
                self.ratings.pop(key, None)
        if kind in {"calls", "rates", "subscriptions"}:
            self._rate_unrated_calls()

    def _contract(self, account: str, day: date) -> Subscription | None:
        for subscription in self.records.subscriptions():
            if subscription.account == account and subscription.in_force_on(day):
                return subscription
        return None

    def _version(self, account: str, day: date) -> Version | None:
        """Return the version in force on a day, of the sheet of the subscription in force on that day."""
        contract = self._contract(account, day)
        if contract is None or not contract.sheet:
            return None
        return next((version for version in self.records.versions(contract.sheet) if version.in_force_on(day)), None)

    def _rate_unrated_calls(self) -> None:
        for key in self.records.rows["calls"]:
            rating = None if key in self.ratings else self._rating(key)
            if rating is not None:
                self.ratings[key] = rating

    def _rating(self, key: Key) -> Rating | None:
        call = self.records.call(key)
        day = day_of(call.started_at)
        contract, version = self._contract(call.account, day), self._version(call.account, day)
        if contract is None or version is None:
            return None
        return rate_call(
            version,
            key=(call.usage_group, call.call_type, call.direction),
            seconds=duration_in_seconds(call.started_at, call.ended_at),
            percent=contract.percent,
        )

    def lines(self, scope: Scope) -> list[list[str]]:
        """Yield the cells of every call that started in the range, in order."""
        rows = []
        for key in self.records.rows["calls"]:
            call = self.records.call(key)
            if call.account == scope.subscription.account and scope.covers(call.started_at):
                rows.append((call.started_at, call.sip_call_id, self._call_cells(key)))
        return [cells for _, _, cells in sorted(rows)]

    def _call_cells(self, key: Key) -> list[str]:
        call = self.records.call(key)
        version = self._version(call.account, day_of(call.started_at))
        display = call.usage_group if version is None else version.displays.get(call.usage_group, call.usage_group)
        texts = [call.sip_call_id, call.origin, call.destination, call.usage_group, display, call.call_type]
        return [
            *(show_text(text) for text in [*texts, call.direction]),
            show_instant(call.started_at),
            show_instant(call.ended_at),
            str(duration_in_seconds(call.started_at, call.ended_at)),
            *_rating_cells(self.ratings.get(key)),
        ]


def _rating_cells(rating: Rating | None) -> list[str]:
    if rating is None:
        return [""] * 6
    return [
        str(rating.adjusted_seconds),
        show_short(Fraction(rating.adjusted_seconds, 60), 4),
        show_short(rating.rate, 6),
        show_fixed(rating.cost, 4),
        show_text(rating.currency),
        show_text(rating.sheet),
    ]
