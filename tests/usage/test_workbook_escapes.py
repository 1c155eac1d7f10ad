"""Characters that XML cannot hold, in the texts of workbooks."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from usage.files.workbook_escapes import escape_text, unescape_text
from usage.resources.tables import CellKind, Heading, write_xlsx

pieces = st.sampled_from(
    ["_", "x", "0041", "x0041_", "_xFFFE_", "_x005F_", "_x000d_", "_xABCD", *"\r\x01\n\té\ufffe\uffff"]
)  # fmt: skip
texts = st.lists(pieces, max_size=8).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\rb", "a_x000D_b"),
        ("a\n\tb", "a\n\tb"),
        ("\ufffe\uffff", "_xFFFE__xFFFF_"),
        ("_x0041_", "_x005F_x0041_"),
        ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
        ("_xABCD\x01", "_x005F_xABCD_x0001_"),
        ("_x_x004_", "_x_x004_"),
    ],
)
def test_only_what_xml_cannot_hold_and_what_looks_escaped_is_escaped(text: str, written: str) -> None:
    assert escape_text(text) == written
    assert unescape_text(written) == text


def test_half_a_surrogate_pair_is_no_character() -> None:
    assert unescape_text("_xD83D_") == "_xD83D_"


@given(text=texts)
@example("_x0041_x0042_")
def test_every_text_is_read_as_it_was(text: str) -> None:
    written = escape_text(text)
    assert unescape_text(written) == text
    assert not {"\r", "\x01", "\ufffe", "\uffff", "\0"} & set(written)


@given(text=texts.filter(lambda text: text == text.strip() and not set("\ufffe\uffff") & set(text)))
def test_an_independent_reader_agrees(text: str) -> None:
    content = write_xlsx([Heading("a", CellKind.TEXT), Heading("b", CellKind.TEXT)], [["x", text]])
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert rows == [["a", "b"], ["x", text]]
