"""The phases of a worker's attempt at a step of an upload."""

from enum import StrEnum


class Phase(StrEnum):
    """A phase of the work. Reading reports bytes, the others rows."""

    READING = "reading"
    CHECKING = "checking"
    APPLYING = "applying"
    UNDOING = "undoing"
