"""A database server that is stopped in the middle of an upload: afterwards all or none of its rows are there."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from config.embedded.homes import remembered_place
from config.embedded.postgres import DATABASE, PORT, Postgres
from config.embedded.reset import remove_home
from jobs.states import State
from tests.factories import make_account
from tests.faults.slow_uploads import ROWS, held_while_writing, is_writing
from tests.uploads import receive_users, tables_of_uploads, taken
from tests.waiting import wait_for
from usage import tasks
from usage.models import Entity, Upload, UploadStatus, UploadStep
from usage.uploads import decide


class Cluster:
    """The test's own PostgreSQL, with durable commits."""

    def __init__(self, home: Path) -> None:
        self._server = Postgres(home, remembered_place(home), durable=True)
        self.start()
        self._server.make_database()

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings by which Django connects."""
        return {"NAME": DATABASE, "USER": DATABASE, "HOST": str(self._server.sockets), "PORT": PORT}

    def start(self) -> None:
        self._server.launch(is_alone=True)
        self._server.await_ready()

    def stop_immediately(self) -> None:
        """Stop as `pg_ctl stop -m immediate` does: nothing more is written, and the next start recovers."""
        process_id = self._server.process_id()
        assert process_id is not None
        os.kill(process_id, signal.SIGQUIT)
        wait_for(lambda: not self._server.is_alive, what="stopped")


@pytest.fixture
def cluster(transactional_db: None, settings: Any) -> Iterator[Cluster]:
    """Replace Django's database by a migrated one for the duration of the test."""
    folder = Path(tempfile.mkdtemp(prefix="tallydesk-test-"))
    folder.chmod(0o711)
    home = folder / "home"
    home.mkdir(mode=0o711)
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": folder / "files"}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}
    shared = connection.settings_dict.copy()
    try:
        cluster = Cluster(home)
        connection.close()
        connection.settings_dict.update(cluster.settings)
        call_command("migrate", verbosity=0)
        yield cluster
    finally:
        connection.close()
        connection.settings_dict.update(shared)
        remove_home(home)
        shutil.rmtree(folder)


def test_a_database_stopped_during_an_apply_has_none_of_the_rows_and_later_all(cluster: Cluster) -> None:
    lines = "".join(f"user{number}@acme.example\n" for number in range(ROWS))
    account = make_account()
    upload = taken(receive_users(f"email\n{lines}", account=account))
    staged = tables_of_uploads()
    assert rows_in(upload.staging_table) == ROWS
    assert upload.uploaded_by
    step = decide.confirm(upload, upload.uploaded_by)

    worker = threading.Thread(target=work, args=(step,))
    with held_while_writing(account):
        worker.start()
        wait_for(is_writing, what="rows are written")
        connection.close()
        cluster.stop_immediately()
    worker.join(60)
    assert not worker.is_alive()
    cluster.start()

    upload = Upload.objects.select_related("latest_step").get(pk=upload.pk)
    assert (upload.status, Entity.objects.count()) == (UploadStatus.APPLYING, 0)
    assert tables_of_uploads() == staged
    assert rows_in(upload.staging_table) == 0
    # As the sweep does when the lease has expired.
    UploadStep.objects.filter(pk=step.pk).update(state=State.QUEUED, lease_until=None)
    upload = taken(upload)
    assert (upload.status, upload.rows_new, Entity.objects.count()) == (UploadStatus.APPLIED, ROWS, ROWS)
    assert not Entity.objects.exclude(upload_id=upload.pk).exists()
    tasks.collect_left_overs()
    assert not tables_of_uploads()

    cluster.stop_immediately()
    connection.close()
    cluster.start()
    assert taken(upload).status == UploadStatus.APPLIED
    assert Entity.objects.count() == ROWS


def work(step: UploadStep) -> None:
    try:
        tasks.take_step(str(step.pk))
    except Exception:  # noqa: BLE001 - a worker without a database may end with any error
        pass
    finally:
        connection.close()


def rows_in(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')
        return int(cursor.fetchone()[0])
