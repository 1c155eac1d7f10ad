"""The project's documents, and the blocks of code in them that tests run."""

import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
DOCUMENTS = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TESTED = re.compile(r"\*tested\*[^\n]*:\n\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(name: str, language: str) -> list[str]:
    """Return a document's blocks of code in a language, in order."""
    return [code for found, code in _BLOCK.findall((PROJECT / name).read_text()) if found == language]


def blocks_marked_tested(name: str) -> list[str]:
    """Return the shell blocks of a document that are announced as *tested*."""
    return _TESTED.findall((PROJECT / name).read_text())


def local_links(document: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file and the anchor, if any, of each link to the project itself; links in code do not count."""
    text = _BLOCK.sub("", document.read_text())
    for target in _LINK.findall(text):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield ((document.parent / path).resolve() if path else document), anchor
