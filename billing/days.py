"""Days as people write them."""

from datetime import date


def read_day(text: str) -> date:
    """A day written YYYY-MM-DD and in no other way; a ValueError whose message is a sentence otherwise."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ValueError(f"'{text}' is not a day: write it as YYYY-MM-DD.")
    return day
