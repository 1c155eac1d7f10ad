"""`python -m config.embedded.reset`: remove the home with all its data, to start afresh."""

import fcntl
import shutil
import sys
from pathlib import Path

from config.embedded.errors import EmbeddedError
from config.embedded.homes import home_folder, plain_errors, remembered_place
from config.embedded.locks import exclusive, opened, try_lock
from config.embedded.sharing import stop_servers


def remove_home(home: Path) -> None:
    """Remove a home, the homes of test runs inside it, and what they keep elsewhere.

    Raises EmbeddedError for a home that is in use, which is kept.
    """
    for test_home in sorted(home.glob("test*/place.json")):
        remove_home(test_home.parent)
    with opened(home / "needed.lock") as needed, exclusive(home / "start.lock"):
        if not try_lock(needed, fcntl.LOCK_EX):
            raise EmbeddedError(f"{home} is in use: stop the programs that use it (Ctrl-C) first.")
        stop_servers(home)
        place = remembered_place(home)
        with plain_errors(home):
            if place.refuge:
                shutil.rmtree(place.refuge)
            shutil.rmtree(home)


def main() -> None:
    home = home_folder()
    if (home / "place.json").exists():
        try:
            remove_home(home)
        except EmbeddedError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
