"""How sizes, times and numbers of rows read on the screens of uploads."""

from datetime import timedelta

_KILO = 1000
_TENS = 10
_MINUTE = 60
_SHORTEST = 0.1


def counted(number: int, one: str = "row", many: str = "rows") -> str:
    """`1 row`, `300,000 rows`."""
    return f"{number:,} {one if number == 1 else many}"


def size_text(size: int) -> str:
    """`612 bytes`, `4.1 kB`, `18 MB`: in steps of a thousand, one decimal below ten."""
    if size < _KILO:
        return counted(size, "byte", "bytes")
    number, units = size / _KILO, ["kB", "MB", "GB", "TB"]
    while number >= _KILO - 0.5 and len(units) > 1:
        number, units = number / _KILO, units[1:]
    return f"{number:.1f} {units[0]}" if number < _TENS - 0.05 else f"{number:.0f} {units[0]}"


def duration_text(duration: timedelta) -> str:
    """`under 0.1 s`, `0.4 s`, `12 s`, `2 min 5 s`."""
    seconds = duration.total_seconds()
    if seconds < _SHORTEST:
        return f"under {_SHORTEST} s"
    if seconds < _TENS:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
