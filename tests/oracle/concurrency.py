"""Logged-in users: each is checked for every elementary interval between boundary instants."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from tests.oracle.cycles import ONE_DAY
from tests.oracle.records import Session, Subscription
from tests.oracle.values import DAY, day_of, midnight


@dataclass(frozen=True, slots=True)
class Scope:
    """One question: a subscription, two inclusive days, and the day of the order."""

    subscription: Subscription
    date_from: date
    date_through: date
    today: date

    @property
    def start(self) -> int:
        return midnight(self.date_from)

    @property
    def end(self) -> int:
        return midnight(self.date_through + ONE_DAY)

    @property
    def end_of_data(self) -> int:
        """Return where open sessions end: the end of the last available day."""
        return midnight(self.subscription.last_available_day(self.today) + ONE_DAY)

    def on(self, day: date) -> "Scope":
        """Return the same question for a single day."""
        return Scope(self.subscription, day, day, self.today)

    def days(self) -> list[date]:
        return [day_of(instant) for instant in range(self.start, self.end, DAY)]

    def covers(self, instant: int) -> bool:
        return self.start <= instant < self.end


def end_of(session: Session, scope: Scope) -> int:
    """Return the end of a session; an open one ends with the data."""
    return scope.end_of_data if session.ended_at is None else session.ended_at


def elementary_intervals(scope: Scope, sessions: list[Session]) -> list[tuple[int, int]]:
    """Yield the intervals of the range between neighbouring starts, ends and midnights."""
    instants = {midnight(day) for day in scope.days()} | {scope.end}
    for session in sessions:
        instants |= {session.started_at, end_of(session, scope)}
    return list(pairwise(sorted(instant for instant in instants if scope.start <= instant <= scope.end)))


def is_logged_in(sessions: list[Session], instant: int, scope: Scope) -> bool:
    """Return whether any of one user's sessions was running at an instant."""
    return any(session.started_at <= instant < end_of(session, scope) for session in sessions)


def by_user(sessions: list[Session]) -> dict[str, list[Session]]:
    """Return the sessions of each user."""
    found: dict[str, list[Session]] = {}
    for session in sessions:
        found.setdefault(session.entity, []).append(session)
    return found


def concurrency_levels(scope: Scope, sessions: list[Session]) -> list[tuple[int, int]]:
    """Return for each elementary interval how many users are logged in, and its length in milliseconds."""
    users = by_user(sessions)
    return [
        (sum(is_logged_in(own, start, scope) for own in users.values()), end - start)
        for start, end in elementary_intervals(scope, sessions)
    ]


def time_logged_in(scope: Scope, sessions: list[Session]) -> int:
    """Return how many milliseconds one user was logged in."""
    intervals = elementary_intervals(scope, sessions)
    return sum(end - start for start, end in intervals if is_logged_in(sessions, start, scope))
