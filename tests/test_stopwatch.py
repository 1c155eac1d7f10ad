"""The watch of the tests: the clock on the wall, less what the host took."""

from types import SimpleNamespace

import pytest

from tests import stopwatch
from tests.stopwatch import Stopwatch


@pytest.mark.parametrize(
    ("stolen", "seconds"),
    [([0, 0], 4), ([1, 0], 3), ([1, 3], 1), ([3, 3], 1)],
)
def test_what_the_host_took_is_left_out_once(
    stolen: list[float], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, so_far = [100.0], [7.0, 8.0]
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(stopwatch, "_stolen", lambda: list(so_far))
    watch = Stopwatch()
    now[0] += 4
    so_far[:] = [7 + stolen[0], 8 + stolen[1]]
    assert watch.elapsed == 4
    assert watch.seconds == seconds


def test_the_kernel_is_read_for_each_core() -> None:
    watch = Stopwatch()
    assert len(stopwatch._stolen()) >= 1
    assert watch.seconds <= watch.elapsed
