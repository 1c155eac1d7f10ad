"""A home for each run of the tests, so that concurrent runs on one machine do not share a database."""

import fcntl
import os
from itertools import count

from config.embedded import home_folder
from config.embedded.locks import try_lock

# Passed on by a run of the tests to its own processes: they use the home that it claimed.
VARIABLE = "TALLYDESK_TEST_HOME"


def claim_home() -> None:
    """Make TALLYDESK_HOME `test` in the home (or `test-2` ... while that is taken), until this process ends."""
    if VARIABLE not in os.environ:
        base = home_folder()
        for number in count(1):
            home = base / ("test" if number == 1 else f"test-{number}")
            home.mkdir(mode=0o711, parents=True, exist_ok=True)
            # Stays open as long as this process lives, and holds the lock.
            lock = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if try_lock(lock, fcntl.LOCK_EX):
                os.environ[VARIABLE] = str(home)
                break
            os.close(lock)
    os.environ["TALLYDESK_HOME"] = os.environ[VARIABLE]
