"""Which process of a run takes which test: the longest first, and tests that wait beside tests that compute.

`durations.json` holds the tests that take longer than a second: how long they took, and how much of it the machine
worked for them. `make durations` writes it anew. A test it does not know counts as short; one that is gone is ignored.
"""

import json
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScheduling
from xdist.workermanage import WorkerController

DURATIONS = Path(__file__).with_name("durations.json")
LEAST_SECONDS = 1.0
WAITING_SHARE = 0.6
"""A test whose processes work for less of its time waits: another one can use the core meanwhile."""
PROPERTY = "seconds and seconds worked"
STARTED = pytest.StashKey[tuple[float, float]]()
OPTION = "--record-durations"


class LongestFirst(LoadScheduling):  # type: ignore[misc]  # the package has no types
    """Hands out tests one by one. The last process takes tests that wait, if there are any; others take them last."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self.maxschedchunk = 1
        self._durations = read_durations()
        self._was_sorted = False

    def _send_tests(self, node: WorkerController, num: int) -> None:
        """Send this number of pending tests, first those that the process prefers."""
        is_for_waiting = node is self.nodes[-1] and len(self.nodes) > 2
        if not self._was_sorted:
            self.pending.sort(key=lambda index: -self._seconds(index))
            self._was_sorted = True
        for count in range(min(num, len(self.pending))):
            self.pending.insert(count, self.pending.pop(self._place(count, is_for_waiting)))
        super()._send_tests(node, num)

    def _place(self, first: int, is_for_waiting: bool) -> int:
        """Return the position, from `first` on, of the longest test that the process prefers, else of the longest."""
        for place in range(first, len(self.pending)):
            index = self.pending[place]
            if self._seconds(index) == 0 and is_for_waiting:
                break
            if self._waits(index) == is_for_waiting:
                return place
        return first

    def _seconds(self, index: int) -> float:
        return self._durations.get(self._names()[index], (0.0, 0.0))[0]

    def _waits(self, index: int) -> bool:
        seconds, worked = self._durations.get(self._names()[index], (0.0, 0.0))
        return worked < WAITING_SHARE * seconds

    def _names(self) -> Sequence[str]:
        assert self.collection is not None
        names: Sequence[str] = self.collection
        return names


def read_durations() -> dict[str, tuple[float, float]]:
    """Return for each long test, by its ID, how many seconds it took, and how many its processes computed."""
    durations: dict[str, tuple[float, float]] = {}
    if DURATIONS.exists():
        durations = {name: (seconds, worked) for name, (seconds, worked) in json.loads(DURATIONS.read_text()).items()}
    return durations


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help=f"write {DURATIONS.name} anew from this run")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(OPTION) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder())


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LongestFirst:
    return LongestFirst(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    item.stash[STARTED] = time.monotonic(), _seconds_worked()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if call.when == "teardown":
        began, worked = item.stash[STARTED]
        report.user_properties.append((PROPERTY, [time.monotonic() - began, _seconds_worked() - worked]))
    return report


def _seconds_worked() -> float:
    """Return the CPU seconds so far of this process and of its processes that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


class Recorder:
    """Collects how long each test took."""

    def __init__(self) -> None:
        self._durations: dict[str, Sequence[float]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if report.when == "teardown" and name == PROPERTY:
                self._durations[report.nodeid] = value  # type: ignore[assignment]

    def pytest_sessionfinish(self) -> None:
        long = {
            name: [round(seconds, 1), round(worked, 1)]
            for name, (seconds, worked) in sorted(self._durations.items())
            if seconds >= LEAST_SECONDS
        }
        DURATIONS.write_text(json.dumps(long, indent=0) + "\n")
