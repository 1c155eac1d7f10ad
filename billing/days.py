"""Reads days as people write them."""

from datetime import date


def read_day(text: str) -> date:
    """Return a day written as YYYY-MM-DD. Raises ValueError, with a sentence as its message, for any other form."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ValueError(f"'{text}' is not a day: write it as YYYY-MM-DD.")
    return day
