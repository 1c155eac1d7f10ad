"""The loop that keeps the parts alive until a signal stops it, or it cannot go on."""

import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from config.supervisor.console import Console
from config.supervisor.parts import Part, Supervised, described

TICK = 0.1
DEATHS = 5
DEATHS_WITHIN = 60.0
FIRST_PAUSE = 0.5
START_SECONDS = 120.0
STOP_SECONDS = 10.0


class SupervisorError(Exception):
    """Raised after everything was stopped; the message says why."""


def supervise(
    parts: Sequence[Part],
    console: Console,
    *,
    is_ready: Callable[[], bool],
    when_ready: Callable[[], None],
    trouble: Callable[[], str | None] = lambda: None,
) -> None:
    """Run the parts until SIGINT, SIGTERM or SIGHUP, then stop them all.

    A part that ends is restarted after a pause that doubles each time. A thread calls `is_ready` until it returns true;
    then `when_ready` is called once. `trouble` returns why the parts cannot go on, or None.
    Raises SupervisorError, after stopping everything, if a part died five times within a minute, there is trouble, or
    the parts did not become ready.
    """
    supervision = _Supervision(console)
    with _told_to_stop(supervision), _asked_until_true(is_ready) as ready:
        try:
            supervision.start(parts)
            late = time.monotonic() + START_SECONDS
            waiting = True
            while not supervision.stop_requests:
                supervision.turn()
                if trouble_now := trouble():
                    raise SupervisorError(trouble_now)
                if waiting and ready.is_set():
                    waiting = False
                    when_ready()
                if waiting and time.monotonic() > late:
                    raise SupervisorError(f"Not everything was running within {START_SECONDS:g} s.")
        finally:
            supervision.stop()


class _Supervision:
    """The parts of one `supervise`."""

    def __init__(self, console: Console) -> None:
        self.stop_requests = 0
        self._console = console
        self._selector = selectors.DefaultSelector()
        self._parts: list[Supervised] = []

    def start(self, parts: Sequence[Part]) -> None:
        for part in parts:
            supervised = Supervised(part, self._console)
            self._parts.append(supervised)
            self._watch(supervised)

    def turn(self) -> None:
        """Relay output for a moment, and restart parts that have died."""
        self._relay()
        now = time.monotonic()
        for supervised in self._parts:
            if supervised.restart_at is None:
                if supervised.has_ended:
                    self._mourn(supervised, now)
            elif now >= supervised.restart_at:
                supervised.restart()
                self._watch(supervised)

    def stop(self) -> None:
        """Stop all parts: gracefully, then by force after STOP_SECONDS or at another signal."""
        requests = max(self.stop_requests, 1)
        for supervised in self._parts:
            supervised.signal(signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while not all(supervised.has_ended for supervised in self._parts):
            if time.monotonic() > end or self.stop_requests > requests:
                break
            self._relay()
        for supervised in self._parts:
            supervised.bury()

    def _relay(self) -> None:
        for key, _events in self._selector.select(TICK):
            supervised: Supervised = key.data
            if not supervised.relay():
                self._selector.unregister(key.fileobj)
        if self._console.is_broken and not self.stop_requests:
            self.stop_requests = 1

    def _watch(self, supervised: Supervised) -> None:
        self._selector.register(supervised.output, selectors.EVENT_READ, supervised)

    def _mourn(self, supervised: Supervised, now: float) -> None:
        if supervised.output in self._selector.get_map():
            self._selector.unregister(supervised.output)
        name, how = supervised.part.name, described(supervised.bury())
        deaths = supervised.deaths
        deaths.append(now)
        while deaths[0] < now - DEATHS_WITHIN:
            deaths.popleft()
        if len(deaths) >= DEATHS:
            last = "\n".join(f"  {line}" for line in supervised.last_lines)
            raise SupervisorError(f"{name} died {DEATHS} times within a minute. Its last lines:\n{last or '  (none)'}")
        pause = FIRST_PAUSE * 2 ** (len(deaths) - 1)
        supervised.restart_at = now + pause
        self._console.line(name, f"died ({how}); restarting in {pause:g} s")


@contextmanager
def _told_to_stop(supervision: _Supervision) -> Iterator[None]:
    """Count signals to stop, instead of being interrupted by them."""

    def count(_number: int, _frame: FrameType | None) -> None:
        supervision.stop_requests += 1

    before = {number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _asked_until_true(question: Callable[[], bool]) -> Iterator[threading.Event]:
    """Yield an event that is set once the question returns true; a thread keeps asking."""
    answered, over = threading.Event(), threading.Event()

    def ask() -> None:
        while not over.wait(TICK):
            if question():
                answered.set()
                return

    threading.Thread(target=ask, daemon=True).start()
    try:
        yield answered
    finally:
        over.set()
