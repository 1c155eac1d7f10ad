"""The home: the folder that holds everything an installation keeps, and records what lies outside of it."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from config.embedded.errors import EmbeddedError
from config.embedded.locks import exclusive
from config.embedded.owners import Owner, ourselves, postgres_owner

PROJECT = Path(__file__).resolve().parent.parent.parent
REFUGES = Path("/var/lib/tallydesk")
TEMPORARY = "/tmp"  # noqa: S108 - short, always there; our names in it are random and their owner is checked


@dataclass(frozen=True)
class Place:
    """What a home records about itself.

    `sockets` is the common prefix of the servers' socket folders, which lie outside of the home because the path of a
    socket has at most 108 bytes. `refuge` is where PostgreSQL lives if the account `nobody` cannot reach the home or
    the programs.
    """

    home: str
    sockets: str
    refuge: str | None = None

    @property
    def socket_folders(self) -> dict[Path, Owner]:
        return {self.postgres_sockets: postgres_owner(), self.valkey_sockets: ourselves()}

    @property
    def postgres_sockets(self) -> Path:
        return Path(f"{self.sockets}-postgres")

    @property
    def valkey_sockets(self) -> Path:
        return Path(f"{self.sockets}-valkey")

    @property
    def is_safe(self) -> bool:
        """Whether the recorded names are free or ours. After a reboot, which empties /tmp, others may take them."""
        return all(_is_missing_or_private(folder, owner) for folder, owner in self.socket_folders.items())


def home_folder() -> Path:
    """Return TALLYDESK_HOME, or `.tallydesk` in the project. The folder may not exist yet."""
    named = os.environ.get("TALLYDESK_HOME")
    return Path(named).expanduser().resolve() if named else PROJECT / ".tallydesk"


@contextmanager
def plain_errors(home: Path) -> Iterator[None]:
    """Turn an OSError (no permission, disk full, read-only) into an EmbeddedError that names the home."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename and str(error.filename) != str(home) else ""
        raise EmbeddedError(f"Tallydesk cannot use its home {home}: {error.strerror or error}{where}.") from error


def made_home() -> Path:
    """Return the home, and make it if it is missing. Root's home can be passed through, but not listed, by `nobody`."""
    home = home_folder()
    with plain_errors(home):
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
        _refuse_foreign(home)
    return home


def secret_key() -> str:
    """Return a random key of at least 50 characters, made at first use and readable only by the home's owner."""
    path = made_home() / "secret_key"
    with plain_errors(path.parent), exclusive(path.with_suffix(".lock")):
        if not path.exists():
            write_whole(path, secrets.token_urlsafe(48))
        return path.read_text()


def write_whole(path: Path, text: str) -> None:
    """Write a file that only its owner may read, entirely or not at all."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def remembered_place(home: Path) -> Place:
    """Return the home's record; a new one if it has none, was copied or moved, or its names were taken."""
    with plain_errors(home):
        place = _read_place(home)
        if place and place.home == str(home) and place.is_safe:
            return place
        with exclusive(home / "place.lock"):
            place = _read_place(home)
            if not (place and place.home == str(home) and place.is_safe):
                refuge = place.refuge if place and _refuge_follows(place, home) else None
                place = Place(home=str(home), sockets=f"{TEMPORARY}/tallydesk-{secrets.token_hex(5)}", refuge=refuge)
                _write_place(home, place)
            return place


def made_refuge(home: Path) -> Path:
    """Return the home's refuge, and make it if missing: a folder of random name in /var/lib/tallydesk (root only)."""
    place = remembered_place(home)
    if place.refuge and Path(place.refuge).is_dir():
        return Path(place.refuge)
    with plain_errors(home), exclusive(home / "place.lock"):
        REFUGES.mkdir(mode=0o711, exist_ok=True)
        refuge = REFUGES / secrets.token_hex(8)
        refuge.mkdir(mode=0o711)
        refuge.chmod(0o711)  # whatever root's umask is, `nobody` must be able to pass through
        write_whole(refuge / "home", str(home))
        _write_place(home, replace(place, refuge=str(refuge)))
        return refuge


def _refuse_foreign(home: Path) -> None:
    """Refuse a home of another account: files that root writes into it would lock its owner out."""
    used = home / "place.json"
    if used.exists() and not ourselves().owns(used):
        raise EmbeddedError(
            f"The home {home} belongs to another account. Use the same account as before, or set TALLYDESK_HOME "
            "to another folder."
        )


def _refuge_follows(place: Place, home: Path) -> bool:
    """Return whether the home keeps its refuge: a moved home does, a copy leaves it to the original."""
    if not place.refuge or not Path(place.refuge).is_dir():
        return False
    original = _read_place(Path(place.home))
    if original and original.refuge == place.refuge and place.home != str(home):
        return False
    write_whole(Path(place.refuge) / "home", str(home))
    return True


def _is_missing_or_private(folder: Path, owner: Owner) -> bool:
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return True
    return folder.is_dir() and not folder.is_symlink() and status.st_uid == owner.uid and status.st_mode & 0o077 == 0


def _read_place(home: Path) -> Place | None:
    try:
        return Place(**json.loads((home / "place.json").read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def _write_place(home: Path, place: Place) -> None:
    write_whole(home / "place.json", json.dumps(asdict(place)))
