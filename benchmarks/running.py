"""Run one benchmark on a fresh embedded database; the exit status says whether all of its figures hold."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["LOG_LEVEL"] = "WARNING"
HOME = tempfile.mkdtemp(prefix="tallydesk-bench-")
Path(HOME).chmod(0o711)  # PostgreSQL runs as `nobody` if this process is root, and must be able to enter
os.environ["TALLYDESK_HOME"] = HOME

django.setup()

from benchmarks import api, lists, promptness, reports, uploads  # noqa: E402 - models can be imported only now
from benchmarks.measuring import show  # noqa: E402 - as above
from config.database import ready_database  # noqa: E402 - as above

BENCHMARKS = {
    "lists": lists.figures,
    "api": api.figures,
    "uploads": uploads.figures,
    "reports": reports.figures,
    "promptness": promptness.figures,
    **{f"reports-{name}": figures for name, figures in reports.GROUPS.items()},
}


def main() -> int:
    try:
        with ready_database():
            return 0 if show(BENCHMARKS[sys.argv[1]]()) else 1
    finally:
        shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
