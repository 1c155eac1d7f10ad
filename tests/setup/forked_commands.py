"""Run `manage.py` many times, each time in a process forked from one that has imported everything."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.setup.servers import PROJECT

# Forks a child for each line, which takes on folder, files and arguments, and then acts like a new process.
PROGRAM = """
import json, os, runpy, sys
import django
django.setup()
import config.celery, config.urls
from django.core.checks import run_checks
from django.db.migrations.loader import MigrationLoader
run_checks(), MigrationLoader(None)  # for what they import
while line := sys.stdin.readline():
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
order = json.loads(line)
os.chdir(order["folder"])
for number, (name, mode) in enumerate([(os.devnull, os.O_RDONLY), (order["stdout"], os.O_WRONLY),
                                       (order["stderr"], os.O_WRONLY)]):
    os.dup2(os.open(name, mode), number)
sys.argv = order["words"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class ForkedCommands:
    """Runs commands in a folder, with the environment of the process that they are forked from."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder

    def run(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Return the result of `manage.py` with these arguments."""
        out, err = self._folder / ".stdout", self._folder / ".stderr"
        for file in (out, err):
            file.write_text("")
        command = [str(PROJECT / "manage.py"), *words]
        order = {"words": command, "folder": str(self._folder), "stdout": str(out), "stderr": str(err)}
        print(json.dumps(order), file=self._stream("stdin"), flush=True)
        status = int(self._stream("stdout").readline())
        return subprocess.CompletedProcess(command, status, out.read_text(), err.read_text())

    def _stream(self, name: str) -> IO[str]:
        stream: IO[str] | None = getattr(self._process, name)
        assert stream is not None
        return stream


@contextmanager
def forked_commands(folder: Path, **environment: str) -> Iterator[ForkedCommands]:
    """Yield commands with the real settings in a folder."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=PROJECT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield ForkedCommands(process, folder)
