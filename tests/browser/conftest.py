"""A real Chromium, a web server, a worker; and a page on which nothing may go wrong unseen."""

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

# On a busy machine a page takes its time; whoever waits for what never comes waits longer.
expect.set_options(timeout=60_000)
# Playwright's own loop runs in the thread of the test, which is not asynchronous for all that.
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
    """The machine's own Chromium, which asks nobody on the network."""
    arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture(scope="session", autouse=True)
def _late_scripts() -> Iterator[None]:
    """With SCRIPT_DELAY_SECONDS each script arrives late: no test may act as if it were there with its page."""
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
    """A contact centre with a month of usage through yesterday."""
    return make_contact_centre()


@pytest.fixture
def ana(subscription: Subscription) -> Administrator:
    return make_member(subscription.account, email="ana@acme.example", name="Ana Pérez")


@pytest.fixture
def staff(transactional_db: None) -> Administrator:
    return make_staff()


@pytest.fixture
def worker(server: Server) -> None:
    """Somebody who makes the reports, checks files and applies them."""


@pytest.fixture
def site(page: Page, live_server: LiveServer) -> Iterator[Site]:
    """The web site in a browser window; an error on the console, such as a breach of the policy, fails the test."""
    page.context.set_default_timeout(90_000)
    site = Site(page, live_server.url)
    yield site
    assert site.complaints == []
