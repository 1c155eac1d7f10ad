"""Collects the metrics: requests from the web server's folder, jobs from the database, whichever is available."""

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

# Prometheus waits ten seconds for a target, unless configured otherwise.
PATIENCE_SECONDS = 6.0


class Requests(Collector):
    """The counts of `config.monitoring.request_metrics`, summed over the web server's processes on this machine."""

    def collect(self) -> Iterator[Metric]:
        folder = metrics_folder()
        if not folder.is_dir():
            return
        try:
            yield from MultiProcessCollector(None, str(folder)).collect()  # type: ignore[no-untyped-call]  # it is not typed
        except FileNotFoundError:  # a web server is starting, and has deleted the old counts
            return


class Jobs(Collector):
    """The metrics of `config.monitoring.job_metrics`, and whether the database answered for the cheap ones.

    However often they are read, the cheap ones are queried once a second at most, the others twice a minute.
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
        """Return nothing, so that registering does not need the database."""
        return []


def make_registry() -> CollectorRegistry:
    """Return a registry of all metrics of the product."""
    registry = CollectorRegistry()
    registry.register(Requests())
    registry.register(Jobs())
    return registry


def _read(read: Callable[[], list[Metric]], *, seconds: int) -> list[Metric]:
    with impatient_connection(seconds=seconds):
        return read()
