"""Sections that applications register, and where customers start."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.factories import make_administrator
from ui import navigation
from ui.navigation import Page, register_section, sections_open_to, start_page

UPLOADS = Page("Uploads", "admin:usage_upload_changelist", "upload")
NOWHERE = Page("Nowhere", "no_such_application:index", "item")


@pytest.fixture(autouse=True)
def _without_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "_sections", {})


def register(title: str, *pages: Page, is_open: bool = True) -> None:
    register_section(title, pages, is_open_to=lambda _administrator: is_open)


def test_sections_come_in_the_order_of_registration_to_those_to_whom_they_are_open() -> None:
    register("First", UPLOADS)
    register("Closed", UPLOADS, is_open=False)
    register("Last", UPLOADS)
    somebody: Any = SimpleNamespace()
    assert [section.title for section in sections_open_to(somebody)] == ["First", "Last"]


def test_a_section_that_is_registered_twice_is_shown_once() -> None:
    register("First", UPLOADS)
    register("First", UPLOADS)
    somebody: Any = SimpleNamespace()
    assert [section.title for section in sections_open_to(somebody)] == ["First"]


def test_a_page_without_an_address_is_left_out(client: Any, db: None) -> None:
    register("Elsewhere", NOWHERE, UPLOADS)
    register("Gone", NOWHERE)
    client.force_login(make_administrator(is_superuser=True, is_platform_staff=True))
    page = client.get("/admin/").content.decode()
    assert "Elsewhere" in page
    assert "Nowhere" not in page
    assert "Gone" not in page


def test_customers_start_on_the_first_page_that_has_an_address(client: Any, db: None) -> None:
    client.force_login(make_administrator())
    assert client.get("/admin/").status_code == 200
    register("Elsewhere", NOWHERE)
    assert start_page() == ""
    register("Uploads", UPLOADS)
    assert client.get("/admin/")["Location"] == start_page() == UPLOADS.address
