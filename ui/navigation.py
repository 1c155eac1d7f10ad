"""The sections of the sidebar that applications above this one register, and the page on which customers start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse

# An AppConfig imports this module before the models are loaded.
if TYPE_CHECKING:
    from billing.models import Administrator


@dataclass(frozen=True, slots=True)
class Page:
    """A link of a section: its title, the name of its URL, and an icon of `icons.svg`."""

    title: str
    url_name: str
    icon: str

    @property
    def address(self) -> str:
        """The address of the page; empty if no URL has that name."""
        try:
            return reverse(self.url_name)
        except NoReverseMatch:
            return ""


@dataclass(frozen=True, slots=True)
class RegisteredSection:
    """A heading of the sidebar, its pages, and the rule for who may open them."""

    title: str
    pages: Sequence[Page]
    is_open_to: Callable[[Administrator], bool]


_sections: dict[str, RegisteredSection] = {}


def register_section(title: str, pages: Sequence[Page], *, is_open_to: Callable[[Administrator], bool]) -> None:
    """Show these pages above the admin's own sections, in the order of registration. Call it from `AppConfig.ready`."""
    _sections[title] = RegisteredSection(title, pages, is_open_to)


def sections_open_to(administrator: Administrator) -> list[RegisteredSection]:
    """Return the registered sections that an administrator may open."""
    return [section for section in _sections.values() if section.is_open_to(administrator)]


def start_page() -> str:
    """Return the address of the first registered page, where customers start; empty if there is none."""
    return next((page.address for section in _sections.values() for page in section.pages if page.address), "")
