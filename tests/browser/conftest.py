"""A real Chromium, a web server and a worker; any error on a page fails the test."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandlerMixin
from django.http import HttpRequest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from billing.models import Administrator, Subscription
from tests.browser.site import Site
from tests.contact_centre import make_contact_centre
from tests.fixtures.processes import Server
from tests.people import make_member, make_staff

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
HERE = Path(__file__).parent

# On a busy machine a page takes its time; a failing test only waits longer.
expect.set_options(timeout=60_000)
# Playwright's loop runs in the thread of the test; the test itself is not asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    required = os.environ.get("REQUIRE_BROWSER") == "1"
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and not required:
                item.add_marker(pytest.mark.skip(reason="there is no Chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the machine's own Chromium, without access to the network."""
    arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture(scope="session", autouse=True)
def _late_scripts() -> Iterator[None]:
    """With SCRIPT_DELAY_SECONDS each script arrives late: no test may rely on scripts that load with the page."""
    delay = float(os.environ.get("SCRIPT_DELAY_SECONDS", "0"))
    serve = StaticFilesHandlerMixin.serve

    def serve_late(handler: Any, request: HttpRequest) -> Any:
        if request.path.endswith(".js"):
            time.sleep(delay)
        return serve(handler, request)

    with pytest.MonkeyPatch.context() as patch:
        if delay:
            patch.setattr(StaticFilesHandlerMixin, "serve", serve_late)
        yield


@pytest.fixture
def subscription(transactional_db: None) -> Subscription:
    """Return a contact centre with a month of usage through yesterday."""
    return make_contact_centre()


@pytest.fixture
def ana(subscription: Subscription) -> Administrator:
    return make_member(subscription.account, email="ana@acme.example", name="Ana Pérez")


@pytest.fixture
def staff(transactional_db: None) -> Administrator:
    return make_staff()


@pytest.fixture
def worker(server: Server) -> None:
    """Run a worker for reports and uploads."""


@pytest.fixture
def site(page: Page, live_server: LiveServer) -> Iterator[Site]:
    """Yield the web site in a browser window. An error on the console, such as a policy violation, fails the test."""
    page.context.set_default_timeout(90_000)
    site = Site(page, live_server.url)
    yield site
    assert site.complaints == []
