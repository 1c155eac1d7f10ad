"""Values as text of CSV cells, for the places where Python makes the text and not the database."""

from decimal import ROUND_HALF_UP, Decimal


def duration_text(milliseconds: int) -> str:
    """Return a duration such as `07:05:09:042`; hours have at least two digits."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{milliseconds:03}"


def decimal_text(value: Decimal, least: int, most: int) -> str:
    """Return a decimal rounded half up to `most` places, without trailing zeros beyond the first `least` places."""
    rounded = f"{value.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP):f}"
    if most == least:
        return rounded
    whole, _, decimals = rounded.partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole
