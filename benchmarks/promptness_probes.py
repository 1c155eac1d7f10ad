"""How soon a probe is answered while what it checks is frozen."""

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from django.db import connection, connections
from django.test import Client, override_settings

from benchmarks.measuring import Figure
from benchmarks.promptness_brokers import frozen_server
from config.monitoring import readiness

ROUNDS = 3
BROKER_BOUND, DATABASE_BOUND = 2, 1.5


def figures() -> Iterator[Figure]:
    """Measure each beside its time-out; if two checks query the database, beside the time-out of all checks."""
    with frozen_server() as (host, port):
        with override_settings(REDIS_URL=f"redis://{host}:{port}/0"):
            seconds = min(_seconds("broker") for _round in range(ROUNDS))
        patience = readiness.BROKER_SECONDS
        yield Figure("/readyz, frozen broker", seconds, "the patience with it", patience, BROKER_BOUND)
        frozen: dict[str, Any] = connection.settings_dict | {"HOST": host, "PORT": port}
        with patch.dict(connections.settings, {"default": frozen}):
            seconds = min(_seconds("database") for _round in range(ROUNDS))
        patience = readiness.PATIENCE_SECONDS
        yield Figure("/readyz, frozen database", seconds, "the patience with all checks", patience, DATABASE_BOUND)


def _seconds(failing: str) -> float:
    """Return the seconds of a probe that checks anew and finds this part failing."""
    time.sleep(readiness.PATIENCE_SECONDS + readiness.FRESH_SECONDS)  # earlier checks have been answered
    client = Client(SERVER_NAME="localhost")
    start = time.perf_counter()
    answer = client.get("/readyz")
    seconds = time.perf_counter() - start
    if answer.json()["checks"][failing]["status"] != "failing":
        raise RuntimeError(f"{failing} is not failing: {answer.json()}")
    return seconds
