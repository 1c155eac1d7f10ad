"""The embedded PostgreSQL. It listens only on a unix socket, and its tables belong to an ordinary role."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded.binaries import postgres_programs
from config.embedded.copies import copy_programs
from config.embedded.errors import EmbeddedError
from config.embedded.homes import Place, made_refuge, write_whole
from config.embedded.owners import postgres_owner
from config.embedded.servers import Server

PORT = "5432"
ROLE = DATABASE = "tallydesk"
OLDEST = 16
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # nothing is replicated, and COPY into new tables writes half as much
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling takes longer than these queries run
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """One cluster. As root it runs as `nobody`, in a place that this account can reach."""

    title = "PostgreSQL"
    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": ends open connections instead of waiting for them
    kill_signal = signal.SIGQUIT

    def __init__(self, home: Path, place: Place, *, durable: bool) -> None:
        super().__init__(home, place.postgres_sockets, postgres_owner(), durable=durable)
        self._refuge = Path(place.refuge) if place.refuge else None

    @property
    def socket_file(self) -> Path:
        return self.sockets / f".s.PGSQL.{PORT}"

    @property
    def data(self) -> Path:
        """The cluster's folder, in the home unless its account cannot reach that."""
        inside = self.home / "postgres"
        return self._refuge / "postgres" if self._refuge and not inside.is_dir() else inside

    def prepare(self) -> None:
        programs = self._reachable_programs()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster(programs)
        elif not self.owner.owns(self.data):
            raise EmbeddedError(
                f"The database in {self.data} was made by another account than '{self.owner.name}'. "
                "Use the same account as before, or set TALLYDESK_HOME to another folder."
            )
        elif not self.owner.reaches(self.data):
            raise EmbeddedError(
                f"PostgreSQL runs as '{self.owner.name}', which can no longer enter {self.data}. "
                "Restore access, or set TALLYDESK_HOME to another folder."
            )
        self._remove_stale_pid_file()

    def command(self) -> list[str]:
        settings = SETTINGS | {"unix_socket_directories": str(self.sockets)} | ({} if self.durable else FORGETFUL)
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._reachable_programs() / "postgres"), "-D", str(self.data), *words]

    def process_id(self) -> int | None:
        lines = self._pid_file_lines()
        return int(lines[0]) if lines and lines[0].isdigit() else None

    def answers(self) -> bool:
        """Return whether the server is ready, which it writes into its PID file with the place of its socket."""
        lines = self._pid_file_lines()
        is_ready = len(lines) > 7 and lines[7].strip() == "ready"
        return is_ready and lines[4] == str(self.sockets) and self.accepts_connections()

    def make_database(self) -> None:
        """Make the role and the database if missing. A killed first start may have made one of them, or none."""
        role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
        address = f"host='{self.sockets}' port={PORT} user=postgres dbname=postgres"
        try:
            with psycopg.connect(address, autocommit=True) as server:
                if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                    server.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER CREATEDB").format(role))
                if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
        except psycopg.Error as error:
            raise EmbeddedError(
                f"PostgreSQL cannot make its database (log: {self.log}): {str(error).strip()}"
            ) from error

    def _make_cluster(self, programs: Path) -> None:
        """Make the cluster under another name and rename it once complete: a killed initdb leaves no cluster."""
        self._refuse_old(programs)
        if not self._refuge and not self.owner.reaches(self.home):
            self._take_refuge()
        new = self.data.with_name("postgres.new")
        for left_over in (new, self.data):
            if left_over.is_dir():
                shutil.rmtree(left_over)
        new.mkdir(mode=0o700)
        self.owner.give(new)
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(new)]
        if not self.durable:
            options.append("--no-sync")
        process = self.spawn([str(programs / "initdb"), *options])
        try:
            status = process.wait()
        except BaseException:
            process.kill()
            raise
        if status != 0:
            shutil.rmtree(new)
            raise EmbeddedError(f"PostgreSQL cannot make its database. Its log ({self.log}) ends:\n{self.log_tail()}")
        new.replace(self.data)

    def _take_refuge(self) -> Path:
        self._refuge = made_refuge(self.home)
        return self._refuge

    def _reachable_programs(self) -> Path:
        """Return the folder of the programs, or of a copy if the server's account cannot run them."""
        programs = postgres_programs()
        if self.owner.reaches(programs / "postgres"):
            return programs
        status = (programs / "postgres").stat()
        origin = json.dumps([str(programs), status.st_mtime_ns, status.st_size])
        copy = (self._refuge or self._take_refuge()) / "programs"
        stamp = copy / "origin.json"
        copied = copy / "embedded" / "pginstall" / "bin"
        if not (stamp.exists() and stamp.read_text() == origin):
            copy_programs(programs, copied)
            write_whole(stamp, origin)
        return copied

    def _refuse_old(self, programs: Path) -> None:
        question = [str(programs / "postgres"), "--version"]
        version = re.search(r"\d+", subprocess.run(question, capture_output=True, text=True, check=False).stdout)
        if version and int(version[0]) < OLDEST:
            raise EmbeddedError(
                f"{programs / 'postgres'} is PostgreSQL {version[0]}; Tallydesk needs {OLDEST} or newer."
            )

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _remove_stale_pid_file(self) -> None:
        """Remove the PID file of a copied or crashed cluster. PostgreSQL would heed it, whatever has that PID now."""
        lines = self._pid_file_lines()
        if lines and _works_in(lines[0], self.data):
            raise EmbeddedError(f"Another PostgreSQL (process {lines[0]}) is running on {self.data}: stop it first.")
        (self.data / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process_id: str, folder: Path) -> bool:
    """Return whether the process lives and works in this folder, as PostgreSQL does in its data folder."""
    try:
        return Path(f"/proc/{process_id}/cwd").samefile(folder)
    except OSError:
        return False
