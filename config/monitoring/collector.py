"""What Prometheus reads: requests from the web server's folder, jobs from the database, as far as either is there."""

from collections.abc import Callable, Iterator
from concurrent.futures import wait

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config.database import impatient_connection
from config.monitoring.job_metrics import read_finished, read_unfinished
from config.monitoring.metrics_folder import metrics_folder
from config.monitoring.questions import Question

# Prometheus itself gives a target ten seconds, unless it is told otherwise.
PATIENCE_SECONDS = 6.0


class Requests(Collector):
    """What `config.monitoring.request_metrics` counts, summed over the web server's processes on this machine."""

    def collect(self) -> Iterator[Metric]:
        folder = metrics_folder()
        if not folder.is_dir():
            return
        try:
            yield from MultiProcessCollector(None, str(folder)).collect()  # type: ignore[no-untyped-call]  # it is not typed
        except FileNotFoundError:  # a web server is just starting, and has deleted what was there before
            return


class Jobs(Collector):
    """The figures of `config.monitoring.job_metrics`, and whether the database gave those that it has at hand.

    However many read them, the database is asked for the cheap ones once a second, for the others twice a minute.
    """

    def __init__(self) -> None:
        self._unfinished = Question("unfinished jobs", lambda: _read(read_unfinished, seconds=4), fresh_seconds=1)
        self._finished = Question("finished jobs", lambda: _read(read_finished, seconds=20), fresh_seconds=30)

    def collect(self) -> Iterator[Metric]:
        answers = [self._unfinished.ask(), self._finished.ask()]
        wait(answers, timeout=PATIENCE_SECONDS)
        figures = [answer.result() if answer.done() and not answer.exception() else None for answer in answers]
        is_up = figures[0] is not None
        yield GaugeMetricFamily("tallydesk_database_up", "1 if the database answers, otherwise 0.", int(is_up))
        for found in figures:
            yield from found or []

    def describe(self) -> list[Metric]:
        """Nothing beforehand: to be registered, the database is not needed."""
        return []


def make_registry() -> CollectorRegistry:
    """All figures of the product."""
    registry = CollectorRegistry()
    registry.register(Requests())
    registry.register(Jobs())
    return registry


def _read(read: Callable[[], list[Metric]], *, seconds: int) -> list[Metric]:
    with impatient_connection(seconds=seconds):
        return read()
