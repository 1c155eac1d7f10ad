"""The one currency of a rate sheet: who sets it, who may change it, who is refused, and what undoing restores."""

import pytest

from billing.models import RateSheet, Subscription
from tests.factories import instant, make_account, make_call, make_rate, make_sheet, make_subscription, make_version
from tests.people import make_role
from tests.uploads import applied, uploaded
from tests.usage_files import counts, table, upload
from usage.models import Upload, UploadKind
from usage.undo import undo_upload
from usage.uploads.receive import receive_upload

pytestmark = pytest.mark.django_db

HEADER = "number,account,activation_date,currency"


def price(currency: str, start: str = "2026-01-01", sheet: str = "World") -> str:
    """Return a row of a file of rates."""
    return f"{sheet},{currency},{start},US,United States,voice,Outbound,0.0181"


def contract(number: str, currency: str, sheet: str = "World") -> str:
    """Return a row of a file of subscriptions, of an account of its own."""
    return f"{number},A-{number},2020-01-01,{currency},{sheet}"


def currency(sheet: str = "World") -> str:
    return RateSheet.objects.get(name=sheet).currency


@pytest.fixture
def _accounts() -> None:
    for number in (1, 2, 3):
        make_account(code=f"A-S-{number}")


@pytest.mark.parametrize("kind", ["rates", "subscriptions"])
@pytest.mark.usefixtures("_accounts")
def test_a_file_that_names_a_new_sheet_sets_its_currency(kind: str) -> None:
    row = price("CHF") if kind == "rates" else contract("S-1", "CHF")
    assert upload(kind=kind, text=table(kind, row)).is_applied
    assert currency() == "CHF"
    assert upload(kind=kind, text=table(kind, row)).counts == counts(1, unchanged=1)


def test_rows_that_give_a_sheet_two_currencies_name_each_other() -> None:
    rows = [price("USD"), price("EUR", "2026-02-01"), price("USD", "2026-03-01"), price("EUR", sheet="Europe")]
    result = upload(kind="rates", text=table("rates", *rows), skip_errors=True)
    reason = "Rows 2 and 3 give one rate sheet different values of currency; it has one."
    assert result.reasons == [(line, "currency", reason) for line in (2, 3, 4)]
    assert list(RateSheet.objects.values_list("name", "currency")) == [("Europe", "EUR")]


def test_prices_move_a_sheet_to_another_currency_while_nothing_depends_on_it() -> None:
    upload(kind="rates", text=table("rates", price("USD"), price("USD", "2026-02-01")))
    result = upload(kind="rates", text=table("rates", price("EUR")))
    reason = (
        "The rate sheet World is in USD, and this file does not name its version from 2026-02-01. "
        "Write USD, name all its versions, or name another sheet."
    )
    assert result.reasons == [(2, "currency", reason)]
    both = table("rates", price("EUR"), price("EUR", "2026-02-01"))
    assert upload(kind="rates", text=both).counts == counts(2, changed=2)
    assert currency() == "EUR"


def test_prices_do_not_move_a_sheet_with_which_calls_were_rated() -> None:
    version = make_rate(version=make_version(sheet=make_sheet(name="World"))).usage_group.version
    call = make_call(account=make_account(), started_at=instant("2026-03-01T09:00"), rate_sheet_version=version)
    text = table("rates", price("EUR", "2017-01-01"))
    assert upload(kind="rates", text=text).is_applied  # an unrated call costs nothing yet
    call.rate_per_minute, call.adjusted_seconds, call.cost, call.currency = 1, 60, 1, "EUR"
    call.save()
    result = upload(kind="rates", text=table("rates", price("USD", "2017-01-01")))
    reason = "The rate sheet World is in EUR, and calls were rated with it. Write EUR, or name another sheet."
    assert result.reasons == [(2, "currency", reason)]


@pytest.mark.parametrize("names_the_sheet", [True, False])
def test_a_sheet_without_prices_follows_its_only_subscription(*, names_the_sheet: bool) -> None:
    make_subscription(number="S-1", account=make_account(code="A-S-1"), rate_sheet=make_sheet(name="World"))
    text = f"{HEADER},rate_sheet\n{contract('S-1', 'EUR')}\n"
    if not names_the_sheet:
        text = text.replace(",rate_sheet", "").replace(",World", "")
    assert upload(kind="subscriptions", text=text).counts == counts(1, changed=1)
    assert (currency(), Subscription.objects.get().currency) == ("EUR", "EUR")


@pytest.mark.parametrize("names_the_sheet", [True, False])
def test_a_sheet_without_prices_does_not_follow_one_of_several_subscriptions(*, names_the_sheet: bool) -> None:
    sheet = make_sheet(name="World")
    for number in (1, 2):
        make_subscription(number=f"S-{number}", account=make_account(code=f"A-S-{number}"), rate_sheet=sheet)
    text = f"{HEADER},rate_sheet\n{contract('S-1', 'EUR')}\n"
    if not names_the_sheet:
        text = text.replace(",rate_sheet", "").replace(",World", "")
    reason = (
        "Subscription S-2 has the rate sheet World, too, and is in USD; a sheet has one currency. "
        "Write USD, or name another sheet."
    )
    assert upload(kind="subscriptions", text=text).reasons == [(2, "currency", reason)]
    both = text + text.splitlines()[1].replace("S-1", "S-2") + "\n"
    assert upload(kind="subscriptions", text=both).counts == counts(2, changed=2)
    assert currency() == "EUR"


@pytest.mark.usefixtures("_accounts")
def test_subscriptions_of_one_file_that_disagree_over_a_new_sheet_name_each_other() -> None:
    rows = [contract("S-1", "USD"), contract("S-2", "EUR"), contract("S-3", "EUR", "Europe")]
    result = upload(kind="subscriptions", text=table("subscriptions", *rows), skip_errors=True)
    reason = (
        "Subscription {} has the rate sheet World, too, and is in {other}; a sheet has one currency. "
        "Write {other}, or name another sheet."
    )
    assert result.reasons == [
        (2, "currency", reason.format("S-2 in row 3", other="EUR")),
        (3, "currency", reason.format("S-1 in row 2", other="USD")),
    ]
    assert list(RateSheet.objects.values_list("name", "currency")) == [("Europe", "EUR")]


@pytest.mark.usefixtures("_accounts")
def test_a_subscription_may_leave_a_sheet_of_its_former_currency() -> None:
    upload(kind="rates", text=table("rates", price("USD")))
    upload(kind="subscriptions", text=table("subscriptions", contract("S-1", "USD")))
    text = table("subscriptions", contract("S-1", "EUR", "Europe"))
    assert upload(kind="subscriptions", text=text).counts == counts(1, changed=1)
    assert (currency(), currency("Europe")) == ("USD", "EUR")


def put(kind: UploadKind, text: str) -> Upload:
    """Return an upload that was applied."""
    operator = make_role("superuser")
    done = applied(receive_upload(administrator=operator, kind=kind, account=None, file=uploaded(text)))
    assert done.applied_at is not None
    return done


@pytest.mark.usefixtures("files_root")
def test_undoing_restores_the_currency_or_removes_the_sheet() -> None:
    first = put(UploadKind.RATES, table("rates", price("USD")))
    second = put(UploadKind.RATES, table("rates", price("EUR")))
    assert currency() == "EUR"
    undo_upload.undo(second)
    assert currency() == "USD"
    undo_upload.undo(first)
    assert not RateSheet.objects.exists()


@pytest.mark.parametrize("names_the_sheet", [True, False])
@pytest.mark.usefixtures("files_root")
def test_undoing_restores_the_currency_that_followed_a_subscription(*, names_the_sheet: bool) -> None:
    make_subscription(number="S-1", account=make_account(code="A-S-1"), rate_sheet=make_sheet(name="World"))
    text = f"{HEADER},rate_sheet\n{contract('S-1', 'EUR')}\n"
    if not names_the_sheet:
        text = text.replace(",rate_sheet", "").replace(",World", "")
    done = put(UploadKind.SUBSCRIPTIONS, text)
    assert currency() == "EUR"
    undo_upload.undo(done)
    assert (currency(), Subscription.objects.get().currency) == ("USD", "USD")


@pytest.mark.usefixtures("files_root")
def test_undoing_is_refused_when_it_would_take_the_currency_from_a_subscription() -> None:
    put(UploadKind.RATES, table("rates", price("USD")))
    second = put(UploadKind.RATES, table("rates", price("EUR")))
    make_subscription(currency="EUR", rate_sheet=RateSheet.objects.get())
    with pytest.raises(undo_upload.UndoRefusedError, match="The subscription and its rate sheet are in different"):
        undo_upload.undo(second)
    assert currency() == "EUR"
