"""The port of the web server, checked before anything slow begins."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.supervisor import ports
from config.supervisor.ports import PortError, free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_one_sentence_that_says_what_to_do(taken: int) -> None:
    answer = subprocess.run(
        [sys.executable, "-S", ports.__file__, str(taken)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr == (
        f"Another program is listening on 127.0.0.1:{taken}. Stop it, or use another port: make demo PORT=8000\n"
    )


@pytest.mark.parametrize("text", ["", "http", "0", "-1", "65536", "٣"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(PortError, match="is not a port"):
        free_port(text)
