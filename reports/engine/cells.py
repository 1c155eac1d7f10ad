"""Values as the cells of CSV files show them, where Python and not the database makes the text."""

from decimal import ROUND_HALF_UP, Decimal


def duration_text(milliseconds: int) -> str:
    """`07:05:09:042`: two digits of hours at least."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{milliseconds:03}"


def decimal_text(value: Decimal, least: int, most: int) -> str:
    """With so many decimals at least and at most, half up, and without needless zeros in between."""
    rounded = f"{value.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP):f}"
    if most == least:
        return rounded
    whole, _, decimals = rounded.partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole
