"""The words of the product: docstrings that say something, no name or phrase that was given up, short template lines.

`python -m tests.test_words` prints the constant NOT_YET as the project stands.
"""

import ast
import io
import pprint
import re
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.documents import DOCUMENTS, PROJECT

APPLICATIONS = ("billing", "config", "demo", "jobs", "reports", "ui", "usage")
LEAST_WORDS = 5
LONGEST_TEMPLATE_LINE = 140

# What is still to be mended, by test: files, or retired names.
NOT_YET: dict[str, set[str]] = {}

# Retired names: a module, class or function whose qualified name has these parts, one after the other.
RETIRED_NAMES = [
    "config.demo",
    "config.health",
    "config.logs",
    "config.metrics",
    "config.questions",
    "config.readiness",
    "jobs.watching",
    "Watcher",
    "jobs.progress.Nobody",
    "Claim.hand_over",
    "Attempt.hand_over",
    "JobQuerySet.untold",
    "JobQuerySet.take_untold",
    "JobQuerySet.put_back_abandoned",
    "JobQuerySet.take_next",
    "JobQuerySet._told",
    "JobQuerySet._turn_of",
    "JobQuerySet._hold_turns",
    "JobQuerySet._with_a_turn",
    "Job.at_once",
    "Job.turns_by",
    "Claim.put_back",
    "Attempt.progress",
    "ProgressReporter.progress",
    "jobs.publishing.tell",
    "jobs.publishing.announce",
    "jobs.shutdown.announce",
    "jobs.shutdown.is_announced",
    "jobs.shutdown.withdraw",
    "reports.making",
    "reports.generation",
    "reports.sharing",
    "reports.storing",
    "reports.presence",
    "reports.requesting",
    "reports.comparing",
    "reports.comparison_requests",
    "reports.differences",
    "reports.cell_texts",
    "reports.summary",
    "reports.models.report_requests",
    "reports.screens.overview",
    "reports.screens.requested",
    "reports.screens.job_cards",
    "reports.screens.report_jobs",
    "reports.api.limits",
    "reports.api.problems",
    "reports.api.parsing",
    "reports.api.strict",
    "reports.api.waiting",
    "reports.api.callers",
    "reports.webhooks.announcing",
    "reports.webhooks.delivering",
    "reports.webhooks.disabling",
    "reports.webhooks.sending",
    "reports.webhooks.signing",
    "ReportRequest",
    "Requested",
    "reports.orders.enqueue.request_report",
    "reports.orders.run.make_report",
    "Scope.open_until",
    "deduplicate.who_wait",
    "deduplicate.wait_for",
    "deduplicate.withdraw",
    "deduplicate.Withdrawal",
    "concurrency.presence",
    "concurrency.levels",
    "cells.cell_texts",
    "rows.unheard",
    "report_type.Column",
    "usage.applying",
    "usage.checking",
    "usage.deciding",
    "usage.receiving",
    "usage.recording",
    "usage.obstacles",
    "usage.verdicts",
    "usage.watching",
    "usage.undoing",
    "usage.previews",
    "usage.staging.Terms",
    "usage.written_rows",
    "usage.steps",
    "usage.source_files",
    "usage.staging.verdicts",
    "usage.admin.covering",
    "usage.admin.upload_sight",
    "usage.admin.upload_origins",
    "Terms",
    "Uploadable",
    "CoveringAdmin",
    "UploadSight",
    "uploads.decide.begin",
    "uploads.receive.begin",
    "uploads.steps.take",
    "UploadResource.disagreements",
    "UploadResource.recorded",
    "blockers.obstacles",
]

# Retired phrases, and where each may stay.
RETIRED_PHRASES: dict[str, tuple[str, ...]] = {
    r"reckon\w*": (),
    r"whoever": (),
    r"who asks": (),
    r"(?<![`/])nobody(?!`)": ("config/embedded/", "tests/setup/test_embedded.py"),  # the user that PostgreSQL runs as
    r"so many": (),
    r"how-many-th": (),
    r"any more(?= \w)": (),
    r"hears? of": (),
    r"told of": (),
    r"of old": (),
    r"as [^.;:,]{1,40} has it": (),
    r"speaks? against": (),
    r"in vain": (),
    r"seldom": (),
    r"thereby": (),
}
_COMMENTS = {".html": r"<!--.*?-->", ".css": r"/\*.*?\*/", ".js": r"//[^\n]*|/\*.*?\*/"}


def product_files(*endings: str) -> list[Path]:
    """Return the product's own files with these endings; migrations are history and stay as they are."""
    return files_below(*APPLICATIONS, "templates", endings=endings)


def files_below(*folders: str, endings: tuple[str, ...]) -> list[Path]:
    found = (path for folder in folders for path in sorted((PROJECT / folder).rglob("*")) if path.suffix in endings)
    return [path for path in found if not {"migrations", "vendor"}.intersection(path.parts)]


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def documented(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings(path: Path) -> list[str]:
    return [text for node in documented(parsed(path)) if (text := ast.get_docstring(node))]


def short_docstrings(path: Path) -> list[str]:
    return [text for text in docstrings(path) if len(text.split()) < LEAST_WORDS]


def comments(source: str) -> list[str]:
    """Return the comments of a module; those on lines that follow each other are one text."""
    found: list[str] = []
    last = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("# ")
            if token.start[0] == last + 1:
                found[-1] += f" {text}"
            else:
                found.append(text)
            last = token.start[0]
    return found


def strings(path: Path) -> list[str]:
    """Return all strings of a module, docstrings and the texts of screens, logs and errors among them."""
    nodes = ast.walk(parsed(path))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def prose(path: Path) -> list[str]:
    """Return the texts of a file in which words are looked for, each with single spaces."""
    if path.suffix == ".py":
        names = [name.rpartition(".")[2].replace("_", " ") for name in qualified_names(path)]
        texts = [*strings(path), *comments(path.read_text()), *names]
    elif path.suffix in {".css", ".js"}:
        texts = re.findall(_COMMENTS[path.suffix], path.read_text(), re.DOTALL)
    else:
        texts = [path.read_text()]
    return [" ".join(text.split()) for text in texts]


def retired_phrases(path: Path) -> list[str]:
    """Return what a file says in words that were given up, with some words around each."""
    name, texts = name_of(path), prose(path)
    return [
        text[max(match.start() - 30, 0) : match.end() + 30]
        for phrase, places in RETIRED_PHRASES.items()
        if not any(map(name.startswith, places))
        for text in texts
        for match in re.finditer(rf"\b{phrase}\b", text, re.IGNORECASE)
    ]


def qualified_names(path: Path) -> Iterator[str]:
    """Yield the dotted names of a module and of the classes and functions in it."""
    module = name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def below(node: ast.AST, prefix: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}.{child.name}"
                yield from below(child, f"{prefix}.{child.name}")
            elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                yield f"{prefix}.{child.target.id}"

    yield module
    yield from below(parsed(path), module)


@cache
def all_names() -> str:
    """Return all qualified names of the product, each between two dots and on a line of its own."""
    return "\n".join(f".{name}." for path in product_files(".py") for name in qualified_names(path))


def retired_names() -> list[str]:
    return [name for name in RETIRED_NAMES if f".{name}." in all_names()]


def long_lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if len(line) > LONGEST_TEMPLATE_LINE]


AROUND = [path for path in files_below("tests", "benchmarks", endings=(".py",)) if path != Path(__file__)]
"""What stands around the product; this module names the retired words."""
TEMPLATES = [path for path in product_files(".html", ".txt") if "templates" in path.parts]
FILES = {
    "docstrings": ([*product_files(".py"), *AROUND], short_docstrings),
    "phrases": ([*product_files(".py", ".css", ".js"), *AROUND, *TEMPLATES, *DOCUMENTS], retired_phrases),
    "template lines": (TEMPLATES, long_lines),
}


@pytest.mark.parametrize("rule", FILES)
def test_no_file_has_words_or_lines_that_were_given_up(rule: str) -> None:
    paths, offences = FILES[rule]
    found = {name_of(path): offences(path) for path in paths if name_of(path) not in NOT_YET.get(rule, set())}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_no_retired_name_came_back() -> None:
    assert [name for name in retired_names() if name not in NOT_YET.get("names", set())] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.md", "Whoever asks gets it."),
        ("words.md", "There is nobody."),
        ("words.md", "They are not so many."),
        ("words.md", "It cannot be\nundone any more by us."),
        ("words.py", "# Told of it\n"),
        ("words.py", "def who_asks_twice() -> None: ..."),
    ],
)
def test_retired_phrases_are_found(name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PROJECT", tmp_path)
    (tmp_path / name).write_text(text)
    assert retired_phrases(tmp_path / name)


def main() -> None:
    """Print NOT_YET as the project stands."""
    found = {rule: {name_of(path) for path in paths if offences(path)} for rule, (paths, offences) in FILES.items()}
    found["names"] = set(retired_names())
    sys.stdout.write(f"NOT_YET: dict[str, set[str]] = {pprint.pformat(found, width=118)}\n")


if __name__ == "__main__":
    main()
