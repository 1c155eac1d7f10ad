"""The folders of the tests stand alone: what two of them need is in a module or a fixture of `tests/`."""

import ast
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
LIBRARIES = {"oracle"}
"""Folders with tests of their own that others may import."""


def imported_modules(source: str) -> Iterator[str]:
    """Yield the full names of what a module imports; a name in `from … import …` counts as a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def folder_of(path: Path) -> str:
    """Return the folder of a module below `tests/`; an empty string for modules of `tests/` itself."""
    return path.relative_to(HERE).parts[0] if path.parent != HERE else ""


def test_no_folder_of_tests_is_imported_from_outside() -> None:
    folders = {folder_of(path) for path in HERE.rglob("test_*.py")} - {"", *LIBRARIES}
    crossings = []
    for path in sorted(HERE.rglob("*.py")):
        others = {("tests", folder) for folder in folders - {folder_of(path)}}
        crossings += [
            f"{path.relative_to(HERE)} imports {module}"
            for module in imported_modules(path.read_text())
            if tuple(module.split(".")[:2]) in others
        ]
    assert crossings == []
