"""Templates are written to be read, and use templates, styles and scripts of their own layer or of one below."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.template import loader

MOST_CHARACTERS = 140
LAYERS = ("reports", "usage", "templates", "ui", "billing")
"""The folders with templates, from the top down. `templates` itself has the error pages of the whole site."""
OF_DJANGO = Path(admin.__file__).parent / "templates"
"""Any template may extend what Django's admin has too, such as `admin/base_site.html`, though `ui` refines it."""
NAMED = re.compile(r"""{%\s*(extends|include|static)\s+["']([^"']+)["']""")


def templates_of(folder: str) -> list[Path]:
    return sorted((Path(settings.BASE_DIR) / folder).rglob("*.html"))


def own_names(folder: str) -> Iterator[tuple[bool, str]]:
    """Yield the names under which templates find a folder's files, with whether it is a script or a style."""
    root = Path(settings.BASE_DIR) / folder
    for start in (root,) if folder == "templates" else (root / "templates", root / "static"):
        for path in start.rglob("*.*"):
            yield start.name == "static", path.relative_to(start).as_posix()


def used_names(template: Path) -> list[tuple[bool, str]]:
    return [(tag == "static", name) for tag, name in NAMED.findall(template.read_text())]


def test_no_line_of_a_template_is_too_long() -> None:
    paths = [path for folder in LAYERS for path in templates_of(folder)]
    too_long = [
        f"{path.relative_to(settings.BASE_DIR)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > MOST_CHARACTERS
    ]
    assert len(paths) > len(LAYERS)
    assert too_long == []


def test_a_template_uses_no_template_script_or_style_of_a_layer_above_its_own() -> None:
    layer_of = {name: LAYERS.index(folder) for folder in LAYERS for name in own_names(folder)}
    upwards = [
        f"{template.relative_to(settings.BASE_DIR)} uses {name[1]} of {LAYERS[layer_of[name]]}"
        for place, folder in enumerate(LAYERS)
        for template in templates_of(folder)
        for name in used_names(template)
        if layer_of.get(name, place) < place and not (OF_DJANGO / name[1]).exists()
    ]
    assert len(layer_of) > len(LAYERS)
    assert upwards == []


def test_what_a_template_uses_is_there() -> None:
    used = {name for folder in LAYERS for template in templates_of(folder) for name in used_names(template)}
    assert len(used) > len(LAYERS)
    for is_static, name in used:
        if is_static:
            assert finders.find(name), name
        else:
            loader.get_template(name)


def test_no_two_folders_have_a_file_of_one_name() -> None:
    found = Counter(name for folder in LAYERS for name in own_names(folder))
    assert [name for name, folders in found.items() if folders > 1] == []


def test_scripts_and_styles_of_one_application_are_its_own() -> None:
    """A file of `ui` is for the frame or for screens of more than one application, or has its counterpart in `ui`."""
    users: dict[str, set[str]] = {name: set() for is_static, name in own_names("ui") if is_static}
    for folder in LAYERS:
        for template in templates_of(folder):
            for is_static, name in used_names(template):
                if is_static and name in users:
                    users[name].add(folder)
    counterparts = {"tallydesk/formatting.js"}
    strangers = {name: folders for name, folders in users.items() if "ui" not in folders and len(folders) < 2}
    assert set(strangers) == counterparts
