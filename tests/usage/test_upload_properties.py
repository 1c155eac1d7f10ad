"""Properties of uploads of any rows: repeated files, successive files, and the check before applying."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.cycles import ONE_DAY
from billing.models import Account, Rate, Subscription, TelcoCommitDiscount
from tests.factories import make_account, make_charge
from tests.profiles import examples
from tests.usage_files import COLUMNS, NOW
from usage.models import Call, Entity, LoginSession, Resource, ResourceUsage, UploadKind
from usage.resources.batches import UploadContext
from usage.staging.stage import Staged, UploadCounts, stage

pytestmark = pytest.mark.django_db
few = settings(
    max_examples=examples(6),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Row = tuple[str, ...]
Table = dict[Row, Row]
_STARTS = ["2026-03-01T09:00:00Z", "2026-03-01T10:00:00+01:00", "2026-03-02T23:59:59.999Z"]
_SAME = {"2026-03-01T10:00:00+01:00": "2026-03-01T09:00:00Z"}


@dataclass(frozen=True)
class Kind:
    """A kind of upload: its columns, how many of them are the natural key, what their cells may be, and its rows."""

    header: str
    key: int
    cells: tuple[list[str], ...]
    stored: Callable[[], Iterator[Row]]
    settled: Callable[[Table], Table] = lambda table: table
    """Return the rows as they are once all have been uploaded."""

    def meaning(self, row: Row) -> Row:
        """The row as it is stored: addresses in lower case, instants in UTC."""
        return tuple(_SAME.get(cell, cell.lower() if "@" in cell else cell) for cell in row)

    def union(self, *files: list[Row]) -> Table:
        """Return the table after files uploaded one after the other: for each key, its last row."""
        rows = [self.meaning(row) for file in files for row in file]
        return self.settled({row[: self.key]: row[self.key :] for row in rows})

    def table(self) -> Table:
        return {row[: self.key]: row[self.key :] for row in self.stored()}

    def rows(self) -> st.SearchStrategy[list[Row]]:
        """Return files without conflicts: a key occurs once, or several times with the same row."""
        row = st.tuples(*(st.sampled_from(cells) for cells in self.cells))
        files = st.lists(row, max_size=8, unique_by=lambda one: self.meaning(one)[: self.key])
        again = st.lists(st.integers(0, 7), max_size=2)
        return st.builds(lambda file, numbers: file + [file[n] for n in numbers if n < len(file)], files, again)


def _instant(value: Any) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z").replace(".000Z", "Z") if value else ""


def _users() -> Iterator[Row]:
    for one in Entity.objects.all():
        yield (one.identifier, one.name, one.division)


def _sessions() -> Iterator[Row]:
    for one in LoginSession.objects.select_related("entity", "charge"):
        yield (one.session_id, one.entity.identifier, one.charge.name, _instant(one.started_at), _instant(one.ended_at))


def _usage() -> Iterator[Row]:
    for one in ResourceUsage.objects.select_related("resource"):
        yield (str(one.used_on), one.resource.name, f"{one.quantity.normalize():f}")


def _calls() -> Iterator[Row]:
    for one in Call.objects.all():
        yield (
            one.sip_call_id, one.origin, one.destination, one.usage_group, one.call_type, one.direction,
            _instant(one.started_at), _instant(one.ended_at),
        )  # fmt: skip


def _rates() -> Iterator[Row]:
    for one in Rate.objects.select_related("usage_group__version__rate_sheet"):
        group = one.usage_group
        yield (
            group.version.rate_sheet.name, str(group.version.effective_from), group.code, one.call_type, one.direction,
            f"{one.rate_per_minute.normalize():f}", str(group.version.effective_through or ""),
        )  # fmt: skip


def _ended(rates: Table) -> Table:
    """The rates with the last day of their version: the one before the next version of their sheet begins."""
    ended: Table = {}
    for (sheet, begins, *route), values in rates.items():
        later = [date.fromisoformat(one[1]) for one in rates if one[0] == sheet and one[1] > begins]
        ends = str(min(later) - ONE_DAY) if later else ""
        ended[sheet, begins, *route] = (*values, ends)
    return ended


def _subscriptions() -> Iterator[Row]:
    percents = dict(TelcoCommitDiscount.objects.values_list("subscription_id", "percent"))
    for one in Subscription.objects.select_related("account", "rate_sheet"):
        percent = percents.get(one.pk)
        yield (
            one.number, one.account.code, str(one.activation_date), one.currency, str(one.rate_sheet or ""),
            f"{percent.normalize():f}" if percent else "",
        )  # fmt: skip


KINDS = {
    "users": Kind(
        "email,name,division",
        1,
        (["ana@acme.example", "BOB@acme.example", "eve@acme.example"], ["Ana", "Zoë", ""], ["Sales", ""]),
        _users,
    ),
    "sessions": Kind(
        COLUMNS["sessions"],
        1,
        (
            ["S1", "S2", "s1"],
            ["ana@acme.example", "Bob@acme.example"],
            ["CX 1", "CX 2"],
            _STARTS,
            ["", "2026-03-03T00:00:00Z"],
        ),
        _sessions,
    ),
    "resource_usage": Kind(
        "date,resource,quantity",
        2,
        (["2026-03-01", "2026-03-02"], ["SMS", "IVR"], ["0", "12", "0.5", "99999999999999.999999"]),
        _usage,
    ),
    "calls": Kind(
        COLUMNS["calls"],
        1,
        (
            ["c1", "c2", "C1"],
            ["+1", "1"],
            ["2"],
            ["US"],
            ["voice"],
            ["Inbound", "Outbound"],
            _STARTS,
            ["2026-03-03T00:00:00Z"],
        ),
        _calls,
    ),
    "rates": Kind(
        "rate_sheet,effective_from,usage_group,call_type,direction,rate_per_minute",
        5,
        (["World"], ["2026-01-01", "2026-02-01"], ["US", "GB"], ["voice"], ["Inbound", "Outbound"], ["1", "0.0119"]),
        _rates,
        _ended,
    ),
    "subscriptions": Kind(
        "number,account,activation_date,currency,rate_sheet,telco_commit_percent",
        1,
        (["N1", "N2"], ["ACME"], ["2020-01-01"], ["USD"], ["World", "Other", ""], ["", "12.5"]),
        _subscriptions,
    ),
}
# Two subscriptions of one account may not overlap, and none changes its account: each number has an account of its own.
_ACCOUNTS = {"N1": "ACME", "N2": "BETA"}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def account() -> Account:
    """Create the account of the files, with what their rows refer to."""
    make_account(code="BETA")
    for name in ("CX 1", "CX 2"):
        make_charge(name=name)
    for name in ("SMS", "IVR"):
        Resource.objects.create(name=name, unit="piece")
    return make_account(code="ACME")


@contextmanager
def rolled_back() -> Iterator[None]:
    """Roll back each example, so that it leaves nothing for the next one."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def staged(kind: str, rows: list[Row], account: Account) -> Iterator[Staged]:
    """Stage the rows as a file."""
    header = KINDS[kind].header
    extra = ",currency,usage_group_display" if kind == "rates" else ""
    lines = [",".join(row) + (f",USD,{row[2]}" if kind == "rates" else "") for row in rows]
    file = BytesIO("\n".join([header + extra, *lines, ""]).encode())
    of = account if UploadKind(kind).belongs_to_account else None
    with stage(file, UploadContext(UploadKind(kind), of, NOW, creates_users=kind == "sessions")) as found:
        yield found


def apply(kind: str, rows: list[Row], account: Account) -> UploadCounts:
    """Apply the rows as a file, and require that it does what the check before it counted."""
    with staged(kind, rows, account) as file:
        found = file.check()
        outcome = file.apply()
        assert outcome.is_applied, file.errors(5)
        assert outcome.counts == found
    assert found.rows == len(rows) == found.new + found.changed + found.unchanged
    return found


def drawn(data: st.DataObject, kind: str) -> list[Row]:
    """Return rows of the kind that are valid together."""
    rows = data.draw(KINDS[kind].rows())
    if kind == "subscriptions":
        rows = [(row[0], _ACCOUNTS[row[0]], *row[2:]) for row in rows]
    return rows


def everything() -> list[Any]:
    """Return all rows of all tables that uploads write, with their IDs."""
    models = [Entity, LoginSession, Resource, ResourceUsage, Call, Rate, Subscription]
    tables = [model._meta.db_table for model in models]
    tables += ["billing_ratesheet", "billing_ratesheetversion", "billing_usagegroup", "billing_telcocommitdiscount"]
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}', to_jsonb(t)::text FROM {name} t" for name in sorted(set(tables)))
        )
        return sorted(cursor.fetchall())


@every_kind
@few
@given(data=st.data())
def test_a_file_applied_twice_changes_nothing_the_second_time(kind: str, account: Account, data: Any) -> None:
    rows = drawn(data, kind)
    with rolled_back():
        apply(kind, rows, account)
        before = everything()
        assert apply(kind, rows[::-1], account) == UploadCounts(rows=len(rows), unchanged=len(rows))
        assert everything() == before


@every_kind
@few
@given(data=st.data())
def test_two_files_one_after_the_other_are_their_union_and_the_last_one_wins(
    kind: str, account: Account, data: Any
) -> None:
    files = drawn(data, kind), drawn(data, kind)
    with rolled_back():
        before: Table = {}
        for number, rows in enumerate(files, start=1):
            after = KINDS[kind].union(*files[:number])
            counted = apply(kind, rows, account)
            assert counted.new == len(after) - len(before)
            named = KINDS[kind].union(rows).keys() & before.keys()
            assert counted.changed == sum(before[key] != after[key] for key in named)
            stored = KINDS[kind].table()
            if kind == "sessions":
                assert set(Entity.objects.values_list("identifier", flat=True)) >= {row[0] for row in after.values()}
            assert stored == after
            before = after


@every_kind
@few
@given(data=st.data())
def test_a_check_whose_data_have_changed_since_is_as_good_as_none(kind: str, account: Account, data: Any) -> None:
    rows, meanwhile = drawn(data, kind), drawn(data, kind)
    with rolled_back(), staged(kind, rows, account) as file:
        file.check()
        apply(kind, meanwhile, account)
        assert file.apply().is_applied
        assert KINDS[kind].table() == KINDS[kind].union(meanwhile, rows)


@every_kind
@few
@given(data=st.data())
def test_a_check_whose_data_are_as_they_were_need_not_be_made_again(kind: str, account: Account, data: Any) -> None:
    earlier, rows = drawn(data, kind), drawn(data, kind)
    with rolled_back():
        apply(kind, earlier, account)
        with staged(kind, rows, account) as file:
            versions, found = file.versions(), file.check()
            assert file.versions() == versions
            assert file.apply(checked=found).counts == found
            if found.new or found.changed:
                assert file.versions() != versions
        assert KINDS[kind].table() == KINDS[kind].union(earlier, rows)
