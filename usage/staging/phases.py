"""What a worker is doing with an upload."""

from enum import StrEnum


class Phase(StrEnum):
    """A phase of the work; reading counts bytes, the others rows."""

    READING = "reading"
    CHECKING = "checking"
    APPLYING = "applying"
    UNDOING = "undoing"
