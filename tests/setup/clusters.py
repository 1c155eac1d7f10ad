"""PostgreSQL's folder as the first command on a fresh home leaves it: migrated once, and kept for the next run.

Migrating takes several seconds; copying takes less than one. Tests about a first start use a home without it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded.locks import exclusive
from config.embedded.reset import remove_home
from tests.databases import migrations_digest
from tests.homes import VARIABLE
from tests.setup.servers import PROJECT


@contextmanager
def folder_of_homes() -> Iterator[Path]:
    """Yield a folder that all system users may enter; homes in it are removed with their servers and refuges."""
    folder = Path(tempfile.mkdtemp(prefix="tallydesk-test-"))
    folder.chmod(0o711)
    yield folder
    folder.chmod(0o711)
    for place in list(folder.glob("**/place.json")):
        remove_home(place.parent)
    shutil.rmtree(folder)


def copy_migrated_cluster(target: Path) -> None:
    """Copy the folder, with its owner, to an unused name; create it first if this run's home has none."""
    kept = Path(os.environ[VARIABLE]) / f"cluster-{migrations_digest()}"
    with exclusive(kept.with_name("cluster.lock")):
        if not kept.exists():
            _make(kept)
    _copy(kept, target)


def _make(kept: Path) -> None:
    for outdated in kept.parent.glob("cluster-*"):
        shutil.rmtree(outdated)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(name, None)
    with folder_of_homes() as folder:
        home = folder / "home"
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(command, cwd=PROJECT, env=environment | {"TALLYDESK_HOME": str(home)}, check=True)
        unfinished = kept.with_name("cluster-unfinished")
        _copy(home / "postgres", unfinished)
        unfinished.rename(kept)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
