"""Random worlds: small sets of upload files, as nasty as valid files can be, and questions to ask about them."""

from dataclasses import dataclass
from datetime import date, timedelta

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
    draw_instant,
    draw_length,
    is_one_in,
)

LONGEST_WINDOW = 70


@dataclass(frozen=True)
class Question:
    """A report's range, two inclusive days, for a subscription, and the day on which it is asked for."""

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
    """What selects a rate."""

    usage_group: str
    call_type: str
    direction: str


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Worlds of one or two accounts over at most about seventy days."""
    accounts = draw(st.sampled_from([["ACME"], ["ACME", "globex"]]))
    first_day = draw(st.sampled_from(FIRST_DAYS))
    subscriptions = [row for account in accounts for row in _subscriptions(draw, account, first_day)]
    days = draw(st.lists(st.sampled_from(_days_of_interest(subscriptions)), min_size=2, max_size=6, unique=True))
    routes = draw(st.lists(_routes(), min_size=1, max_size=3, unique=True))
    rates = {sheet: _versions(draw, sheet, days, routes) for sheet in SHEETS}
    entities = {account: _entities(draw, account) for account in accounts}
    sessions = [row for account in accounts for row in _sessions(draw, account, entities[account], days)]
    calls = [row for account in accounts for row in _calls(draw, account, days, routes)]
    rates_files, in_one_file = _rates_files(draw, rates)
    basics = [
        *draw_files(draw, "accounts", [{"code": code, "name": draw(st.sampled_from(TEXTS))} for code in accounts]),
        *draw_files(draw, "charges", [{"name": name, "basis": basis} for name, basis in CHARGES]),
        *draw_files(draw, "resources", [{"name": name, "unit": unit} for name, unit in RESOURCES]),
        *(file for kind in ("users", "devices") for file in _entity_files(draw, kind, entities)),
        *_session_files(draw, sessions),
        *draw_files(draw, "resource_usage", _resource_usage(draw, accounts, days)),
    ]
    contracts = draw_files(draw, "subscriptions", subscriptions)
    call_files = draw_files(draw, "calls", calls)
    orders = [
        [*basics, *contracts, *rates_files, *call_files],
        [*basics, *rates_files, *call_files, *contracts],
    ]
    if in_one_file:
        orders.append([*basics, *contracts, *call_files, *rates_files])
        orders.append([*basics, *call_files, *rates_files, *contracts])
    files, reordered = draw(st.permutations(orders))[:2]
    return World(files=files, reordered=reordered, questions=_questions(draw, subscriptions, days))


# Contracts


def _subscriptions(draw: st.DrawFn, account: str, first_day: date) -> list[Row]:
    """One to three subscriptions, one after the other; only the last may still run."""
    activation = first_day + timedelta(days=draw(st.sampled_from([0, 0, 0, 1, 9])))
    end_of_world = first_day + timedelta(days=LONGEST_WINDOW)
    rows: list[Row] = []
    number_of_rows = draw(st.sampled_from([1, 1, 2, 3]))
    while len(rows) < number_of_rows and activation < end_of_world - timedelta(days=3):
        ended_on = activation + timedelta(days=draw(st.sampled_from([1, 12, 31, 45, 68])))
        is_open = len(rows) == number_of_rows - 1 and draw(st.booleans())
        rows.append(_subscription(draw, account, len(rows) + 1, activation, None if is_open else ended_on))
        activation = ended_on + timedelta(days=draw(st.sampled_from([1, 1, 5])))
    return rows


def _subscription(draw: st.DrawFn, account: str, index: int, activation: date, ended_on: date | None) -> Row:
    standard, other = SHEETS.items()
    sheet, currency = draw(st.sampled_from([*[standard] * 4, other, other, SHEET_WITHOUT_VERSIONS, ("", "USD")]))
    return {
        "number": f"{account}-{index}",
        "account": account,
        "activation_date": activation.isoformat(),
        "currency": currency,
        "cycle_policy": draw(st.sampled_from(["", "through_anniversary", "before_anniversary"])),
        "ended_on": ended_on.isoformat() if ended_on else "",
        "rate_sheet": sheet,
        "telco_commit_percent": draw(st.sampled_from(DISCOUNTS)),
    }


def _end_of_window(row: Row) -> date:
    if row["ended_on"]:
        return date.fromisoformat(row["ended_on"])
    return date.fromisoformat(row["activation_date"]) + timedelta(days=LONGEST_WINDOW)


def _cycle_edges(row: Row) -> list[date]:
    """The first and last days of a subscription's cycles inside its window."""
    end = _end_of_window(row)
    edges: list[date] = []
    policy = row["cycle_policy"] or "through_anniversary"
    for first, last in cycles(date.fromisoformat(row["activation_date"]), policy):
        if first > end:
            return edges
        edges += [first, min(last, end)]
    raise AssertionError("cycles never end")


def _days_of_interest(subscriptions: list[Row]) -> list[date]:
    """The edges of all cycles and windows, the days beside them, and days within."""
    edges = {edge for row in subscriptions for edge in _cycle_edges(row)}
    return sorted(edge + timedelta(days=shift) for edge in edges for shift in (-1, 0, 1, 10))


# Rates


def _routes() -> st.SearchStrategy[Route]:
    groups = st.sampled_from([group for group, _ in USAGE_GROUPS])
    return st.builds(Route, groups, st.sampled_from(CALL_TYPES), st.sampled_from(DIRECTIONS))


def _versions(draw: st.DrawFn, sheet: str, days: list[date], routes: list[Route]) -> list[list[Row]]:
    """The rows of each version of a sheet, oldest first, some with a gap behind them."""
    starts = draw(st.sets(st.sampled_from(days), max_size=2))
    if not starts or not is_one_in(draw, 5):
        starts |= {min(days) - timedelta(days=20)}
    versions = []
    for start in sorted(starts):
        through = ""
        if is_one_in(draw, 4):
            last = min((other for other in starts if other > start), default=start + timedelta(days=40)) - ONE_DAY
            through = draw(st.dates(start, last)).isoformat()
        versions.append(_version(draw, sheet, start, through, routes))
    return versions


def _version(draw: st.DrawFn, sheet: str, start: date, through: str, routes: list[Route]) -> list[Row]:
    increment, minimum = draw(st.sampled_from(TERMS))
    renamed = " (new)" if is_one_in(draw, 4) else ""
    displays = {group: display + renamed for group, display in USAGE_GROUPS}
    known = [route for route in routes if not is_one_in(draw, 5)] or routes[:1]
    return [
        {
            "rate_sheet": sheet,
            "currency": SHEETS[sheet],
            "effective_from": start.isoformat(),
            "usage_group": route.usage_group,
            "usage_group_display": displays[route.usage_group],
            "call_type": route.call_type,
            "direction": route.direction,
            "rate_per_minute": draw(st.sampled_from(RATES)),
            "effective_through": through,
            "increment_seconds": increment,
            "minimum_seconds": minimum,
        }
        for route in known
    ]


def _rates_files(draw: st.DrawFn, rates: dict[str, list[list[Row]]]) -> tuple[list[File], bool]:
    """All rates in one file, or a file for each version in the order of their days; and whether it is one file.

    A later file's version ends the open one before it, and rated calls keep their rates: such files come before calls.
    """
    versions = [version for of_sheet in rates.values() for version in of_sheet]
    if draw(st.booleans()):
        rows = draw(st.permutations([row for version in versions for row in version]))
        return [("rates", None, draw_text(draw, "rates", rows))], True
    by_day = sorted(versions, key=lambda version: version[0]["effective_from"])
    return [("rates", None, draw_text(draw, "rates", version)) for version in by_day], False


# Who was there


def _entities(draw: st.DrawFn, account: str) -> dict[str, list[str]]:
    users = draw(st.lists(st.sampled_from(EMAILS), min_size=1, max_size=5, unique=True))
    devices = draw(st.lists(st.sampled_from(DEVICES), max_size=2, unique=True))
    return {"users": users, "devices": devices}


def _entity_files(draw: st.DrawFn, kind: str, entities: dict[str, dict[str, list[str]]]) -> list[File]:
    rows: list[Row] = []
    for account, of_account in entities.items():
        for identifier in of_account[kind]:
            row = {"account": account, "name": draw(st.sampled_from(["", *TEXTS]))}
            if kind == "users":
                row |= {"email": draw_case(draw, identifier), "division": draw(st.sampled_from(["", *TEXTS]))}
            else:
                row |= {"device_id": identifier}
            rows.append(row)
    return draw_files(draw, kind, rows)


def _sessions(draw: st.DrawFn, account: str, entities: dict[str, list[str]], days: list[date]) -> list[Row]:
    """Sessions of which many overlap, touch or tie."""
    charges = draw(st.lists(st.sampled_from([name for name, _ in CHARGES]), min_size=1, max_size=2, unique=True))
    moments: list[int] = []
    rows: list[Row] = []
    for session_id in SESSION_IDS[: draw(st.sampled_from([0, 4, 8, 12, 15]))]:
        is_touching = bool(moments) and is_one_in(draw, 2)
        started_at = draw(st.sampled_from(moments)) if is_touching else draw_instant(draw, days)
        later = [moment for moment in moments if moment >= started_at]
        is_tie = bool(later) and is_one_in(draw, 4)
        ended_at = draw(st.sampled_from(later)) if is_tie else started_at + draw_length(draw, SESSION_LENGTHS)
        moments += [started_at, ended_at]
        start, end = draw_cells(draw, started_at, ended_at)
        rows.append(
            {
                "account": account,
                "session_id": session_id,
                "entity": _entity_cell(draw, entities),
                "charge": draw(st.sampled_from(charges)),
                "started_at": start,
                "ended_at": "" if is_one_in(draw, 6) else end,
                "billable": draw(st.sampled_from(["", "", "true", "1", "yes", "false", "0", "no"])),
            }
        )
    return rows


def _entity_cell(draw: st.DrawFn, entities: dict[str, list[str]]) -> str:
    """An entity as somebody types it, or as it stands in a report that somebody copied."""
    regular = entities["users"][0]
    identifier = regular if is_one_in(draw, 3) else draw(st.sampled_from([*entities["users"], *entities["devices"]]))
    if identifier in entities["users"]:
        identifier = draw_case(draw, identifier)
    if identifier[0] in "=-" and draw(st.booleans()):
        return "'" + identifier
    return identifier


def _session_files(draw: st.DrawFn, sessions: list[Row]) -> list[File]:
    """The sessions; now and then some were first uploaded while they were still open."""
    files = draw_files(draw, "sessions", sessions)
    if sessions and is_one_in(draw, 4):
        still_open = [row | {"ended_at": ""} for row in sessions[:3]]
        return [*draw_files(draw, "sessions", still_open), *files]
    return files


# What was consumed


def _resource_usage(draw: st.DrawFn, accounts: list[str], days: list[date]) -> list[Row]:
    names = st.sampled_from([name for name, _ in RESOURCES])
    key = st.tuples(st.sampled_from(accounts), st.sampled_from(days), names)
    return [
        {
            "account": account,
            "date": day.isoformat(),
            "resource": name,
            "quantity": draw(st.sampled_from(QUANTITIES)),
        }
        for account, day, name in draw(st.lists(key, min_size=draw(st.sampled_from([0, 6])), max_size=10, unique=True))
    ]


def _calls(draw: st.DrawFn, account: str, days: list[date], routes: list[Route]) -> list[Row]:
    """Calls on routes that mostly have a rate; several may start at the same instant."""
    starts: list[int] = []
    rows: list[Row] = []
    for sip_call_id in draw(
        st.lists(st.sampled_from(SIP_CALL_IDS), min_size=draw(st.sampled_from([0, 6])), max_size=10, unique=True)
    ):
        is_beside = bool(starts) and is_one_in(draw, 3)
        started_at = draw(st.sampled_from(starts)) if is_beside else draw_instant(draw, days)
        started_at += draw(st.sampled_from([0, 0, 1, 400])) if is_beside else 0
        starts.append(started_at)
        start, end = draw_cells(draw, started_at, started_at + draw_length(draw, CALL_LENGTHS))
        route = draw(_routes()) if is_one_in(draw, 6) else draw(st.sampled_from(routes))
        rows.append(
            {
                "account": account,
                "sip_call_id": sip_call_id,
                "origin": draw(st.sampled_from(PHONES)),
                "destination": draw(st.sampled_from([*PHONES, *TEXTS])),
                "usage_group": UNKNOWN_GROUP if is_one_in(draw, 8) else route.usage_group,
                "call_type": route.call_type,
                "direction": route.direction,
                "start_time": start,
                "end_time": end,
            }
        )
    return rows


# Questions


def _questions(draw: st.DrawFn, subscriptions: list[Row], days: list[date]) -> list[Question]:
    """For each subscription a part of its window, often one that cuts a cycle or what happened, and all of it."""
    questions = []
    for row in subscriptions:
        activation, end = date.fromisoformat(row["activation_date"]), _end_of_window(row)
        dates = st.dates(activation + ONE_DAY, end + timedelta(days=10))
        today = draw(st.one_of(st.just(end + ONE_DAY), dates))
        last = min(today - ONE_DAY, end)
        edges = [edge for edge in _cycle_edges(row) if edge <= last]
        busy = [day for day in days if activation <= day <= last] or [last]
        day = st.one_of(st.sampled_from(edges), st.sampled_from(busy), st.dates(activation, last))
        first, second = sorted([draw(day), draw(day)])
        if draw(st.booleans()):
            second = last
        questions.append(Question(row["number"], first, second, today))
        questions.append(Question(row["number"], activation, last, today))
    return questions
