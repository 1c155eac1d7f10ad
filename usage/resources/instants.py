"""The faults of dates and times: what exactly is wrong with those that tools and people write otherwise."""

from collections.abc import Sequence

from usage.resources.conditions import Expression, Fault, matches

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]+)?"
# One space may stand before it.
ZONE = " ?(?:Z|UTC|[+-](?:0[0-9]|1[0-5]):?[0-5][0-9])"
INSTANT = f"^{DAY}[T ]{TIME}{ZONE}$"
_USE = "Use 2026-03-01T09:14:03Z (UTC) or an offset such as +02:00."
_INVALID = "Not a valid date and time:"

# Texts in ways that are near enough to say what is wrong with them.
_NEAR_DAY = f"{DAY}(?:[Tt]| *)"
_NEAR_TIME = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
_NEAR_ZONE = " *(?:[Zz]|[Uu][Tt][Cc]|[+-][0-9]{1,2}(?::?[0-9]{2})?)"
_HALF_DAY = r"[0-9:. ][AaPp][.]?[Mm]\M"
_NAME = r"\[?[A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)*\]?|\([A-Za-z ]+\)"
_FAULTS = [
    (INSTANT, "There is no such date."),
    (f"^{DAY}[T ]{TIME}$", f"The time has no zone. {_USE}"),
    (_HALF_DAY, f"{_INVALID} it has AM or PM. Write hours from 00 to 23, and the zone, as 2026-03-01T21:14:03Z."),
    ("^-?[0-9]{9,}([.][0-9]+)?$", f"{_INVALID} this number counts from 1970 (epoch). Write 2026-03-01T09:14:03Z."),
    ("^[0-9]{1,6}([.,][0-9]+)?$", f"{_INVALID} this number is a spreadsheet's. Write text, as 2026-03-01T09:14:03Z."),
    (f"^{DAY}$", f"{_INVALID} it has no time. {_USE}"),
    (f"^{_NEAR_DAY}[0-9]{{1,2}}:[0-9]{{2}}({_NEAR_ZONE})?$", f"{_INVALID} it has no seconds. {_USE}"),
    (f"^{_NEAR_DAY}{_NEAR_TIME} *(z|utc|Utc)$", f"{_INVALID} the zone is not in capitals. {_USE}"),
    (f"^{_NEAR_DAY}{_NEAR_TIME}(?!{_NEAR_ZONE}$)({_NEAR_ZONE})? *({_NAME})$",
     f"{_INVALID} the zone is a name. {_USE}"),
    (f"^{_NEAR_DAY}[0-9:]+,[0-9]+", f"{_INVALID} the seconds have a comma. Use 2026-03-01T09:14:03.250Z."),
    (f"^{DAY}[T ]{TIME} ?[+-][0-9:]+$", f"{_INVALID} the offset is not as +02:00, up to 15 hours and 59 minutes."),
    (f"^{DAY}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?![0-9])",
     f"{_INVALID} hours are 00 to 23, minutes and seconds 00 to 59. {_USE}"),
    (f"^(?!{DAY})[0-9]{{1,4}}[-/. ][0-9]{{1,2}}[-/. ][0-9]{{1,4}}(?![0-9])",
     f"{_INVALID} the date is not year-month-day. {_USE}"),
]  # fmt: skip


def faults_of_instants(value: Expression) -> Sequence[Fault]:
    """Return the faults of texts that are no valid instants, the most specific first."""
    return [(matches(value, pattern), sentence) for pattern, sentence in _FAULTS]
