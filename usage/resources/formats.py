"""The formats of cells: what each accepts, which value that becomes, and how the value is exported.

Formats are written in SQL, because the database checks cells by the million. `value` is always an expression of a
trimmed, non-empty text. A regular expression precedes every cast, because PostgreSQL guesses (`now`, `1_000`).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from import_export.widgets import Widget
from psycopg import sql

from billing.identifiers import INVISIBLE, SPACES
from usage.files.formulas import FIRST_OF_FEW, FORMULA, PLAIN_NUMBER, escape_formula
from usage.files.workbook_cells import NOT_TEXT
from usage.resources.conditions import (
    Expression,
    Fault,
    differs,
    has_odd_character,
    is_ascii,
    matches,
    odd_character,
)
from usage.resources.instants import DAY, INSTANT, faults_of_instants
from usage.resources.numbers import separated, separated_whole
from usage.resources.tables import CellKind

__all__ = ["SPACES", "Expression"]

MAX_LENGTH = 255
# What a spreadsheet shows, and saves, for a cell that it could not compute.
_FAILED_FORMULA = "^#(REF!|N/A|VALUE!|DIV/0!|NAME[?]|NUM!|NULL!|SPILL!|CALC!|FIELD!|BLOCKED!|GETTING_DATA)$"
# A percentage as a spreadsheet shows it; typed by hand, it may have a space before the sign. A negative one may have an
# apostrophe, from a file of rows in error.
_PERCENTAGE = "^'?(-?([0-9]+([.,][0-9]+)?|[.][0-9]+))[\\s\u00a0\u202f]*%$"
# No number of a file is longer, and PostgreSQL refuses to read one of many thousand decimals.
_LONGEST_NUMBER = 1000
# What databases and spreadsheets write for a missing value, in lower case; none is longer than four characters.
_MISSING = ("null", "\\n", "nan", "none", "n/a", "-")

# The parts of an instant in its usual forms: `2026-03-` `01T` `09:14` `:03` `.250Z`.
_MONTHS = [f"{year}-{month:02d}-" for year in range(2000, 2100) for month in range(1, 13)]
_DAYS_OF_EVERY_MONTH = [f"{day:02d}{mark}" for day in range(1, 29) for mark in "T "]
_MINUTES = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60)]
_SECONDS = [f":{second:02d}" for second in range(60)]
_ENDS = [f"{part}{zone}" for part in ("", *(f".{ms:03d}" for ms in range(1000))) for zone in ("Z", "+00:00")]


def failed_formula(value: Expression) -> Expression:
    """Return the condition that the text is the error that a spreadsheet shows for a failed formula."""
    return sql.SQL("CASE WHEN {v} LIKE '#%' THEN {} ELSE false END").format(matches(value, _FAILED_FORMULA), v=value)


def ends_as_no_text(value: Expression) -> Expression:
    """Return the condition that the text comes from a workbook's cell that is no text."""
    return sql.SQL("right({}, {}) = {}").format(value, len(NOT_TEXT), sql.Literal(NOT_TEXT))


def without_mark(value: Expression) -> Expression:
    """Return the text without the mark of a workbook's cell that is no text."""
    return sql.SQL("CASE WHEN {} THEN left({value}, -{length}) ELSE {value} END").format(
        ends_as_no_text(value), value=value, length=len(NOT_TEXT)
    )


def percentage(value: Expression) -> Fault:
    """Return the fault of a percentage in a column of numbers: 50% could mean 0.5 or 50, and nothing tells which."""
    return (
        matches(value, _PERCENTAGE),
        "The column does not accept percentages: write the number itself, in a cell formatted as a number.",
    )


def stands_for_nothing(value: Expression) -> Expression:
    """Return the condition that the text is a program's word for a missing value."""
    # Nearly every cell is longer, which is quicker to see.
    words = sql.SQL(", ").join(map(sql.Literal, _MISSING))
    return sql.SQL("CASE WHEN octet_length({v}) <= 4 THEN lower({v}) IN ({words}) ELSE false END").format(
        v=value, words=words
    )


def is_formula(value: Expression) -> Expression:
    """Return the condition that a spreadsheet would run the text; see `usage.files.formulas`."""
    return sql.SQL("({} AND {})").format(matches(value, FORMULA), differs(value, PLAIN_NUMBER))


def starts_as_most(value: Expression) -> Expression:
    """Return the condition that the text begins as no formula does; it is quick, and true for nearly every text."""
    return sql.SQL("ascii({}) <> ALL ({}::int[])").format(value, sql.Literal(list(FIRST_OF_FEW)))


def unescaped(value: Expression, trimmed: str = SPACES) -> Expression:
    """Return the text without the apostrophe that exports put before a formula; any other apostrophe stays.

    `trimmed` are the characters that do not count at the ends of a cell.
    """
    return sql.SQL(
        "CASE WHEN starts_with({value}, '''') AND {formula} THEN btrim(substr({value}, 2), {spaces}) ELSE {value} END"
    ).format(value=value, formula=is_formula(value), spaces=sql.Literal(trimmed))


def guarded(cell: Expression) -> Expression:
    """Return the cell of an uploaded file as `guard_cell` does: no spreadsheet runs it."""
    return sql.SQL(
        """
        CASE WHEN {starts_as_most} OR starts_with({cell}, '''') THEN {cell}
             WHEN {formula} THEN '''' || {cell}
             ELSE {cell} END
        """
    ).format(starts_as_most=starts_as_most(cell), cell=cell, formula=is_formula(cell))


class Format(Widget):  # type: ignore[misc]  # the package has no types
    """The base of all formats: which texts are valid, which value they become, and a sentence for invalid ones.

    `described` says what to write, without a full stop. `cell` is the type of the cells in a spreadsheet. `trimmed` are
    the characters that do not count at the ends of a cell.
    """

    trimmed = INVISIBLE
    sql_type = "text"
    sentence = ""
    described = ""
    cell = CellKind.TEXT
    # Whether a cell of a workbook must be text, or a number shown as its digits.
    is_text = False

    def valid(self, value: Expression) -> Expression:
        """Return a condition that is true for every text that can be cast."""
        raise NotImplementedError

    def typed(self, value: Expression) -> Expression:
        """Return the value of a valid text, as `sql_type`."""
        return sql.SQL("{}::{}").format(value, sql.SQL(self.sql_type))

    def faults(self, value: Expression) -> Sequence[Fault]:
        """Return (condition, sentence) for invalid texts, the most specific first; `sentence` covers the rest."""
        return ()

    def explanations(self, value: Expression) -> Sequence[Fault]:
        """Return the faults of all formats, then those of this one."""
        formula = (failed_formula(value), "The cell holds the error of a formula, not a value.")
        return [formula, *self.odd_characters(value), *self.faults(value)]

    def odd_characters(self, value: Expression) -> Sequence[Fault]:
        """Return the fault of a text with invisible characters inside."""
        return [odd_character(value, is_text=False, instead="")]

    def render(self, value: Any, obj: Any = None, **options: Any) -> str:
        """Return the cell for a value, as uploads accept it; NULL becomes an empty cell."""
        return "" if value is None else str(value)


class Text(Format):
    """Text of at most 255 characters. A number that a spreadsheet has rounded (`2.38E+18`) is refused."""

    trimmed = SPACES
    is_text = True
    sentence = f"The text has more than {MAX_LENGTH} characters."
    described = f"Text of at most {MAX_LENGTH} characters"
    article, noun = "a", "text"
    # A negative number may have an apostrophe, from a file of rows in error.
    _RUINED = "^('?-)?[0-9]([.,][0-9]+)?[Ee][+][0-9]+$"

    def valid(self, value: Expression) -> Expression:
        # The quick LIKE decides nearly every text; a phone number has its plus sign in front, where LIKE skips it.
        # Bytes are quicker to count than characters.
        return sql.SQL(
            """
            (
                CASE WHEN octet_length({value}) <= {longest} THEN true ELSE length({typed}) <= {longest} END
                AND NOT {failed} AND NOT {no_text}
                AND CASE WHEN {value} LIKE '_%+%' THEN {whole} ELSE true END
            )
            """
        ).format(
            typed=self.typed(value),
            longest=MAX_LENGTH,
            failed=failed_formula(value),
            no_text=ends_as_no_text(value),
            whole=differs(value, self._RUINED),
            value=value,
        )

    def typed(self, value: Expression) -> Expression:
        return unescaped(value, self.trimmed)

    def explanations(self, value: Expression) -> Sequence[Fault]:
        advice = f"format the column as text, and enter the {self.noun} again."
        number = (
            matches(value, f"^-?[0-9.]+(E[-+]?[0-9]+)?%?{NOT_TEXT}$"),
            f"The cell holds a number that is not shown as its digits alone: {advice}",
        )
        moment = (
            ends_as_no_text(value),
            f"The cell holds a date, a time or a truth value, where {self.article} {self.noun} is expected: {advice}",
        )
        return [number, moment, *super().explanations(value)]

    def faults(self, value: Expression) -> Sequence[Fault]:
        ruined = (
            f"A spreadsheet took this {self.noun} for a number and its digits are lost: copy it from its source again, "
            "into a column formatted as text."
        )
        return [(matches(value, self._RUINED), ruined)]

    def odd_characters(self, value: Expression) -> Sequence[Fault]:
        return ()

    def render(self, value: Any, obj: Any = None, **options: Any) -> str:
        return escape_formula(super().render(value, obj, **options))


class PhoneNumber(Text):
    """A phone number, or another address of a caller."""

    trimmed = INVISIBLE
    described = f"{Text.described}; in a spreadsheet, a column formatted as text"
    article, noun = "an", "identifier"


class Name(Text):
    """A name that other files refer to. No character inside is invisible but U+0020."""

    trimmed = INVISIBLE

    def valid(self, value: Expression) -> Expression:
        return sql.SQL("({} AND NOT {})").format(super().valid(value), has_odd_character(value))

    def odd_characters(self, value: Expression) -> Sequence[Fault]:
        return [odd_character(unescaped(value, self.trimmed))]


class Identifier(Name):
    """A text that identifies something, such as an ID."""

    described = PhoneNumber.described
    article, noun = "an", "identifier"


def folded_address(value: Expression) -> Expression:
    """Return an e-mail address as it is stored: in lower case, and one code point for each accented letter (NFC)."""
    return sql.SQL("CASE WHEN {} THEN lower({value}) ELSE normalize(lower(normalize({value}, NFC)), NFC) END").format(
        is_ascii(value), value=value
    )


class Email(Name):
    """One e-mail address by itself, kept in lower case and NFC."""

    described = "An e-mail address"
    _PATTERN = "^(?!mailto:)[^[:space:]@<>()\\[\\];]+@[^[:space:]@<>()\\[\\];]+$"
    _ALONE = "Write one address alone, such as ana@example.com."
    _FAULTS = (
        ("^mailto:", "it begins with mailto:"),
        ("[<>()\\[\\]]", "it has brackets"),
        (";|@.*@", "there is more than one @, or a semicolon"),
        ("[[:space:]]", "there is a space inside"),
    )
    article, noun = "an", "e-mail address"

    def valid(self, value: Expression) -> Expression:
        return sql.SQL("({} AND {})").format(super().valid(value), matches(self.typed(value), self._PATTERN))

    def typed(self, value: Expression) -> Expression:
        return folded_address(super().typed(value))

    def odd_characters(self, value: Expression) -> Sequence[Fault]:
        return [odd_character(unescaped(value, self.trimmed), instead="")]

    def faults(self, value: Expression) -> Sequence[Fault]:
        address = self.typed(value)
        return [
            *(
                (matches(address, pattern), f"This is not an e-mail address: {what}. {self._ALONE}")
                for pattern, what in self._FAULTS
            ),
            (differs(address, self._PATTERN), f"This is not an e-mail address. {self._ALONE}"),
            *super().faults(value),
        ]


class Choice(Format):
    """One of a few words, spelt exactly so."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words
        self.sentence = f"This is neither {' nor '.join(words)}."
        self.described = f"One of: {', '.join(words)}"

    def valid(self, value: Expression) -> Expression:
        return sql.SQL("{} IN ({})").format(value, sql.SQL(", ").join(map(sql.Literal, self.words)))


class Currency(Format):
    sentence = "A currency is a code of three capital letters, such as USD."
    described = "A code of three capital letters, such as USD"

    def valid(self, value: Expression) -> Expression:
        return matches(value, "^[A-Z]{3}$")


class Boolean(Format):
    """true/false, 1/0 or yes/no, in any case (spreadsheets write TRUE)."""

    sql_type = "boolean"
    sentence = "This is neither true or false, 1 or 0, nor yes or no."
    described = "Either true or false, 1 or 0, or yes or no"
    cell = CellKind.BOOLEAN

    def valid(self, value: Expression) -> Expression:
        return sql.SQL("lower({}) IN ('true', 'false', '1', '0', 'yes', 'no')").format(value)

    def typed(self, value: Expression) -> Expression:
        return sql.SQL("(lower({}) IN ('true', '1', 'yes'))").format(value)

    def render(self, value: Any, obj: Any = None, **options: Any) -> str:
        return "" if value is None else str(bool(value)).lower()


class Integer(Format):
    """A whole number from `least` to the greatest `integer` of PostgreSQL."""

    sql_type = "integer"
    cell = CellKind.NUMBER

    def __init__(self, *, least: int = 0) -> None:
        super().__init__()
        self.least = least
        self.sentence = f"This is not a whole number from {least} to 2147483647."
        self.described = f"A whole number, {least} or more"

    def valid(self, value: Expression) -> Expression:
        # The pattern allows at most ten digits, so that the cast to bigint cannot fail.
        return sql.SQL("CASE WHEN {} THEN {}::bigint BETWEEN {} AND 2147483647 ELSE false END").format(
            matches(value, "^0*[0-9]{1,10}([.]0+)?$"), self._digits(value), self.least
        )

    def typed(self, value: Expression) -> Expression:
        return super().typed(self._digits(value))

    def faults(self, value: Expression) -> Sequence[Fault]:
        return [percentage(value), *separated_whole(value)]

    def _digits(self, value: Expression) -> Expression:
        return sql.SQL("split_part({}, '.', 1)").format(value)


class Amount(Format):
    """A decimal number, 0 or more, with at most `digits` digits, `places` of them after the point."""

    cell = CellKind.NUMBER

    def __init__(self, *, digits: int, places: int) -> None:
        super().__init__()
        self.places, self.whole = places, digits - places
        self.sql_type = f"numeric({digits}, {places})"
        self.sentence = "This is not a decimal number such as 12 or 0.5."
        self.described = f"A decimal number, 0 or more, with at most {places} decimals"

    def valid(self, value: Expression) -> Expression:
        decimals = f"[.][0-9]{{1,{self.places}}}0*"
        number = f"^(0*[0-9]{{1,{self.whole}}}({decimals})?|{decimals}|-(0+([.]0+)?|[.]0+))$"
        return sql.SQL("(octet_length({}) <= {} AND {})").format(value, _LONGEST_NUMBER, matches(value, number))

    def faults(self, value: Expression) -> Sequence[Fault]:
        return [
            percentage(value),
            *separated(value),
            (differs(value, "^-?([0-9]+([.][0-9]+)?|[.][0-9]+)$"), self.sentence),
            (matches(value, "^-.*[1-9]"), "The number is negative."),
            (
                matches(value, f"[.][0-9]{{{self.places}}}[0-9]*[1-9]"),
                f"The number has more than {self.places} decimals.",
            ),
            (matches(value, f"^-?0*[1-9][0-9]{{{self.whole}}}"), f"The number has more than {self.whole} digits."),
        ]

    def render(self, value: Any, obj: Any = None, **options: Any) -> str:
        if value is None:
            return ""
        text = f"{Decimal(value):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class Percent(Amount):
    """A percentage, `12.5` or `12.5%`: a workbook's cell in a percentage format arrives with the sign."""

    _GREATEST = 100

    def __init__(self, *, places: int) -> None:
        super().__init__(digits=3 + places, places=places)
        self.described = (
            f"A percentage from 0 to {self._GREATEST} with at most {places} decimals, such as 12.5 or 12.5%"
        )

    def valid(self, value: Expression) -> Expression:
        number = self._number(value)
        return sql.SQL("CASE WHEN {} THEN {}::numeric <= {} ELSE false END").format(
            super().valid(number), number, self._GREATEST
        )

    def typed(self, value: Expression) -> Expression:
        return super().typed(self._number(value))

    def faults(self, value: Expression) -> Sequence[Fault]:
        too_great = (sql.SQL("true"), f"The number is greater than {self._GREATEST}.")
        return [*super().faults(self._number(value)), too_great]

    def _number(self, value: Expression) -> Expression:
        return sql.SQL("regexp_replace({}, {}, '\\1')").format(value, sql.Literal(_PERCENTAGE))


class Day(Format):
    """A calendar day, written as `2026-03-01`."""

    sql_type = "date"
    sentence = "Not a valid date. Use 2026-03-01."
    described = "A date such as 2026-03-01"
    cell = CellKind.DAY

    def valid(self, value: Expression) -> Expression:
        return sql.SQL("({} AND pg_input_is_valid({}, 'date'))").format(matches(value, f"^{DAY}$"), value)

    def faults(self, value: Expression) -> Sequence[Fault]:
        return [(matches(value, f"^{DAY}$"), "There is no such date.")]

    def render(self, value: date | None, obj: Any = None, **options: Any) -> str:
        return "" if value is None else value.isoformat()


class Instant(Format):
    """An instant, `2026-03-01T09:14:03.250Z` or with an offset; digits after the millisecond are cut.

    Other programs write a space for `T`, or before the zone, `UTC` for `Z`, and offsets without a colon.
    """

    sql_type = "timestamptz"
    sentence = "Not a valid date and time. Use 2026-03-01T09:14:03Z or an offset such as +02:00."
    described = "A date and time such as 2026-03-01T09:14:03Z, or with an offset such as +02:00"

    def valid(self, value: Expression) -> Expression:
        # Some instants of the first years, depending on the zone, are out of Python's range.
        return sql.SQL(
            """
            CASE WHEN {usual} THEN true
                 ELSE {matches} AND left({value}, 3) <> '000' AND pg_input_is_valid({value}, 'timestamptz') END
            """
        ).format(usual=self._is_usual(value), matches=matches(value, INSTANT), value=value)

    def _is_usual(self, value: Expression) -> Expression:
        """Return the condition that the instant consists of listed parts, as most do.

        This takes a fifth of the time of the rules, because PostgreSQL hashes lists of nine words or more.
        """
        parts = {
            "left({}, 8)": _MONTHS,
            "substr({}, 9, 3)": _DAYS_OF_EVERY_MONTH,
            "substr({}, 12, 5)": _MINUTES,
            "substr({}, 17, 3)": _SECONDS,
            "substr({}, 20)": _ENDS,
        }
        conditions = [
            sql.SQL("{} = ANY ({}::text[])").format(sql.SQL(part).format(value), sql.Literal(f"{{{','.join(words)}}}"))
            for part, words in parts.items()
        ]
        return sql.SQL("({})").format(sql.SQL(" AND ").join(conditions))

    def typed(self, value: Expression) -> Expression:
        # PostgreSQL rounds to microseconds when it casts: digits are cut while they are still text.
        return sql.SQL(
            "CASE WHEN length({value}) > 24 THEN regexp_replace({value}, {finer}, '\\1') ELSE {value} END::timestamptz"
        ).format(value=value, finer=sql.Literal("([.][0-9]{3})[0-9]+"))

    def faults(self, value: Expression) -> Sequence[Fault]:
        return faults_of_instants(value)

    def render(self, value: datetime | None, obj: Any = None, **options: Any) -> str:
        if value is None:
            return ""
        instant = value.astimezone(UTC).replace(tzinfo=None)
        return f"{instant.isoformat(timespec='milliseconds' if instant.microsecond else 'seconds')}Z"
