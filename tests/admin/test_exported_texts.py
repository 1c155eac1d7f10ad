"""Whatever texts a list holds, its export loads again as what it was."""

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Account, UsageGroup
from tests.admin.test_exports import CSV, XLSX, export, rows_of
from tests.factories import make_account, make_rate, make_version
from tests.people import client_of, make_role
from tests.profiles import examples
from tests.usage_files import COLUMNS, counts, upload
from usage.models import Call, Entity, EntityKind, UploadKind
from usage.resources.formats import SPACES

pytestmark = pytest.mark.django_db

# What readers of CSV, XML or workbooks, or spreadsheets, treat specially.
SPECIAL = [
    *"\r\n\t\v\f\x1a\x01\x1b\x7f\x85\u2028\u2029 ,;|\"'=+-@\\.#&<>_x0%", "\uff1d", "\u200b", "\ufeff", "\xad",
    "\ufffd", "\ufffe", "\uffff", "\U0001fffe", "\r\n", '""', "\\.", "_x000D_", "_xFFFE_", "_x005F_", "&amp;", "<r>",
    "Ä", "😀",
]  # fmt: skip
anything = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
texts = (
    (st.lists(st.sampled_from(SPECIAL), max_size=5).map("".join) | anything)
    .map(lambda text: text.strip(SPACES))
    .filter(lambda text: text and not text.startswith("#"))
)
lists_of_texts = st.lists(texts, min_size=30, max_size=60)


def hold(texts: list[str]) -> None:
    """Make rows of several kinds with the texts in every column that takes any text."""
    account, version = make_account(code="ACME"), make_version()
    Account.objects.bulk_create(Account(code=f"A{number}", name=text) for number, text in enumerate(texts))
    Entity.objects.bulk_create(
        Entity(account=account, kind=EntityKind.USER, identifier=f"u{number}@acme.example", name=text, division=other)
        for number, (text, other) in enumerate(zip(texts, reversed(texts), strict=True))
    )
    for number, text in enumerate(texts[:10]):
        make_rate(version=version, code=f"G{number}")
        UsageGroup.objects.filter(version=version, code=f"G{number}").update(display_name=text)


def assert_unchanged(client: Client, kind: UploadKind, file_format: str) -> None:
    content = export(client, kind, file_format).content
    result = upload(kind=kind, text=content)
    assert result.errors == []
    rows = result.counts.rows
    assert result.counts == counts(rows, unchanged=rows)
    assert rows > 0


@pytest.mark.parametrize("file_format", [CSV, XLSX])
def test_any_texts_load_again_as_they_were(file_format: str) -> None:
    client = client_of(make_role("support"))

    @settings(max_examples=examples(6), suppress_health_check=list(HealthCheck), deadline=None)
    @given(texts=lists_of_texts)
    def check(texts: list[str]) -> None:
        with transaction.atomic():
            hold(texts)
            for kind in (UploadKind.ACCOUNTS, UploadKind.USERS, UploadKind.RATES):
                assert_unchanged(client, kind, file_format)
            transaction.set_rollback(True)

    check()


@pytest.mark.parametrize("file_format", [CSV, XLSX])
@pytest.mark.parametrize(
    "text",
    ["a\rb", "a\r\nb", "a\ufffeb", "a\uffffb", "\ufffe", "a\x1a", "'=1", "''=1", "'+1", "\u200b=1", "\uff1d1", "\\.",
     "_xFFFE_", "_x000D_", "a_x000d_", "_x0041_x0042_"],
)  # fmt: skip
def test_each_text_that_a_reader_treats_specially_loads_again(text: str, file_format: str) -> None:
    make_account(code="ACME", name=text.strip())
    make_account(code="ZETA", name=text.strip())
    assert_unchanged(client_of(make_role("support")), UploadKind.ACCOUNTS, file_format)


def test_a_carriage_return_inside_a_cell_is_exported_in_quotes() -> None:
    make_account(code="ACME", name="a\rb")
    content = export(client_of(make_role("support")), "accounts").content
    assert content == b'code,name\nACME,"a\rb"\n'


@pytest.mark.parametrize("file_format", [CSV, XLSX])
def test_calls_with_a_carriage_return_load_again_unchanged(file_format: str) -> None:
    account = make_account(code="ACME")
    call = 'cr-1,"a\rb",2,FR,voice,Outbound,2026-02-10T09:00:00.25Z,2026-02-10T09:01:00Z'
    assert upload(kind="calls", text=f"{COLUMNS['calls']}\n{call}\n", account=account).is_applied
    client = client_of(make_role("support"))
    assert_unchanged(client, UploadKind.CALLS, file_format)
    assert Call.objects.get().origin == "a\rb"
    [row] = rows_of(export(client, "calls"))
    assert row["origin"] == "a\rb"
