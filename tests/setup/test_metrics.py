"""Metrics for Prometheus: true, bounded in number, and available without the database."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models.functions import Now
from django.test import Client
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from config.monitoring import job_metrics
from config.monitoring.collector import make_registry
from config.monitoring.metrics_folder import VARIABLE, count_in_folder, forget_counts, metrics_folder
from config.supervisor.ports import ADDRESS
from jobs.states import State
from jobs.tasks import sweep
from reports import types
from reports.models import ReportJob
from tests.factories import make_administrator
from tests.processes import free_port
from tests.report_jobs import make_job
from tests.setup.servers import PROJECT
from tests.waiting import GUARD_SECONDS, wait_for

COUNT = """
import os, sys
from config.monitoring.metrics_folder import count_in_folder
count_in_folder()
from config.monitoring.request_metrics import REQUESTS
REQUESTS.labels("GET", "home", "3xx").inc()
if os.fork() == 0:
    REQUESTS.labels("GET", "home", "3xx").inc(2)
    os._exit(0)
os.wait()
"""


class Figures:
    """Return the metrics that Prometheus would read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"tallydesk_{name}", labels)


class Read:
    """Return a collector with the metrics of jobs, read once."""

    def collect(self) -> list[Any]:
        return [*job_metrics.read_unfinished(), *job_metrics.read_finished()]


def figures_of_jobs() -> Figures:
    registry = CollectorRegistry()
    registry.register(Read())
    return Figures(registry)


def requests_counted(**labels: str) -> float:
    return REGISTRY.get_sample_value("tallydesk_requests_total", labels) or 0


def finished(job: ReportJob, state: State, *, seconds: float = 0, rows: int | None = None) -> None:
    result = {"file_rows": rows, "file_bytes": 1, "file_sha256": "0" * 64} if state == State.SUCCEEDED else {}
    started = Now() - timedelta(seconds=seconds)
    ReportJob.objects.filter(pk=job.pk).update(state=state, started_at=started, finished_at=Now(), **result)


def read(port: int) -> str:
    """Return what is served at a port; empty if nothing is."""
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}:{port}/metrics", timeout=GUARD_SECONDS) as answer:
            return str(answer.read().decode())
    except urllib.error.URLError:
        return ""


@pytest.mark.django_db
def test_requests_are_counted_by_the_name_of_their_address_and_the_class_of_their_answer() -> None:
    labels = {"method": "GET", "route": "admin:login", "status": "2xx"}
    before = requests_counted(**labels)
    Client().get("/admin/login/?next=/secret/")
    assert requests_counted(**labels) == before + 1
    assert REGISTRY.get_sample_value("tallydesk_request_seconds_count", {"method": "GET", "route": "admin:login"})
    assert "secret" not in generate_latest(REGISTRY).decode()


@pytest.mark.django_db
def test_strangers_cannot_make_new_figures() -> None:
    client = Client()
    client.generic("X-STRANGE-1", "/strange-1/")
    before = len(generate_latest(REGISTRY).splitlines())
    for number in range(2, 6):
        client.generic(f"X-STRANGE-{number}", f"/strange-{number}/")
    assert requests_counted(method="other", route="none", status="4xx") >= 5
    assert len(generate_latest(REGISTRY).splitlines()) == before


def test_probes_are_not_counted() -> None:
    before = [sample for family in REGISTRY.collect() if "request" in family.name for sample in family.samples]
    Client().get("/healthz")
    assert before == [s for family in REGISTRY.collect() if "request" in family.name for s in family.samples]


def test_processes_of_a_web_server_are_added_up_until_it_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "metrics"))
    figures = Figures(make_registry())
    assert figures("requests_total", method="GET", route="home", status="3xx") is None  # no folder, no metrics
    for total in (3, 6):  # those of ended processes stay
        subprocess.run([sys.executable, "-c", COUNT], check=True, cwd=PROJECT)
        assert figures("requests_total", method="GET", route="home", status="3xx") == total
    forget_counts()
    assert figures("requests_total", method="GET", route="home", status="3xx") is None


def test_a_folder_that_cannot_be_made_costs_the_figures_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "metrics"))
    count_in_folder()
    assert VARIABLE not in os.environ
    monkeypatch.setenv(VARIABLE, "")
    assert metrics_folder().name == "metrics"


@pytest.mark.django_db
def test_unfinished_jobs_are_counted_by_type_and_state_and_the_oldest_queued_has_an_age() -> None:
    figures = figures_of_jobs()
    for report_type in types.all_types():
        assert figures("jobs", kind="report", type=report_type.slug, state="queued") == 0
    assert figures("jobs", kind="upload", type="apply", state="running") == 0
    assert figures("queue_age_seconds", kind="report") == figures("queue_age_seconds", kind="upload") == 0
    first, _second, running = make_job(), make_job(), make_job()
    ReportJob.objects.filter(pk__in=[first.pk, running.pk]).update(requested_at=Now() - timedelta(seconds=90))
    assert ReportJob.objects.claim(running.pk)
    ReportJob.objects.filter(pk=first.pk).update(requested_at=Now() - timedelta(seconds=60))
    assert figures("jobs", kind="report", type="user-hours", state="queued") == 2
    assert figures("jobs", kind="report", type="user-hours", state="running") == 1
    age = figures("queue_age_seconds", kind="report")
    assert age is not None
    assert 60 <= age < 80


@pytest.mark.django_db
def test_finished_jobs_are_counted_with_the_rows_and_seconds_of_those_that_succeeded() -> None:
    figures = figures_of_jobs()
    finished(make_job(), State.SUCCEEDED, seconds=4, rows=100)
    finished(make_job(), State.SUCCEEDED, seconds=400, rows=11)
    finished(make_job(), State.FAILED, seconds=1000)
    make_job().cancel()
    for state, count in [("succeeded", 2), ("failed", 1), ("cancelled", 1)]:
        assert figures("jobs_finished_total", kind="report", type="user-hours", state=state) == count
        assert figures("jobs_finished_total", kind="report", type="voice-usage", state=state) == 0
        assert figures("jobs_finished_total", kind="upload", type="apply", state=state) == 0
    assert figures("report_rows_total", type="user-hours") == 111
    assert figures("report_seconds_sum", type="user-hours") == pytest.approx(404, abs=0.1)
    for bound, count in [("2.5", 0), ("5.0", 1), ("300.0", 1), ("1800.0", 2), ("+Inf", 2)]:
        assert figures("report_seconds_bucket", type="user-hours", le=bound) == count
    assert figures("report_seconds_count", type="voice-usage") == 0


@pytest.mark.django_db
def test_the_sweep_has_an_age_once_it_was_seen() -> None:
    assert figures_of_jobs()("sweep_age_seconds") is None
    sweep()
    age = figures_of_jobs()("sweep_age_seconds")
    assert age is not None
    assert 0 <= age < 30


@pytest.mark.django_db
def test_what_is_unfinished_is_found_by_an_index_of_what_is_unfinished() -> None:
    for statement in (job_metrics.UNFINISHED_JOBS, job_metrics.QUEUE_AGE):
        for kind in job_metrics.KINDS:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("EXPLAIN " + job_metrics.composed(statement, kind))
                plan = "\n".join(line for (line,) in cursor)
            assert "_unfinished" in plan or "upload_takes_one_step_at_a_time" in plan, plan


@pytest.mark.django_db
def test_a_database_that_is_away_is_a_figure(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    away = {"HOST": "127.0.0.1", "PORT": 1}
    monkeypatch.setitem(connections.settings, "default", connection.settings_dict | away)
    text = generate_latest(make_registry()).decode()
    assert "\ntallydesk_database_up 0.0\n" in text
    assert "tallydesk_jobs" not in text


def test_metrics_are_served_without_a_database_until_stopped(home: Path) -> None:
    port = free_port()
    command = [sys.executable, "manage.py", "serve_metrics", "--port", str(port)]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": "postgres://a@127.0.0.1:1/b",
    }
    environment |= {"SECRET_KEY": "for a test", "REDIS_URL": "redis://127.0.0.1:1/0"}
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        text = wait_for(lambda: read(port), what="metrics are served")
        assert "tallydesk_database_up 0.0" in text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=GUARD_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def test_a_port_that_cannot_be_had_is_one_sentence(home: Path) -> None:
    command = [sys.executable, "manage.py", "serve_metrics", "--port", "99999"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    answer = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("CommandError: 127.0.0.1:99999 cannot be listened on: ")
    assert answer.stderr.count("\n") == 1


@pytest.mark.django_db
def test_no_metric_names_the_signed_in_administrator() -> None:
    client = Client()
    client.force_login(make_administrator())
    client.get("/admin/")
    assert "@" not in generate_latest(REGISTRY).decode()
