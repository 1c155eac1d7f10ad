"""The commands in documents, run in a shell with a fresh home: from the first file to a report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import blocks, blocks_marked_tested
from tests.setup.servers import PROJECT, another_user_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder in which the commands of the documents work as in the project, and leave their files."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    (tmp_path / "manage.py").symlink_to(PROJECT / "manage.py")
    return tmp_path


def shell(folder: Path, script: str, **variables: str) -> str:
    """Return what a script writes to stdout; it must succeed."""
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return done.stdout


def test_a_first_upload_and_what_follows_it(used_home: Path, project: Path) -> None:
    (upload,) = blocks("docs/uploads.md", "sh")
    (summary,) = blocks("docs/uploads.md", "json")
    report, release, _probe = blocks_marked_tested("docs/operations.md")
    with another_user_of(used_home):
        said = shell(project, upload)
        assert json.loads(said.splitlines()[-1]) == json.loads(summary)
        assert "bo.example.com" in (project / "fix.csv").read_text()

        assert json.loads(shell(project, report).splitlines()[0])["first_day"] == "2020-02-16"
        assert (project / "concurrent-usage.xlsx").read_bytes().startswith(b"PK")

        shell(project, release, STATIC_ROOT=str(project / "static"))
        assert list((project / "static").iterdir())


def test_one_file_of_tests_runs_by_itself() -> None:
    (_setup, one) = blocks("docs/development.md", "sh")
    command = one.replace(".venv/bin/pytest", f'"{sys.executable}" -m pytest -p no:cacheprovider')
    assert " passed" in shell(PROJECT, command, DJANGO_SETTINGS_MODULE="tests.settings")
