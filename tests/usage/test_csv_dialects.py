"""CSV files as other tools write them: blank rows, surplus delimiters, marks at both ends, texts as formulas."""

import codecs
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.identifiers import INVISIBLE
from billing.models import Account
from tests.factories import make_account
from tests.profiles import examples
from tests.usage_files import counts, table, upload
from usage.files.csv_files import CHUNK, CsvFile
from usage.files.csv_quoting import NotPlainError
from usage.files.errors import FileRefusedError
from usage.models import Call, Entity, ResourceUsage

pytestmark = pytest.mark.django_db

GOOD = "code,name\nACME,Acme\nBETA,Beta\n"
CALL = "c1,+15550100,+15550101,FR,voice,Outbound,2026-02-10T09:00:00Z,2026-02-10T09:01:00Z"


def is_plain(text: str | bytes) -> bool:
    """Return whether the database reads a file as a whole."""
    file = CsvFile(io.BytesIO(text.encode() if isinstance(text, str) else text))
    file.header()
    try:
        list(file.plain_chunks())
    except NotPlainError:
        return False
    return True


def names() -> dict[str, str]:
    """Return all accounts, by code."""
    return dict(Account.objects.values_list("code", "name"))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("blank", ["{m}", "{m}{m}{m}", " ", " {m}\t", "\u00a0{m}\u3000", "\f", "\ufeff", "  "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_of_delimiters_and_white_space_are_not_there(mark: str, blank: str, end: str) -> None:
    row = blank.format(m=mark)
    lines = ["code,name", row, "ACME,Acme", row, row, "BETA,Beta", row]
    text = end.join(lines).replace(",", mark)
    for file in (text, text + end):
        assert not is_plain(file)
        result = upload(kind="accounts", text=file)
        assert result.reasons == []
        assert result.counts.rows == 2
    assert names() == {"ACME": "Acme", "BETA": "Beta"}


def test_rows_after_blank_ones_keep_the_number_that_a_spreadsheet_shows() -> None:
    result = upload(kind="charges", text="name,basis\n,\nCX 1,wrong\n , \n,\nCX 2,wrong\n,\n")
    assert [line for line, _column, _reason in result.reasons] == [3, 6]
    assert result.counts == counts(2, errors=2)


def test_rows_of_empty_texts_or_values_are_there() -> None:
    result = upload(kind="accounts", text='code,name\n"",""\n-,-\n0,0\n', skip_errors=True)
    assert [(line, column) for line, column, _reason in result.reasons] == [(2, "code"), (2, "name")]
    assert names() == {"-": "-", "0": "0"}


@pytest.mark.parametrize("blank", ["\n,,,,,,,\n", "\n" + " " * 40 + "\n", "\n,,,,,,,"])
def test_blank_rows_are_found_wherever_a_chunk_ends(blank: str) -> None:
    line = "x" * 99 + "\n"
    for spare in range(len(blank) + 2):
        start = f"email,name\n{line * (CHUNK // len(line))}"[: CHUNK - spare - 1] + "x"
        assert is_plain(f"{start}\n{line}")
        for more in ("", line):
            assert is_plain(f"{start}{blank}{more}") == (more != "" and not blank.endswith("\n"))


def test_texts_with_blank_lines_stay_as_they_are() -> None:
    text = 'code,name\nACME,"one\n\n , \ntwo"\nBETA,Beta\n'
    assert upload(kind="accounts", text=text).counts == counts(2, new=2)
    assert names()["ACME"] == "one\n\n , \ntwo"


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("surplus", [1, 2, 5])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_delimiter_that_ends_every_line_adds_no_column(mark: str, surplus: int, encoding: str) -> None:
    text = "".join(f"{line}{',' * surplus}\n" for line in GOOD.splitlines()).replace(",", mark)
    assert upload(kind="accounts", text=text.encode(encoding)).counts == counts(2, new=2)
    assert names() == {"ACME": "Acme", "BETA": "Beta"}


def test_a_value_in_a_surplus_column_is_an_error_of_its_row_or_of_the_header() -> None:
    result = upload(
        kind="accounts", text="code,name,\nACME,Acme,\nBETA,Beta,x\nC,Gamma\nD,Delta, \nE,e,,\nF\n", skip_errors=True
    )
    assert result.reasons == [
        (3, "", 'The row has 3 cells, the header 2; beyond the last column: "x".'),
        (6, "", "The row has 4 cells, the header 2."),
        (7, "", "The row has 1 cell, the header 2."),
    ]
    assert set(names()) == {"ACME", "C", "D"}
    with pytest.raises(FileRefusedError, match="Column 3 has no name"):
        upload(kind="accounts", text="code,name,\nACME,Acme,x\n")
    with pytest.raises(FileRefusedError, match="Column 2 has no name"):
        upload(kind="accounts", text="code,,name\nACME,,Acme\n")


def test_a_row_without_the_delimiter_of_the_others_is_no_longer_than_the_header() -> None:
    result = upload(kind="accounts", text="code,name\nACME,Acme,\n")
    assert result.reasons == [(2, "", "The row has 3 cells, the header 2.")]


@pytest.mark.parametrize("end", ["\x1a", "\x1a\r\n", "\n\x1a", "\x1a\x1a", "\x1a \n\x1a"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("is_ragged", [False, True], ids=["whole", "row by row"])
def test_an_end_of_file_mark_is_no_value(end: str, encoding: str, is_ragged: bool) -> None:
    text = ("ACME,Acme,x\n" if is_ragged else "").join(["code,name\n", f"ACME,Acme\nBETA,Beta{end}"])
    result = upload(kind="accounts", text=text.encode(encoding), skip_errors=True)
    assert result.counts == counts(2 + is_ragged, new=2, errors=int(is_ragged))
    assert names() == {"ACME": "Acme", "BETA": "Beta"}


def test_an_end_of_file_mark_elsewhere_is_none() -> None:
    assert upload(kind="accounts", text="code,name\nACME,A\x1ame\nBETA,Beta\n").counts == counts(2, new=2)
    assert names()["ACME"] == "A\x1ame"
    with pytest.raises(FileRefusedError, match="empty"):
        upload(kind="accounts", text="\x1a")


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 * 2 + GOOD.encode(),
        codecs.BOM_UTF8 * 3 + b'"code","name"\nACME,Acme\nBETA,Beta',
        codecs.BOM_UTF16_LE * 2 + GOOD.encode("utf-16-le"),
        codecs.BOM_UTF16_BE * 2 + GOOD.encode("utf-16-be"),
        codecs.BOM_UTF8 * 2 + b"sep=,\n" + GOOD.encode(),
    ],
)
def test_a_second_byte_order_mark_is_no_text(data: bytes) -> None:
    assert is_plain(data)
    assert upload(kind="accounts", text=data).counts == counts(2, new=2)
    assert names() == {"ACME": "Acme", "BETA": "Beta"}


@pytest.mark.parametrize("quote", [False, True], ids=["bare", "quoted"])
def test_a_text_written_as_a_formula_is_its_text(quote: bool) -> None:
    cells = ['="0012345"', '="+207946"', ' ="2" ', '="FR ""x"""', "voice", "Outbound"]
    row = [f'"{cell.replace(chr(34), chr(34) * 2)}"' if quote else cell for cell in cells]
    instants = '="2026-02-10T09:00:00Z",2026-02-10T09:01:00Z'
    text = table("calls", f"{','.join(row)},{instants}")
    assert upload(kind="calls", text=text, account=make_account()).reasons == []
    found = Call.objects.values_list("sip_call_id", "origin", "destination", "usage_group")
    assert list(found) == [("0012345", "+207946", "2", 'FR "x"')]


def test_a_number_and_a_heading_may_be_written_as_formulas() -> None:
    upload(kind="resources", text="name,unit\nSMS,message\n")
    text = '="date",="resource","=""quantity"""\n="2026-03-01",="SMS",="012.50"\n'
    assert upload(kind="resource_usage", text=text, account=make_account()).reasons == []
    assert str(ResourceUsage.objects.get().quantity) == "12.500000"


def test_a_text_in_an_error_stays_the_text_that_the_formula_is() -> None:
    account = make_account()
    first = upload(kind="devices", text='device_id,name\n="007",#REF!\n', account=account)
    assert first.rows_in_error.decode().splitlines()[1].startswith("007,")
    mended = first.rows_in_error.replace(b"#REF!", b"Desk")
    assert upload(kind="devices", text=mended, account=account).is_applied
    assert Entity.objects.get().identifier == "007"


@pytest.mark.parametrize("name", ['="x', '=x"', '="a"b', '=a="b"', 'a="b"', '="a"&"b"'])
def test_other_formulas_stay_as_they_are(name: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("code", "name"), ("A", name)])
    upload(kind="accounts", text=file.getvalue())
    assert names() == {"A": name}


@pytest.mark.parametrize("mark", [",", ";"])
def test_a_space_before_an_opening_quotation_mark_is_no_part_of_a_value(mark: str) -> None:
    text = f'"code"{mark} "name"\n "A"{mark} "Acme{mark} Inc"\n"B"{mark}  "say ""hi"""\nC{mark} 5" pipe\n'
    assert upload(kind="accounts", text=text).reasons == []
    assert names() == {"A": f"Acme{mark} Inc", "B": 'say "hi"', "C": '5" pipe'}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("calls", '"9001","9001","+15550101","public","2026-02-10 09:00:00","","2026-02-10 09:01:00","60"\n'),
        ("calls", f"{CALL}\n{CALL}\n"),
        ("calls", f"{CALL},\n"),
        ("users", "ana@acme.example,Ana\n"),
        ("charges", "CX One,named\n"),
        ("resource_usage", "2026-03-01;SMS;1.5\n"),
    ],
)
def test_a_first_row_that_looks_like_data_is_said_in_one_sentence(kind: str, text: str) -> None:
    with pytest.raises(FileRefusedError) as refused:
        upload(kind=kind, text=text)
    [error] = refused.value.errors
    assert (error.line, error.column) == (1, "")
    assert error.reason.startswith(
        "The first row looks like data. Put a header above it, with the names of the columns:"
    )


@pytest.mark.parametrize("header", ["Datum,Menge", "kode,benennung", "Spalte 1,Spalte 2"])
def test_a_header_of_other_names_is_no_data(header: str) -> None:
    with pytest.raises(FileRefusedError, match="The column is unknown") as refused:
        upload(kind="accounts", text=f"{header}\nA,B\n")
    assert len(refused.value.errors) == 4


def test_ordinary_files_are_read_as_a_whole() -> None:
    assert is_plain(GOOD)
    assert is_plain(GOOD + '"C","=1+1"\nD,a=b\n"E","YWJj=="\n"F",x\n\n')
    assert is_plain(GOOD.replace("\n", "\r\n") + "\x1a")
    assert is_plain("email\nana@x\n\nbo@x\n")
    for odd in (",\n", " \n", 'C,="1"\n', '"C","=""1"""\n', 'C, "x"\n'):
        assert not is_plain(GOOD + odd)


VALUES = st.text(
    st.characters(codec="utf-8", exclude_characters=f"\x00'={INVISIBLE}", exclude_categories=["Cc"]),
    min_size=1, max_size=6,
)  # fmt: skip
BLANKS = st.sampled_from(["", ",", ",,,,", " ", "\t, ", "\u00a0,", "\f"])


class OddFiles(TestCase):
    """Whatever a tool adds that is no value, the rows are those of the plain file."""

    @settings(max_examples=examples(25))
    @given(
        rows=st.dictionaries(VALUES.map(lambda text: f"k{text}"), VALUES, min_size=1, max_size=5),
        blanks=st.lists(BLANKS, min_size=6, max_size=6),
        quotes_all=st.booleans(),
        space=st.sampled_from(["", " ", "   "]),
        surplus=st.integers(0, 2),
        boms=st.integers(0, 2),
        end=st.sampled_from(["", "\n", "\n\x1a", "\x1a"]),
        encoding=st.sampled_from(["utf-8", "utf-16-le"]),
    )
    def test_the_rows_arrive(
        self,
        *,
        rows: dict[str, str],
        blanks: list[str],
        quotes_all: bool,
        space: str,
        surplus: int,
        boms: int,
        end: str,
        encoding: str,
    ) -> None:
        lines = []
        for (first, second), blank in zip([("email", "name"), *rows.items()], blanks, strict=False):
            file = io.StringIO(newline="")
            csv.writer(file, lineterminator="", quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL).writerow(
                [first, second]
            )
            line = file.getvalue()
            if quotes_all:
                line = line.replace('","', f'",{space}"') if '","' not in (first, second) else line
            lines += [f"{line}{',' * surplus}", blank]
        text = ("\ufeff" * (boms or (encoding != "utf-8")) + "\n".join(lines) + end).encode(encoding)
        account = make_account()
        rows_by_address = text.replace("email".encode(encoding), "device_id".encode(encoding), 1)
        assert upload(kind="devices", text=rows_by_address, account=account).reasons == []
        assert dict(Entity.objects.filter(account=account).values_list("identifier", "name")) == rows
