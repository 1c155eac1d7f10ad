"""Convert the cells of a workbook to the strict text that uploads accept."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

# The longest text of a spreadsheet's cell.
MAX_CELL = 32_767
# Spreadsheets keep 15 digits.
_LEAST_RUINED = 10**15


def text(cell: Any) -> str:
    """Return a cell as uploads accept it. What only looks like a value stays recognizable as no value."""
    if isinstance(cell, str):
        return cell if len(cell) <= MAX_CELL else cell[:MAX_CELL]
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return _number(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds" if cell.microsecond else "seconds")
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _number(number: float) -> str:
    """Return the number as text; one with lost digits in scientific notation, as shown, which no column accepts."""
    if not isfinite(number):
        return "#NUM!"
    if abs(number) >= _LEAST_RUINED:
        mantissa, _, exponent = f"{number:.14E}".partition("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"
    if number == int(number):
        return str(int(number))
    return f"{Decimal(f'{number:.15g}'):f}"


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
