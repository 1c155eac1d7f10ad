"""The faults of numbers with separators. The advice is the same number, written so that it can mean one thing only."""

from collections.abc import Sequence

from psycopg import sql

from usage.resources.conditions import Expression, Fault, matches, said

# A negative number may have an apostrophe, from a file of rows in error.
_SIGN = "^'?-?"
_ONE_COMMA = f"{_SIGN}[1-9][0-9]{{0,2}},[0-9]{{3}}$"
_COMMAS = f"{_SIGN}[1-9][0-9]{{0,2}}(,[0-9]{{2,3}})*,[0-9]{{3}}([.][0-9]+)?$"
_POINTS = f"{_SIGN}[0-9]{{1,3}}([.][0-9]{{3}})+(,[0-9]+|[.][0-9]{{3}})$"
_SPACES = f"{_SIGN}[0-9]{{1,3}}([ '\u00a0\u2009\u202f\u2019][0-9]{{3}})+([.,][0-9]+)?$"
_DECIMAL_COMMA = f"{_SIGN}[0-9]*,[0-9]+$"
_THOUSANDS = "The number has separators between thousands: write "


def separated(value: Expression) -> Sequence[Fault]:
    """Return the faults of decimals with thousands separators or a decimal comma."""
    either = said(
        "The comma may separate thousands or decimals: write ",
        _digits(value, "[^0-9-]"),
        ", or ",
        _with_point(value),
        " if it is a decimal comma.",
    )
    comma = said("The number has a decimal comma: write ", _with_point(value), ".")
    return [(matches(value, _ONE_COMMA), either), *_thousands(value), (matches(value, _DECIMAL_COMMA), comma)]


def separated_whole(value: Expression) -> Sequence[Fault]:
    """Return the faults of whole numbers with thousands separators."""
    return [*_thousands(value), (matches(value, f"{_SIGN}[0-9]{{1,3}}[.][0-9]{{3}}$"), _written(value, "[^0-9-]"))]


def _thousands(value: Expression) -> Sequence[Fault]:
    without_spaces = sql.SQL("replace({}, ',', '.')").format(value)
    return [
        (matches(value, _COMMAS), _written(value, "[^0-9.-]")),
        (matches(value, _POINTS), said(_THOUSANDS, _points_removed(value), ".")),
        (matches(value, _SPACES), _written(without_spaces, "[^0-9.-]")),
    ]


def _points_removed(value: Expression) -> Expression:
    return sql.SQL("replace({}, ',', '.')").format(_digits(value, "[^0-9,-]"))


def _written(value: Expression, removed: str) -> Expression:
    return said(_THOUSANDS, _digits(value, removed), ".")


def _digits(value: Expression, removed: str) -> Expression:
    return sql.SQL("regexp_replace({}, {}, '', 'g')").format(value, sql.Literal(removed))


def _with_point(value: Expression) -> Expression:
    """Return the number with a point for its comma, a digit before it, and no needless zeros: never `1.500`."""
    return sql.SQL(
        """
        regexp_replace(rtrim(rtrim(replace(ltrim({}, ''''), ',', '.'), '0'), '.'), '^(-?)(?=$|[.])', '\\10')
        """
    ).format(value)
