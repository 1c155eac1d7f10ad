"""The figures of the last runs in `docs/benchmarks.md`, one block for each part, between comments that name it."""

import json
import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def figures_of(output: Sequence[str]) -> list[str]:
    """Return the lines of a benchmark's output that show its figures; the last line has the same figures as JSON."""
    try:
        names = [figure["name"] for figure in json.loads(output[-1])]
    except (IndexError, ValueError):  # it broke off
        return []
    return [line for line in output[:-1] if any(line.startswith(f"{name} ") for name in names)]


def with_figures(text: str, part: str, figures: Sequence[str], *, machine: str, day: date) -> str:
    """Return the document with new figures for a part. Raises ValueError if it has no place for them."""
    block = f"{day}, {machine}:\n\n```\n{chr(10).join(figures)}\n```"
    place = re.compile(rf"(<!-- {re.escape(part)} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    changed, places = place.subn(lambda match: f"{match[1]}{block}{match[2]}", text)
    if places != 1:
        raise ValueError(f"{DOCUMENT.name} has no place for the figures of {part}.")
    return changed


def machine() -> str:
    """Return what the figures depend on: the processor and the number of cores."""
    try:
        model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        model = None
    return f"{os.cpu_count()} cores, {model[1] if model else platform.machine()}"


def write(part: str, output: Sequence[str]) -> None:
    """Write the figures of a completed part into the document."""
    if figures := figures_of(output):
        text = with_figures(DOCUMENT.read_text(), part, figures, machine=machine(), day=date.today())  # noqa: DTZ011 - of the person who measures
        DOCUMENT.write_text(text)
