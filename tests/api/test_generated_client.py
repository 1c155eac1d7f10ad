"""An unmodified client from a public generator requests reports, waits for them and verifies them."""

import base64
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from billing.cycles import DateRange
from billing.models import Subscription
from reports import formats, types
from tests.acme import CYCLE_SO_FAR
from tests.factories import make_api_token
from tests.fixtures.processes import Server
from tests.people import make_member
from tests.report_files import report_file

PACKAGE = "tallydesk_client"


class Program:
    """The code that a customer would write around the generated client."""

    def __init__(self, url: str, token: str) -> None:
        client = import_module(f"{PACKAGE}.client")
        self.models = import_module(f"{PACKAGE}.models")
        self.client = client.AuthenticatedClient(url, token, raise_on_unexpected_status=True, timeout=60)

    def call(self, tag: str, operation: str, *arguments: Any, **options: Any) -> Any:
        """Return the whole response: status, headers, content and parsed model."""
        module = import_module(f"{PACKAGE}.api.{tag}.{operation}")
        return module.sync_detailed(*arguments, client=self.client, **options)

    def request(self, report_type: str, subscription: str, days: DateRange, file_format: str = "csv") -> Any:
        """Return the job, as the API answers at once."""
        order = self.models.ReportJobOrder(
            report_type, subscription, days.date_from, days.date_through, format_=file_format
        )
        key = f"{report_type}-{file_format}"
        answer = self.call("report_jobs", "request_report", body=order, idempotency_key=key)
        assert answer.status_code == 202
        return answer.parsed

    def awaited(self, job: Any) -> Any:
        """Return the job once it is finished."""
        while job.state not in (self.models.State.SUCCEEDED, self.models.State.FAILED, self.models.State.CANCELLED):
            job = self.call("report_jobs", "read_report_job", job.id, wait=20).parsed
        return job

    def verified(self, job: Any) -> bytes:
        """Return the file of a job, after comparing it with the job, its manifest and its digest."""
        answer = self.call("report_jobs", "fetch_report_file", job.id)
        manifest = self.call("report_jobs", "read_report_manifest", job.id).parsed
        sha256 = hashlib.sha256(answer.content)
        assert answer.status_code == 200
        assert {job.result.sha256, manifest.sha256, answer.headers["ETag"].strip('"')} == {sha256.hexdigest()}
        assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"
        assert {job.result.bytes_, manifest.bytes_, int(answer.headers["Content-Length"])} == {len(answer.content)}
        headings = ",".join(column.name for column in manifest.columns)
        assert answer.content.decode().partition("\n")[0] == headings
        return bytes(answer.content)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Generate the package and make it importable."""
    config = tmp_path / "generator.yaml"
    config.write_text("post_hooks: []\n")  # No formatters, which may or may not be on PATH.
    schema = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
    options = ["--meta", "none", "--config", str(config), "--output-path", str(tmp_path / PACKAGE), "--fail-on-warning"]
    generate = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(schema), *options]
    done = subprocess.run(generate, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def subscription(transactional_db: None, subscription_with_usage: Subscription) -> Subscription:
    """Return the subscription with usage, visible to the server."""
    return subscription_with_usage


@pytest.mark.usefixtures("package")
def test_a_generated_client_requests_awaits_and_verifies_all_five_reports(
    subscription: Subscription, server: Server
) -> None:
    _token, secret = make_api_token(administrator=make_member(subscription.account))
    program = Program(server.url, secret)
    (found,) = program.call("discovery", "list_subscriptions", number="SUB-1001").parsed.results
    slugs = [known.slug for known in program.call("discovery", "list_report_types").parsed.results]
    assert slugs == [known.slug for known in types.all_types()]

    jobs = {slug: program.request(slug, found.number, CYCLE_SO_FAR) for slug in slugs}
    for slug, job in jobs.items():
        content = program.verified(program.awaited(job))
        assert content == report_file(slug, subscription, today=timezone.now().date()), slug
        assert content.count(b"\n") > 1, slug


@pytest.mark.usefixtures("package")
def test_a_generated_client_returns_the_bytes_of_every_format(subscription: Subscription, server: Server) -> None:
    _token, secret = make_api_token(administrator=make_member(subscription.account))
    program = Program(server.url, secret)
    jobs = {
        known.slug: program.request("billable-usage", "SUB-1001", CYCLE_SO_FAR, known.slug)
        for known in formats.all_formats()
    }
    assert {"csv", "csv.gz", "jsonl", "parquet", "xlsx"} <= jobs.keys()
    for slug, requested in jobs.items():
        job = program.awaited(requested)
        parsed = program.call("report_jobs", "fetch_report_file", job.id).parsed
        content = parsed.payload.read()
        assert isinstance(content, bytes)
        assert hashlib.sha256(content).hexdigest() == job.result.sha256, slug


@pytest.mark.usefixtures("package")
def test_a_generated_client_understands_what_is_refused(subscription: Subscription, server: Server) -> None:
    _token, secret = make_api_token(administrator=make_member(subscription.account))
    program = Program(server.url, secret)
    order = program.models.ReportJobOrder("horoscope", "SUB-1001")
    refused = program.call("report_jobs", "request_report", body=order)
    assert (refused.status_code, refused.parsed.type_) == (400, "urn:tallydesk:problem:validation-failed")
    assert refused.parsed.errors[0].field == "report_type"
    assert "voice-usage" in refused.parsed.errors[0].allowed
