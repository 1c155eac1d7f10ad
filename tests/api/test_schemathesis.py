"""Schemathesis on a server with a worker, all of its checks and phases, as three identities: nothing undocumented."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings

from billing.models import Administrator, Subscription
from jobs.states import State
from reports.api.openapi import examples
from reports.models import ReportJob
from tests.acme import NOW, make_acme
from tests.api.ready_reports import make_ready
from tests.canary import make_canary
from tests.factories import make_api_token
from tests.fixtures.processes import Server
from tests.people import make_member, make_staff
from tests.report_jobs import make_job

HERE = Path(__file__).parent
SHORT = "FUZZ_EXAMPLES" not in os.environ
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "8")
ALL_PHASES = "examples,coverage,fuzzing,stateful"
# The phase with fixed cases takes as long as all others together: in the short form only one identity runs it.
PHASES = {
    "administrator": ALL_PHASES,
    "administrator without permissions": "examples,fuzzing,stateful" if SHORT else ALL_PHASES,
    "superuser": "examples,fuzzing,stateful" if SHORT else ALL_PHASES,
}


def make_jobs(subscription: Subscription, canary: Subscription) -> None:
    """Create the jobs whose IDs `schemathesis.toml` names."""
    ids = (UUID(f"00000000-0000-4000-8000-{number:012}") for number in count(1))
    for number in range(8):
        job = make_ready(subscription, id=next(ids))
        if number % 2:  # the conditions in the schema's examples hold for every other file
            ReportJob.objects.filter(pk=job.pk).update(file_sha256=examples.SHA256)
    for state in (State.QUEUED, State.QUEUED, State.FAILED):
        make_job(
            subscription=subscription, id=next(ids), state=state, finished_at=NOW if state == State.FAILED else None
        )
    make_ready(canary, id=next(ids))


def make_identity(name: str) -> Administrator:
    """Return one of the three identities, in a world of two customers."""
    subscription = make_acme(number="SUB-1001")
    make_jobs(subscription, make_canary().subscription)
    acme = subscription.account
    if name == "administrator":
        return make_member(acme, email="ana@acme.example")
    if name == "administrator without permissions":
        return make_member(acme, permissions=(), email="nora@acme.example")
    return make_staff()


@pytest.mark.parametrize("identity", PHASES)
def test_nothing_fails_and_nothing_is_undocumented(identity: str, server: Server, tmp_path: Path) -> None:
    _token, secret = make_api_token(administrator=make_identity(identity))
    schema = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
    command = [
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        str(schema),
        *("--max-examples", EXAMPLES),
        *("--phases", PHASES[identity]),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *command],
        cwd=tmp_path,
        env={**os.environ, "API_URL": server.url, "API_TOKEN": secret, "PYTHONPATH": str(settings.BASE_DIR)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
