"""A SeaweedFS for the tests of files in an S3-compatible storage, and a storage in it for each test."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

from jobs.object_storage import ObjectStorage
from tests.processes import free_port, listens

KEY, SECRET = "tallydesk", "only-for-tests"
BUCKET = "files"
_PARTS = ("master", "volume", "filer", "s3")


class ObjectServer:
    """All of SeaweedFS in one process, which checks signatures. It starts empty, in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: free_port() for part in _PARTS for name in (f"{part}.port", f"{part}.port.grpc")}
        self.port = self.ports["s3.port"]
        self.url = f"http://127.0.0.1:{self.port}"
        who = {"name": KEY, "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "who.json").write_text(json.dumps({"identities": [who]}))
        options: dict[str, Any] = {
            **self.ports,
            "dir": folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "filer.localSocket": folder / "filer.sock",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "volume.max": 20,
            "s3": "true",
            "s3.config": folder / "who.json",
            "s3.iam": "false",
            "s3.localSocket": folder / "s3.sock",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
        }
        words = [f"-{name}={value}" for name, value in options.items()]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([_program(), "server", *words], cwd=folder, stdout=log, stderr=log)

    @cached_property
    def bucket(self) -> Any:
        """Return the bucket of all tests as a boto3 resource."""
        return ObjectStorage(**self.storage()["OPTIONS"]).bucket

    def listens(self) -> bool:
        """Return whether it answers. Raises AssertionError with its output if it has ended."""
        assert self.process.poll() is None, (self.folder / "log").read_text()
        return listens(self.port)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for part in _PARTS:  # it opens further sockets beside these
            Path(f"/tmp/seaweedfs-{part}-grpc-{self.ports[f'{part}.port.grpc']}.sock").unlink(missing_ok=True)

    def storage(self, **options: Any) -> dict[str, Any]:
        """Return the settings of a storage in its bucket; it is empty unless `location` names a folder that is not."""
        usual = {"bucket_name": BUCKET, "location": uuid.uuid4().hex, "region_name": "us-east-1"}
        keys = {"access_key": KEY, "secret_key": SECRET, "endpoint_url": self.url}
        return {"BACKEND": "jobs.object_storage.ObjectStorage", "OPTIONS": {**usual, **keys, **options}}


def _program() -> str:
    beside_python = Path(sys.executable).with_name("weed")
    named = os.environ.get("TALLYDESK_WEED")
    program = named or (str(beside_python) if beside_python.exists() else shutil.which("weed"))
    assert program, "there is no SeaweedFS here: run 'make setup', or set TALLYDESK_WEED to the program 'weed'"
    return program
