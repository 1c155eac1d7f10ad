"""The cells of a workbook as the strict text that uploads want."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

# What a cell of a spreadsheet holds at most.
MAX_CELL = 32_767
# A spreadsheet keeps 15 digits.
_LEAST_RUINED = 10**15


def text(cell: Any) -> str:
    """A cell as uploads want it, without noise; what only looks like a value stays recognizable as none."""
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
    """What has more digits than a spreadsheet keeps is written as it shows it, which no column takes for a value."""
    if not isfinite(number):
        return "#NUM!"
    if abs(number) >= _LEAST_RUINED:
        mantissa, _, exponent = f"{number:.14E}".partition("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"
    if number == int(number):
        return str(int(number))
    return f"{Decimal(f'{number:.15g}'):f}"


def percentage(number: float) -> str:
    """What a spreadsheet shows of a number as a percentage, with its sign, and with the digits that it rounds away.

    One that has lost digits gets no sign, so that it stays recognizable as none.
    """
    if not isfinite(number):
        return "#NUM!"
    # Of the text of the number: the product of two floats has digits that nobody wrote.
    hundredfold = Decimal(f"{number:.15g}").scaleb(2)
    if abs(hundredfold) >= _LEAST_RUINED:
        return f"{hundredfold:.14E}"
    return f"{int(hundredfold)}%" if hundredfold == int(hundredfold) else f"{hundredfold:f}%"
