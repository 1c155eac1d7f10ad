"""One terminal for several programs: each line begins with the name of its program."""

import os
from typing import TextIO

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)


class Console:
    """Writes lines that begin with a name, in colour on a terminal unless NO_COLOR is set."""

    def __init__(self, stream: TextIO, names: list[str]) -> None:
        self.is_broken = False
        self._stream = stream
        self._width = max(map(len, names), default=0)
        self._colours: dict[str, int] = {}
        if stream.isatty() and "NO_COLOR" not in os.environ:
            self._colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}

    def line(self, name: str, text: str) -> None:
        """Write a line of a program's output."""
        label = f"{name:<{self._width}} |"
        if name in self._colours:
            label = f"\033[{self._colours[name]}m{label}\033[0m"
        self.say(f"{label} {text}")

    def say(self, text: str) -> None:
        """Write a line of our own. If the stream is closed (a broken pipe), set `is_broken`."""
        if self.is_broken:
            return
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except OSError:
            self.is_broken = True
            # Discard what is left in the stream's buffer, so that the interpreter's last flush cannot fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
