"""The documents: complete, linked from the README, and in step with the project."""

import ast
import json
import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import pytest

from benchmarks import document as figures
from benchmarks.__main__ import NAMES
from config import settings
from tests.documents import DOCUMENTS, PROJECT, README, blocks, local_links

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
PROJECT_TABLE = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
MAX_README_LINES = 160
MAX_MODULES_OF_A_REPORT = 24


def section(document: str, heading: str) -> str:
    """Return the text below a heading, up to the next one of its level."""
    level = heading.split(maxsplit=1)[0]
    _before, _heading, after = (PROJECT / document).read_text().partition(f"\n{heading}\n")
    assert after, heading
    return re.split(rf"^{level} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MAX_README_LINES


def test_the_readme_links_to_every_document() -> None:
    linked = {path for path, _anchor in local_links(README)}
    assert [str(path) for path in DOCUMENTS if path not in {README, *linked}] == []


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    for path, anchor in local_links(document):
        assert path.exists(), path
        assert not anchor or anchor in anchors(path), (path, anchor)


@every_document
def test_lines_of_prose_fit_the_screen(document: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []


@pytest.mark.parametrize("life", ["## The life of a report", "## The life of an upload"])
def test_the_modules_of_a_life_exist_and_are_few(life: str) -> None:
    modules = re.findall(r"^\d+\. `([^`]+)`", section("docs/architecture.md", life), re.MULTILINE)
    assert 10 < len(modules) <= MAX_MODULES_OF_A_REPORT
    assert len(set(modules)) == len(modules)


def races_of(path: Path) -> set[str]:
    """Return the tests of a module that are marked as races, as a document names them."""
    tree = ast.parse(path.read_text())
    marks = [node for node in tree.body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node)]
    are_all = any("mark.race" in ast.unparse(node.value) for node in marks)
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    marked = [test for test in tests if are_all or "pytest.mark.race" in map(ast.unparse, test.decorator_list)]
    return {f"{path.relative_to(PROJECT)}::{test.name}" for test in marked}


def test_each_rule_that_holds_at_the_same_moment_names_a_test_that_races_it() -> None:
    text = section("docs/architecture.md", "## Rules that hold at the same moment")
    rules = [line for line in text.splitlines() if line.startswith("| ")][2:]
    named = re.findall(r"`(tests/[\w/]+\.py::\w+)` \|$", "\n".join(rules), re.MULTILINE)
    assert len(named) == len(rules) == len(set(named))
    races = set().union(*(races_of(path) for path in (PROJECT / "tests").rglob("test_*.py")))
    assert set(named) - races == set()
    assert {race for race in races if race.startswith("tests/races/")} - set(named) == set()


@every_document
def test_files_that_documents_name_exist(document: Path) -> None:
    named = re.findall(r"`((?:[\w.]+/)+(?:\w+\.(?:py|md|yaml|html|js))?)`", document.read_text())
    roots = {path.name for path in PROJECT.iterdir()}
    ours = [name for name in named if name.split("/")[0] in roots - {".tallydesk", ".venv"}]
    assert [name for name in ours if not (PROJECT / name).exists()] == []


@every_document
def test_targets_of_make_that_documents_name_exist(document: Path) -> None:
    named = re.findall(r"(?:^|`|\s)make ([a-z]+)(?=[ `\n]|$)", "\n".join(code_of(document)))
    known = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(named) <= known


def code_of(document: Path) -> list[str]:
    """Return what a document shows as code, in a line or in a block of its own."""
    text = document.read_text()
    return re.findall(r"`[^`\n]+`", text) + blocks(str(document.relative_to(PROJECT)), "sh")


@pytest.mark.parametrize("document", ["README.md", "docs/development.md"])
def test_the_first_commands_are_known_to_make(document: str) -> None:
    commands = blocks(document, "sh")[0].splitlines()
    assert commands
    for command in commands:
        tried = subprocess.run(
            [*command.split(), "--dry-run"], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert tried.returncode == 0, tried.stderr


def test_operations_describes_every_setting() -> None:
    source = Path(settings.__file__).read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z][A-Z0-9_]+)\"", source))
    assert len(read) > 30
    described = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", section("docs/operations.md", "## Many machines")))
    assert read - described == set()


def test_every_dependency_has_its_line_among_the_decisions() -> None:
    extras = PROJECT_TABLE["optional-dependencies"]
    declared = [*PROJECT_TABLE["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {re.split(r"[\[<>=]", requirement)[0] for requirement in declared}
    lines = section("docs/decisions/README.md", "## Dependencies")
    described = {name for cell in re.findall(r"^\| (.+?) \|", lines, re.MULTILINE) for name in cell.split(", ")}
    assert names - described == set()


def test_the_changelog_begins_with_the_version_of_the_project() -> None:
    releases = re.findall(r"^## \[(.+?)\]", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[:2] == ["Unreleased", PROJECT_TABLE["version"]]


def test_no_release_says_a_thing_twice() -> None:
    entries = re.findall(r"^- .+$", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert len(entries) == len(set(entries))


@pytest.mark.parametrize("part", NAMES)
def test_the_document_of_benchmarks_has_a_place_for_each_part(part: str) -> None:
    line = "a list, warm            1.5 ms  =  1.20 x an empty one"
    output = ["a plan", line, json.dumps([{"name": "a list, warm"}])]
    before = figures.DOCUMENT.read_text()
    after = figures.with_figures(before, part, figures.figures_of(output), machine="2 cores", day=date(2026, 12, 1))
    assert f"<!-- {part} -->\n2026-12-01, 2 cores:\n\n```\n{line}\n```\n<!-- end -->" in after
    assert [after.count(f"<!-- {name} -->") for name in NAMES] == [1] * len(NAMES)


def test_a_benchmark_that_broke_off_has_no_figures() -> None:
    assert figures.figures_of(["a list, warm            1.5 ms"]) == figures.figures_of([]) == []
