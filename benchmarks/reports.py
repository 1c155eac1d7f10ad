"""Reports: their speed against the bare database and a stock export, their memory, and the time from click to file."""

from collections.abc import Callable, Iterator, Mapping

from benchmarks import (
    reports_desk,
    reports_formats,
    reports_memory,
    reports_sessions,
    reports_table,
    reports_voice,
)
from benchmarks.measuring import Measured

# In an order in which one database can serve all of them.
GROUPS: Mapping[str, Callable[[], Iterator[Measured]]] = {
    "table": reports_table.figures,
    "click": reports_desk.figures,
    "voice": reports_voice.figures,
    "formats": reports_formats.figures,
    "memory": reports_memory.figures,
    "sessions": reports_sessions.figures,
}


def figures() -> Iterator[Measured]:
    """Run all of them, one after the other in one database."""
    for group in GROUPS.values():
        yield from group()
