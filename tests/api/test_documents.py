"""The programs in README, docs/api.md and docs/operations.md, run as they are printed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone

from billing.cycles import DateRange
from billing.models import Subscription
from reports import types
from tests.documents import blocks, blocks_marked_tested
from tests.factories import make_api_token
from tests.fixtures.processes import Server
from tests.people import make_member
from tests.report_files import report_file


class Shell:
    """A folder on a client's machine, with a token; programs sleep a tenth of the time there."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.folder = folder
        programs = folder / "programs"
        programs.mkdir()
        (programs / "sleep").write_text(f'#!/bin/sh\n[ "$*" = 1 ] && exec {shutil.which("sleep")} 0.1\n')
        (programs / "sleep").chmod(0o755)
        path = f"{programs}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "TALLYDESK": url, "TOKEN": token}

    def run(self, *command: str) -> str:
        """Return the output of a command, which must succeed without warnings."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return done.stdout


@pytest.fixture
def subscription(contact_centre: Subscription) -> Subscription:
    """Return the contact centre: its usage ends yesterday, as in the commands of the documents."""
    return contact_centre


@pytest.fixture
def shell(subscription: Subscription, server: Server, tmp_path: Path) -> Shell:
    _token, secret = make_api_token(administrator=make_member(subscription.account))
    folder = tmp_path / "fetched"
    folder.mkdir()
    return Shell(folder, server.url, secret)


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_shell_loop_fetches_last_cycles_reports_for_all_subscriptions(
    shell: Shell, subscription: Subscription
) -> None:
    today = timezone.now().date()
    contract = subscription.contract
    last = contract.cycle(contract.current_cycle(today).index - 1)
    (loop,) = blocks("docs/api.md", "sh")
    for _time in range(2):  # the second time without a second job
        said = shell.run("sh", "-c", loop).splitlines()
        assert len(said) == len(types.all_types())
        assert all(line.endswith(": OK") for line in said)
    assert subscription.report_jobs.count() == len(types.all_types())
    days = DateRange(last.first_day, last.last_day)
    for report_type in types.all_types():
        (name,) = shell.folder.glob(f"{report_type.slug}_SUB-1001_*.csv")
        assert name.read_bytes() == report_file(report_type.slug, subscription, days, today)


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_requests_and_the_program_do_what_the_documents_say(shell: Shell, subscription: Subscription) -> None:
    (_make, requests) = blocks("README.md", "sh")
    decoder = json.JSONDecoder()
    said = shell.run("sh", "-euc", requests)
    asked, end = decoder.raw_decode(said)
    latest, _end = decoder.raw_decode(said[end:].strip())
    assert latest["results"][0]["id"] == asked["id"]

    (program,) = blocks("docs/api.md", "python")
    printed = shell.run(sys.executable, "-c", program)
    job = subscription.report_jobs.get(report_type="concurrent-usage")
    assert hashlib.sha256(printed.removesuffix("\n").encode()).hexdigest() == job.file_sha256


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_probe_of_the_operators_is_answered(shell: Shell) -> None:
    (probe,) = (block for block in blocks_marked_tested("docs/operations.md") if "curl" in block)
    assert shell.run("sh", "-euc", probe)
