"""The SQL that formats of cells are made of: conditions on text, and faults, which are conditions with a reason."""

from psycopg import sql

from billing.identifiers import INVISIBLE

Expression = sql.Composable
# A condition that is true for an invalid text, and the reason: a sentence, or an SQL text.
Fault = tuple[Expression, str | Expression]


def matches(value: Expression, pattern: str) -> Expression:
    """Return the condition that the text matches a regular expression."""
    return sql.SQL("{} ~ {}").format(value, sql.Literal(pattern))


def differs(value: Expression, pattern: str) -> Expression:
    """Return the condition that the text does not match a regular expression."""
    return sql.SQL("{} !~ {}").format(value, sql.Literal(pattern))


def said(*parts: str | Expression) -> Expression:
    """Return a reason that quotes values: sentences and SQL texts, one after the other."""
    pieces = [sql.Literal(part) if isinstance(part, str) else part for part in parts]
    return sql.SQL("concat({})").format(sql.SQL(", ").join(pieces))


def is_ascii(value: Expression) -> Expression:
    """Return the condition that the text consists of ASCII characters."""
    return sql.SQL("octet_length({value}) = length({value})").format(value=value)


def _listed(characters: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in characters)


# What an identifier may have inside is U+0020 alone; in numbers and dates, spaces have other explanations.
_ODD = f"[{_listed(INVISIBLE.replace(' ', ''))}]"
_NO_SPACES = "".join(one for one in INVISIBLE if not one.isspace())
_ODDER = f"[{_listed(_NO_SPACES)}]"


def has_odd_character(value: Expression) -> Expression:
    """Return the condition that a text has an invisible character other than U+0020."""
    # As JSON, only plain ASCII takes two bytes more: this costs a fraction of the regular expression.
    return sql.SQL(
        "CASE WHEN octet_length(to_json({value})::text) = length({value}) + 2 THEN false ELSE {odd} END"
    ).format(value=value, odd=matches(value, _ODD))


def odd_character(value: Expression, *, is_text: bool = True, instead: str = ", or type a space in its place") -> Fault:
    """Return the fault of a text with an invisible character; of a number or date (no `is_text`) unless a space."""
    odd = _ODD if is_text else _ODDER
    before = sql.SQL("right(substring({} from {}), 40)").format(value, sql.Literal(f"^(.*?){odd}"))
    code = sql.SQL("upper(lpad(to_hex(ascii(substring({} from {}))), 4, '0'))").format(value, sql.Literal(odd))
    return (
        matches(value, odd),
        said("The character U+", code, ' after "', before, f'" cannot be seen: delete it{instead}.'),
    )
