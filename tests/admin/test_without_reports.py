"""The pages of `usage` and `billing` depend on `ui`, and on nothing above them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.urls import reverse

from billing.password_links import set_password_url
from tests.admin.objects import make_world
from tests.admin.test_urls import lines, lines_of_kinds
from tests.people import make_role
from tests.processes import database_url

PROJECT = Path(__file__).parents[2]
ROLES = ("superuser", "customer who uploads", "customer with all permissions")


def render(visits: list[tuple[int | None, str]], files: Path) -> list[tuple[int, str]]:
    """Return status and content of each page, redirects followed, from a process without `reports`."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.admin.settings_without_reports",
        "DATABASE_URL": database_url(),
        "FILES_ROOT": str(files),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "only-for-tests",
        "HTTPS": "false",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.admin.rendering"],
        input=json.dumps(visits), cwd=PROJECT, env=environment, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [(status, page) for status, page in json.loads(done.stdout)]


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_every_page_of_usage_and_billing_is_there_without_reports(files_root: Path) -> None:
    world = make_world()
    expected: dict[tuple[int | None, str], int] = {}
    for role in ROLES:
        person = make_role(role, world.account).pk
        pages = {address: status for address, status in [*lines(world, role), *lines_of_kinds(role)] if status != 404}
        if role != "superuser":
            pages = {address: status for address, status in pages.items() if status == 200}
        names = ("index", "password_change", "password_change_done")
        pages |= {reverse(f"admin:{name}"): 200 for name in names}
        expected |= {(person, address): status for address, status in pages.items()}
    expected[None, "/nothing/"] = 404
    for name in ("admin:login", "admin_password_reset", "password_reset_done", "password_reset_complete"):
        expected[None, reverse(name)] = 200
    expected[None, urlsplit(set_password_url(make_role("customer"))).path] = 200
    answers = dict(zip(expected, render(list(expected), files_root), strict=True))
    assert {visit: status for visit, (status, _page) in answers.items() if status != expected[visit]} == {}
    assert [visit for visit, (_status, page) in answers.items() if "account-settings" in page] == []


@pytest.mark.parametrize("application", ["ui", "usage", "billing"])
def test_no_template_or_script_below_reports_names_its_addresses_or_templates(application: str) -> None:
    files = [file for kind in ("html", "txt") for file in (PROJECT / application).rglob(f"*.{kind}")]
    assert [file for file in files if re.search(r"account_settings|account-settings|reports/", file.read_text())] == []
