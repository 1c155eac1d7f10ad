"""The folder in which the processes of a web server count, so that one other process can add it up."""

import os
from pathlib import Path

from config.embedded import home_folder

# prometheus_client looks here, once, when it is first imported: with it, values live in files of this folder.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def metrics_folder() -> Path:
    """PROMETHEUS_MULTIPROC_DIR, or `metrics` in the home. The folder may not exist."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else home_folder() / "metrics"


def count_in_folder() -> None:
    """From now on this process and its children count in the folder; before prometheus_client is imported.

    A folder that cannot be made costs the figures, not the web server.
    """
    folder = metrics_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = str(folder)


def forget_counts() -> None:
    """Begin anew, as Prometheus expects of a server that starts: the counts of its processes before are deleted."""
    for file in metrics_folder().glob("*.db"):
        file.unlink(missing_ok=True)
