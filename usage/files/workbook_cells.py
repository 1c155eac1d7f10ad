"""Convert the cells of a workbook to the strict text that uploads accept."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from usage.files.workbook_styles import Digits

# The longest text of a spreadsheet's cell.
MAX_CELL = 32_767
# Follows a cell that is no text: a date, a time, a truth value, a number not shown as its digits. Columns of text
# refuse it; all others take the two characters for surrounding space.
NOT_TEXT = "\x1f\x1e"
# Spreadsheets keep 15 digits.
_LEAST_RUINED = 10**15


def text(cell: Any) -> str:
    """Return a cell as uploads accept it, followed by NOT_TEXT where that is due.

    What only looks like a value stays recognizable as no value.
    """
    if isinstance(cell, str):
        return cell if len(cell) <= MAX_CELL else cell[:MAX_CELL]
    if isinstance(cell, bool):
        return f"true{NOT_TEXT}" if cell else f"false{NOT_TEXT}"
    if isinstance(cell, int | float):
        return _number(cell)
    return f"{_moment(cell)}{NOT_TEXT}"


def _moment(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds" if cell.microsecond else "seconds")
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _number(number: float) -> str:
    """Return the number as text, followed by NOT_TEXT if it has decimals.

    One with lost digits is in scientific notation, as shown, which no column accepts.
    """
    if not isfinite(number):
        return "#NUM!"
    if abs(number) >= _LEAST_RUINED:
        mantissa, _, exponent = f"{number:.14E}".partition("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"
    if number == int(number):
        return str(int(number))
    shown = f"{Decimal(f'{number:.15g}'):f}"
    return f"{shown}{NOT_TEXT}" if "." in shown else shown


def unlike_digits(number: float) -> str:
    """Return the number as text, followed by NOT_TEXT because its format does not show its digits."""
    shown = _number(number)
    return shown if shown.endswith(NOT_TEXT) else f"{shown}{NOT_TEXT}"


def digits(number: float, shown: Digits) -> str:
    """Return the number as a format of zeros and a plus shows it, followed by NOT_TEXT if it is shown otherwise."""
    if not isfinite(number) or number != int(number) or abs(number) >= _LEAST_RUINED:
        return _number(number)
    is_shown = shown.is_for_all or number > 0
    if number < 0:
        is_shown = is_shown and not shown.prefix
    if number == 0:
        is_shown = is_shown and shown.width > 0
    if not is_shown:
        return unlike_digits(number)
    sign = "-" if number < 0 else shown.prefix
    return f"{sign}{abs(int(number)):0{shown.width}}"


def in_utc(moment: date) -> str:
    """Return a day with a time, which the spreadsheet shows with a Z, as an instant."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return f"{_moment(moment)}Z{NOT_TEXT}"


def percentage(number: float) -> str:
    """Return the number as a spreadsheet shows it in a percentage format, with all its digits and the percent sign.

    A number that has lost digits gets no sign, so that it stays recognizable as no percentage.
    """
    if not isfinite(number):
        return "#NUM!"
    # Computed from the text of the number: a product of floats would have digits that the file does not contain.
    hundredfold = Decimal(f"{number:.15g}").scaleb(2)
    if abs(hundredfold) >= _LEAST_RUINED:
        return f"{hundredfold:.14E}"
    return f"{int(hundredfold)}%" if hundredfold == int(hundredfold) else f"{hundredfold:f}%"
