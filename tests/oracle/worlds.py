"""Random worlds: small sets of upload files, as awkward as valid files can be, and questions about them."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from hypothesis import strategies as st

from tests.oracle.cycles import ONE_DAY, cycles
from tests.oracle.records import File, Row
from tests.oracle.world_files import draw_files, draw_text
from tests.oracle.world_values import (
    CALL_LENGTHS,
    CALL_TYPES,
    CHARGES,
    DEVICES,
    DIRECTIONS,
    DISCOUNTS,
    EMAILS,
    FIRST_DAYS,
    PHONES,
    QUANTITIES,
    RATES,
    RESOURCES,
    SESSION_IDS,
    SESSION_LENGTHS,
    SHEET_WITHOUT_VERSIONS,
    SHEETS,
    SIP_CALL_IDS,
    TERMS,
    TEXTS,
    UNKNOWN_GROUP,
    USAGE_GROUPS,
    draw_case,
    draw_cells,
    draw_day,
    draw_instant,
    draw_length,
    draw_order,
    draw_some,
    is_one_in,
)

LONGEST_WINDOW = 70


@dataclass(frozen=True)
class Question:
    """A report's range, two inclusive days, for a subscription, and the day on which it is ordered."""

    subscription: str
    date_from: date
    date_through: date
    today: date


@dataclass(frozen=True)
class World:
    """Upload files in a valid order, the same files in another that must give the same reports, and questions.

    In one of the two orders all calls come before the rates, or before the subscriptions, that cover them.
    """

    files: list[File]
    reordered: list[File]
    questions: list[Question]


@dataclass(frozen=True)
class Route:
    """The fields that select a rate."""

    usage_group: str
    call_type: str
    direction: str


def worlds() -> st.SearchStrategy[World]:
    """Worlds of one or two accounts over at most about seventy days.

    Hypothesis draws a seed and a size, and shrinks the size; everything else follows from the seed, which gives worlds
    that differ more from one another, and sooner, than a thousand small draws for each of them.
    """
    return st.builds(make_world, seed=st.integers(0, 2**64 - 1), size=st.integers(1, 3))


def make_world(*, seed: int, size: int) -> World:
    """Return the world of a seed; `size`, 1 to 3, limits the numbers of sessions, calls and quantities."""
    rng = Random(seed)
    accounts = rng.choice([["ACME"], ["ACME", "globex"]])
    first_day = rng.choice(FIRST_DAYS)
    subscriptions = [row for account in accounts for row in _subscriptions(rng, account, first_day)]
    days = draw_some(rng, _days_of_interest(subscriptions), at_least=2, at_most=6)
    routes = list(dict.fromkeys(_route(rng) for _ in range(rng.randint(1, 3))))
    rates = {sheet: _versions(rng, sheet, days, routes) for sheet in SHEETS}
    entities = {account: _entities(rng, account) for account in accounts}
    sessions = [row for account in accounts for row in _sessions(rng, account, entities[account], days, size)]
    calls = [row for account in accounts for row in _calls(rng, account, days, routes, size)]
    rates_files, in_one_file = _rates_files(rng, rates)
    basics = [
        *draw_files(rng, "accounts", [{"code": code, "name": rng.choice(TEXTS)} for code in accounts]),
        *draw_files(rng, "charges", [{"name": name, "basis": basis} for name, basis in CHARGES]),
        *draw_files(rng, "resources", [{"name": name, "unit": unit} for name, unit in RESOURCES]),
        *(file for kind in ("users", "devices") for file in _entity_files(rng, kind, entities)),
        *_session_files(rng, sessions),
        *draw_files(rng, "resource_usage", _resource_usage(rng, accounts, days, size)),
    ]
    contracts = draw_files(rng, "subscriptions", subscriptions)
    call_files = draw_files(rng, "calls", calls)
    orders = [
        [*basics, *contracts, *rates_files, *call_files],
        [*basics, *rates_files, *call_files, *contracts],
    ]
    if in_one_file:
        orders.append([*basics, *contracts, *call_files, *rates_files])
        orders.append([*basics, *call_files, *rates_files, *contracts])
    files, reordered = draw_order(rng, orders)[:2]
    return World(files=files, reordered=reordered, questions=_questions(rng, subscriptions, days))


# Contracts


def _subscriptions(rng: Random, account: str, first_day: date) -> list[Row]:
    """Return one to three subscriptions, one after the other; only the last may be open-ended."""
    activation = first_day + timedelta(days=rng.choice([0, 0, 0, 1, 9]))
    end_of_world = first_day + timedelta(days=LONGEST_WINDOW)
    rows: list[Row] = []
    number_of_rows = rng.choice([1, 1, 1, 2, 3])
    while len(rows) < number_of_rows and activation < end_of_world - timedelta(days=3):
        ended_on = activation + timedelta(days=rng.choice([1, 12, 31, 45, 68]))
        is_open = len(rows) == number_of_rows - 1 and is_one_in(rng, 2)
        rows.append(_subscription(rng, account, len(rows) + 1, activation, None if is_open else ended_on))
        activation = ended_on + timedelta(days=rng.choice([1, 1, 5]))
    return rows


def _subscription(rng: Random, account: str, index: int, activation: date, ended_on: date | None) -> Row:
    standard, other = SHEETS.items()
    sheet, currency = rng.choice([*[standard] * 4, other, other, SHEET_WITHOUT_VERSIONS, ("", "USD")])
    return {
        "number": f"{account}-{index}",
        "account": account,
        "activation_date": activation.isoformat(),
        "currency": currency,
        "cycle_policy": rng.choice(["", "through_anniversary", "before_anniversary"]),
        "ended_on": ended_on.isoformat() if ended_on else "",
        "rate_sheet": sheet,
        "telco_commit_percent": rng.choice(DISCOUNTS),
    }


def _end_of_window(row: Row) -> date:
    if row["ended_on"]:
        return date.fromisoformat(row["ended_on"])
    return date.fromisoformat(row["activation_date"]) + timedelta(days=LONGEST_WINDOW)


def _cycle_edges(row: Row) -> list[date]:
    """Yield the first and last days of a subscription's cycles inside its window."""
    end = _end_of_window(row)
    edges: list[date] = []
    policy = row["cycle_policy"] or "through_anniversary"
    for first, last in cycles(date.fromisoformat(row["activation_date"]), policy):
        if first > end:
            return edges
        edges += [first, min(last, end)]
    raise AssertionError("cycles never end")


def _days_of_interest(subscriptions: list[Row]) -> list[date]:
    """Return the edges of all cycles and windows, the days beside them, and days within."""
    edges = {edge for row in subscriptions for edge in _cycle_edges(row)}
    return sorted({edge + timedelta(days=shift) for edge in edges for shift in (-1, 0, 1, 10)})


# Rates


def _route(rng: Random) -> Route:
    return Route(rng.choice(USAGE_GROUPS)[0], rng.choice(CALL_TYPES), rng.choice(DIRECTIONS))


def _versions(rng: Random, sheet: str, days: list[date], routes: list[Route]) -> list[list[Row]]:
    """Return the rows of each version of a sheet, oldest first, some followed by a gap."""
    starts = set(draw_some(rng, days, at_least=0, at_most=2))
    if not starts or not is_one_in(rng, 5):
        starts |= {min(days) - timedelta(days=20)}
    versions = []
    for start in sorted(starts):
        through = ""
        if is_one_in(rng, 4):
            last = min((other for other in starts if other > start), default=start + timedelta(days=40)) - ONE_DAY
            through = draw_day(rng, start, last).isoformat()
        versions.append(_version(rng, sheet, start, through, routes))
    return versions


def _version(rng: Random, sheet: str, start: date, through: str, routes: list[Route]) -> list[Row]:
    increment, minimum = rng.choice(TERMS)
    renamed = " (new)" if is_one_in(rng, 4) else ""
    displays = {group: display + renamed for group, display in USAGE_GROUPS}
    known = [route for route in routes if not is_one_in(rng, 5)] or routes[:1]
    return [
        {
            "rate_sheet": sheet,
            "currency": SHEETS[sheet],
            "effective_from": start.isoformat(),
            "usage_group": route.usage_group,
            "usage_group_display": displays[route.usage_group],
            "call_type": route.call_type,
            "direction": route.direction,
            "rate_per_minute": rng.choice(RATES),
            "effective_through": through,
            "increment_seconds": increment,
            "minimum_seconds": minimum,
        }
        for route in known
    ]


def _rates_files(rng: Random, rates: dict[str, list[list[Row]]]) -> tuple[list[File], bool]:
    """All rates in one file, or a file for each version in the order of their days; and whether it is one file.

    A later file's version ends the open one before it, and rated calls keep their rates: such files come before calls.
    """
    versions = [version for of_sheet in rates.values() for version in of_sheet]
    if is_one_in(rng, 2):
        rows = draw_order(rng, [row for version in versions for row in version])
        return [("rates", None, draw_text(rng, "rates", rows))], True
    by_day = sorted(versions, key=lambda version: version[0]["effective_from"])
    return [("rates", None, draw_text(rng, "rates", version)) for version in by_day], False


# Sessions


def _entities(rng: Random, account: str) -> dict[str, list[str]]:
    users = draw_some(rng, EMAILS, at_least=1, at_most=5)
    devices = draw_some(rng, DEVICES, at_least=0, at_most=2)
    return {"users": users, "devices": devices}


def _entity_files(rng: Random, kind: str, entities: dict[str, dict[str, list[str]]]) -> list[File]:
    rows: list[Row] = []
    for account, of_account in entities.items():
        for identifier in of_account[kind]:
            row = {"account": account, "name": rng.choice(["", *TEXTS])}
            if kind == "users":
                row |= {"email": draw_case(rng, identifier), "division": rng.choice(["", *TEXTS])}
            else:
                row |= {"device_id": identifier}
            rows.append(row)
    return draw_files(rng, kind, rows)


def _sessions(rng: Random, account: str, entities: dict[str, list[str]], days: list[date], size: int) -> list[Row]:
    """Return sessions, many of which overlap, touch or start together."""
    charges = [name for name, _ in draw_some(rng, CHARGES, at_least=1, at_most=2)]
    moments: list[int] = []
    rows: list[Row] = []
    number_of_rows = 0 if is_one_in(rng, 12) else rng.randint(3 * size, 5 * size)
    for session_id in SESSION_IDS[:number_of_rows]:
        is_touching = bool(moments) and is_one_in(rng, 2)
        started_at = rng.choice(moments) if is_touching else draw_instant(rng, days)
        later = [moment for moment in moments if moment >= started_at]
        is_tie = bool(later) and is_one_in(rng, 4)
        ended_at = rng.choice(later) if is_tie else started_at + draw_length(rng, SESSION_LENGTHS)
        moments += [started_at, ended_at]
        start, end = draw_cells(rng, started_at, ended_at)
        rows.append(
            {
                "account": account,
                "session_id": session_id,
                "entity": _entity_cell(rng, entities),
                "charge": rng.choice([charges[0], *charges]),
                "started_at": start,
                "ended_at": "" if is_one_in(rng, 6) else end,
                "billable": rng.choice(["", "", "true", "1", "yes", "false", "0", "no"]),
            }
        )
    return rows


def _entity_cell(rng: Random, entities: dict[str, list[str]]) -> str:
    """Return an entity as people type it, or as it appears in a report from which it was copied."""
    regular = entities["users"][0]
    identifier = regular if is_one_in(rng, 2) else rng.choice([*entities["users"], *entities["devices"]])
    if identifier in entities["users"]:
        identifier = draw_case(rng, identifier)
    if identifier[0] in "=-" and is_one_in(rng, 2):
        return "'" + identifier
    return identifier


def _session_files(rng: Random, sessions: list[Row]) -> list[File]:
    """Return the sessions; now and then some are first uploaded while they are still open."""
    files = draw_files(rng, "sessions", sessions)
    if sessions and is_one_in(rng, 4):
        still_open = [row | {"ended_at": ""} for row in sessions[:3]]
        return [*draw_files(rng, "sessions", still_open), *files]
    return files


# Resource usage


def _resource_usage(rng: Random, accounts: list[str], days: list[date], size: int) -> list[Row]:
    keys = [(account, day, name) for account in accounts for day in days for name, _ in RESOURCES]
    return [
        {
            "account": account,
            "date": day.isoformat(),
            "resource": name,
            "quantity": rng.choice(QUANTITIES),
        }
        for account, day, name in draw_some(rng, keys, at_least=0, at_most=5 * size)
    ]


def _calls(rng: Random, account: str, days: list[date], routes: list[Route], size: int) -> list[Row]:
    """Return calls on routes that mostly have a rate; several may start at the same instant."""
    starts: list[int] = []
    rows: list[Row] = []
    for sip_call_id in draw_some(rng, SIP_CALL_IDS, at_least=2 * size - 2, at_most=4 * size):
        is_beside = bool(starts) and is_one_in(rng, 3)
        started_at = rng.choice(starts) if is_beside else draw_instant(rng, days)
        started_at += rng.choice([0, 0, 1, 400]) if is_beside else 0
        starts.append(started_at)
        start, end = draw_cells(rng, started_at, started_at + draw_length(rng, CALL_LENGTHS))
        route = _route(rng) if is_one_in(rng, 6) else rng.choice(routes)
        rows.append(
            {
                "account": account,
                "sip_call_id": sip_call_id,
                "origin": rng.choice(PHONES),
                "destination": rng.choice([*PHONES, *TEXTS]),
                "usage_group": UNKNOWN_GROUP if is_one_in(rng, 8) else route.usage_group,
                "call_type": route.call_type,
                "direction": route.direction,
                "start_time": start,
                "end_time": end,
            }
        )
    return rows


# Questions


def _questions(rng: Random, subscriptions: list[Row], days: list[date]) -> list[Question]:
    """Return for each subscription a part of its window, often one that cuts a cycle or a session, and all of it."""
    questions = []
    for row in subscriptions:
        activation, end = date.fromisoformat(row["activation_date"]), _end_of_window(row)
        today = rng.choice([end + ONE_DAY, draw_day(rng, activation + ONE_DAY, end + timedelta(days=10))])
        last = min(today - ONE_DAY, end)
        edges = [edge for edge in _cycle_edges(row) if edge <= last]
        busy = [day for day in days if activation <= day <= last] or [last]
        choices = [rng.choice(edges), rng.choice(busy), draw_day(rng, activation, last)]
        first, second = sorted([rng.choice(choices), rng.choice(choices)])
        if is_one_in(rng, 2):
            second = last
        questions.append(Question(row["number"], first, second, today))
        questions.append(Question(row["number"], activation, last, today))
    return questions
