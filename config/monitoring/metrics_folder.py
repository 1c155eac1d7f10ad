"""The folder in which the web server's processes store their counts, for another process to add up."""

import os
from pathlib import Path

from config.embedded import home_folder

# prometheus_client reads it once, when first imported, and then keeps its values in files of that folder.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def metrics_folder() -> Path:
    """Return PROMETHEUS_MULTIPROC_DIR, or `metrics` in the home. The folder may not exist."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else home_folder() / "metrics"


def count_in_folder() -> None:
    """Make this process and its children count in the folder. Call it before prometheus_client is imported.

    If the folder cannot be made, the web server runs without metrics.
    """
    folder = metrics_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = str(folder)


def forget_counts() -> None:
    """Delete the counts of earlier processes: Prometheus expects counters to restart with the server."""
    for file in metrics_folder().glob("*.db"):
        file.unlink(missing_ok=True)
