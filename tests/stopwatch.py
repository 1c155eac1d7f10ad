"""How long something took of the time that the machine had: its host may have lent the cores to another machine.

A test that something ends soon is about the product. The clock on the wall tells of the host, too; the kernel accounts
for what the host took, and that is left out here. On a machine that has its cores to itself these are the seconds of
the clock on the wall, however much else runs on it.
"""

import os
import time
from pathlib import Path

STOLEN = 8
"""Which field of a line of /proc/stat holds the time that the host did not give."""


class Stopwatch:
    """Started when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._stolen = _stolen()

    @property
    def elapsed(self) -> float:
        """Seconds by the clock on the wall, since the start."""
        return time.monotonic() - self._began

    @property
    def seconds(self) -> float:
        """Seconds since the start, less what the host took of the core it took most of: work is on one core."""
        return self.elapsed - max(now - before for now, before in zip(_stolen(), self._stolen, strict=True))


def _stolen() -> list[float]:
    """For each core, how many seconds so far the host gave to somebody else."""
    cores = [line.split() for line in Path("/proc/stat").read_text().splitlines() if line.startswith("cpu")][1:]
    return [int(core[STOLEN]) / os.sysconf("SC_CLK_TCK") for core in cores]
