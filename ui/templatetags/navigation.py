"""Template tags of the frame: the sections of the sidebar, and icons."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ui.navigation import RegisteredSection, sections_open_to

register = template.Library()


@dataclass(frozen=True, slots=True)
class Item:
    """One link of the sidebar."""

    title: str
    address: str
    icon: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the sidebar, and the links under it."""

    title: str
    items: list[Item]


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return an icon of `icons.svg`. It stands beside text, and is hidden from screen readers."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("tallydesk/icons.svg"), name
    )


@register.inclusion_tag("admin/navigation.html", takes_context=True)
def navigation(context: Context) -> dict[str, list[Section]]:
    """Return the sections that the signed-in administrator may open, without empty ones."""
    path = context["request"].path
    sections = [_registered_section(section, path) for section in sections_open_to(context["request"].user)]
    sections += _model_sections(context.get("available_apps") or [], path)
    return {"sections": [section for section in sections if section.items]}


def _registered_section(section: RegisteredSection, path: str) -> Section:
    """Return the pages of a section that exist. A page is current on every address below its own."""
    pages = [(page, page.address) for page in section.pages]
    return Section(
        section.title,
        [Item(page.title, address, page.icon, path.startswith(address)) for page, address in pages if address],
    )


def _model_sections(apps: Iterable[dict[str, Any]], path: str) -> list[Section]:
    """Return the admin's lists of models, in the sections of the admin site."""
    sections = []
    for app in apps:
        items = [_model_item(model, path) for model in app["models"] if model["admin_url"]]
        sections.append(Section(str(app["name"]), items))
    return sections


def _model_item(model: dict[str, Any], path: str) -> Item:
    name, address = str(model["name"]), model["admin_url"]
    return Item(name, address, model["icon"], path.startswith(address))
