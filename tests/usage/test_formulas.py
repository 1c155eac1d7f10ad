"""What a spreadsheet would run gets an apostrophe, and an upload takes exactly that one off again."""

import unicodedata

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.profiles import examples
from usage.files.formulas import FIRST_OF_FEW, escape_formula, guard_cell, is_formula, unescape_formula
from usage.resources.formats import SPACES, guarded, unescaped
from usage.resources.formats import is_formula as is_formula_in_sql

SIGNS = [*"=+-@\t\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
UNSEEN = [
    " ",
    "\xa0",
    "\u3000",
    "\ufeff",
    "\u200b",
    "\u200e",
    "\u202e",
    "\u2060",
    "\u2066",
    "\xad",
    "\n",
    "\x01",
    "\u3164",
]
texts = st.text(st.sampled_from([*SIGNS, *UNSEEN, *"''a1.", "é", "電"]), max_size=6) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6
)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", *UNSEEN, " \ufeff", "\u200b\u200b "])
def test_a_sign_is_a_formula_whatever_unseen_stands_before_it(sign: str, before: str) -> None:
    assert escape_formula(f"{before}{sign}1+1") == f"'{before}{sign}1+1"
    assert guard_cell(f"{before}{sign}") == f"'{before}{sign}"


@pytest.mark.parametrize(
    "text", ["", "a", "a=1", "'", "'a", " a", "\ufeff1", "é=", "12", "-12", "+49301234", "-0.5", "#1", "'+1"]
)
def test_other_texts_and_phone_numbers_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == guard_cell(text) == unescape_formula(text) == text


@pytest.mark.parametrize("text", ["+", "+1.", "--1", "+49 30", "+1,5", " +49", "\uff0b49", "+49\n", "+\u0664\u0662"])
def test_what_is_no_plain_number_is_guarded(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


def test_whatever_unicode_calls_a_space_or_a_format_is_unseen() -> None:
    unseen = {"Zs", "Zl", "Zp", "Cc", "Cf"}
    # Signs of numbers in Arabic and Syriac, of shorthand, hieroglyphs and music have a shape or stand inside words.
    seen = {0x70F, 0x8E2, *range(0x600, 0x606), 0x6DD, 0x890, 0x891}
    for code in range(1, 0x10000):
        if unicodedata.category(chr(code)) in unseen and code not in seen:
            assert is_formula(f"{chr(code)}=1"), hex(code)


def test_every_first_character_of_a_formula_is_known() -> None:
    few = {*FIRST_OF_FEW, *range(0xD800, 0xE000)}
    formulas = [code for code in set(range(1, 0x110000)) - few if is_formula(f"{chr(code)}=1")]
    assert formulas == []


@given(text=texts)
def test_every_text_arrives_as_it_was(text: str) -> None:
    cell = escape_formula(text)
    assert unescape_formula(cell) == text
    assert cell.startswith("'") or not is_formula(cell)


@given(cell=texts)
def test_a_guarded_cell_means_what_it_meant(cell: str) -> None:
    found = guard_cell(cell)
    assert found.startswith("'") or not is_formula(found)
    assert unescape_formula(found) == unescape_formula(cell)


@pytest.mark.django_db
@settings(max_examples=examples(30), suppress_health_check=list(HealthCheck))
@given(cells=st.lists(texts, min_size=20, max_size=60))
def test_the_database_does_the_same(cells: list[str]) -> None:
    cell = sql.Identifier("cell")
    statement = sql.SQL("SELECT cell, {}, {}, {} FROM unnest({}::text[]) AS cell").format(
        is_formula_in_sql(cell), guarded(cell), unescaped(cell), cells
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))
        for text, is_run, safe, plain in cursor.fetchall():
            assert is_run == is_formula(text), text
            assert safe == guard_cell(text), text
            assert plain == (unescape_formula(text).strip(SPACES) if unescape_formula(text) != text else text), text
