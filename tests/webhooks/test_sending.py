"""One attempt: what is sent and where, and the outcome for everything that the other side may do."""

import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from reports.webhooks.send import KEPT_BYTES, send
from tests.processes import free_port
from tests.waiting import FOREVER_SECONDS, GUARD_SECONDS, guarded
from tests.webhook_receivers import CERTIFICATES, NAME, Names, Receiver, raw_server, receiver

HEADERS = {"webhook-id": "msg_1"}


def test_the_body_is_posted_unchanged_with_few_headers(listener: Receiver) -> None:
    outcome = send(listener.url + "?a=1", '{"é":1}'.encode(), HEADERS)
    assert outcome.is_delivered
    assert outcome.status_code == 204
    [received] = listener.received
    assert received.path == "/hook?a=1"
    assert received.body == '{"é":1}'.encode()
    assert received.headers == {
        "host": f"127.0.0.1:{listener.port}",
        "accept-encoding": "identity",
        "content-length": "8",
        "content-type": "application/json",
        "user-agent": "Tallydesk-Webhooks/1",
        "connection": "close",
        "webhook-id": "msg_1",
    }


def test_without_the_setting_loopback_is_unreachable(names: Names) -> None:
    with receiver(tls=True) as listener:
        names.known[NAME] = [["127.0.0.1"]]
        outcome = send(f"https://{NAME}:{listener.port}/", b"{}", HEADERS)
        assert outcome.error == "The host's address is not public."
        assert send(listener.url, b"{}", HEADERS).error == "The URL must begin with https://."
        assert listener.received == []


def test_only_the_checked_address_is_connected_to(listener: Receiver, names: Names) -> None:
    """A name that resolves to another address the next time gains nothing, because each attempt resolves it once."""
    names.known[NAME] = [["127.0.0.1"], ["169.254.169.254"]]
    assert send(f"http://{NAME}:{listener.port}/", b"{}", HEADERS).is_delivered
    assert names.asked == [NAME]
    assert listener.received[0].headers["host"] == f"{NAME}:{listener.port}"
    # The next attempt checks the address again.
    assert send(f"http://{NAME}:{listener.port}/", b"{}", HEADERS).error == "The host's address is not public."
    assert len(listener.received) == 1


def test_a_certificate_is_checked_against_the_name(loopback: None, names: Names, settings: Any) -> None:
    names.known = {NAME: [["127.0.0.1"]], "other.example.com": [["127.0.0.1"]]}
    with receiver(tls=True) as listener:
        unknown = send(f"https://{NAME}:{listener.port}/", b"{}", HEADERS)
        settings.WEBHOOKS_CA_FILE = str(CERTIFICATES / "authority.pem")
        assert send(f"https://{NAME}:{listener.port}/", b"{}", HEADERS).is_delivered
        other = send(f"https://other.example.com:{listener.port}/", b"{}", HEADERS)
        literal = send(f"https://127.0.0.1:{listener.port}/", b"{}", HEADERS)
        assert len(listener.received) == 1
    assert unknown.error.startswith("The host's certificate is not valid: ")
    assert other.error.startswith("The host's certificate is not valid: Hostname mismatch")
    assert literal.error.startswith("The host's certificate is not valid: IP address mismatch")


def test_https_to_a_server_without_tls_is_a_failure(listener: Receiver) -> None:
    assert "secure connection" in send(f"https://127.0.0.1:{listener.port}/", b"{}", HEADERS).error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_a_failure_and_is_not_followed(status: int, listener: Receiver) -> None:
    with receiver() as inside:
        listener.answer(status, Location=inside.url)
        outcome = send(listener.url, b"{}", HEADERS)
        assert inside.received == []
    assert outcome.error == f"Answered with status {status}. Redirects are not followed."
    assert outcome.status_code == status


def test_proxies_of_the_environment_and_cookies_are_not_used(
    listener: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    listener.answer(200, Set_Cookie="a=b")
    for _again in range(2):
        assert send(listener.url, b"{}", HEADERS).is_delivered
    assert all("cookie" not in received.headers for received in listener.received)


@pytest.mark.parametrize(("status", "delivered"), [(200, True), (202, True), (299, True), (400, False), (500, False)])
def test_any_2xx_is_delivered_and_nothing_else(status: int, delivered: bool, listener: Receiver) -> None:
    listener.answer(status, "ça".encode() + b"\0\xff" + b"x" * 70_000)
    outcome = send(listener.url, b"{}", HEADERS)
    assert outcome.is_delivered is delivered
    assert outcome.error == ("" if delivered else f"Answered with status {status}.")
    # The beginning is kept, as text that the database accepts.
    assert outcome.answer.startswith("ça\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}xxx")
    assert len(outcome.answer.encode()) < 1100


def dripping(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"X")
        time.sleep(0.05)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def header_after_header(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in count():
        connection.sendall(f"X-{number}: y\r\n".encode())
        time.sleep(0.05)


def continuing(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("talk", [dripping, silent, header_after_header, continuing])
def test_a_response_that_drips_is_cut_off(talk: Any, loopback: None) -> None:
    with raw_server(talk) as url, guarded("the attempt is cut off"):
        outcome = send(url, b"{}", HEADERS, seconds=0.5)
    assert outcome.error == "No complete response within 0.5 seconds."
    assert outcome.milliseconds >= 450


def test_a_status_counts_although_the_body_drips(loopback: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        for _time in range(100):
            connection.sendall(b"X")
            time.sleep(0.01)
        silent(connection)

    minutes = count(step=60)  # A clock that advances by a minute each time it is read.
    monkeypatch.setattr("reports.webhooks.send.time", SimpleNamespace(monotonic=lambda: next(minutes)))
    with raw_server(talk) as url, guarded("the attempt is cut off"):
        outcome = send(url, b"{}", HEADERS, seconds=1800)
    assert (outcome.is_delivered, outcome.status_code) == (True, 200)
    assert outcome.milliseconds >= 1_800_000


def endless_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X: " + b"y" * 8000 + b"\r\n")


@pytest.mark.parametrize(
    "talk",
    [
        endless_headers,
        lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"),
        lambda connection: connection.sendall(b"HTTP/1.1 abc OK\r\n\r\n"),
        lambda connection: connection.sendall(b"HTTP/1.1 200"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nX: y\r\n"),
        lambda connection: None,
    ],
)
def test_an_invalid_response_is_a_failure_with_a_sentence(talk: Any, loopback: None) -> None:
    with raw_server(talk) as url, guarded("the attempt ends before its time limit"):
        outcome = send(url, b"{}", HEADERS, seconds=FOREVER_SECONDS)
    assert outcome.status_code is None
    assert outcome.error.endswith(".")


@pytest.mark.parametrize("size", [b"-5", b"f" * 5000, b"x"])
def test_a_status_counts_although_the_body_has_an_impossible_length(size: bytes, loopback: None) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabc\r\n")

    with raw_server(talk) as url:
        outcome = send(url, b"{}", HEADERS)
    assert (outcome.status_code, outcome.error) == (500, "Answered with status 500.")


def test_an_endless_body_is_not_read(loopback: None) -> None:
    sent, is_over = 0, Event()

    def talk(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 100_000_000:
                connection.sendall(b"10000\r\n" + b"z" * 65536 + b"\r\n")
                sent += 65536
        finally:
            is_over.set()

    with raw_server(talk) as url:
        assert send(url, b"{}", HEADERS).answer == "z" * KEPT_BYTES
        assert is_over.wait(GUARD_SECONDS)
    assert sent < 10_000_000


def test_a_refused_connection_is_a_failure(loopback: None) -> None:
    assert send(f"http://127.0.0.1:{free_port()}/", b"{}", HEADERS).error == "The connection was refused."


def test_a_second_address_is_tried_when_the_first_does_not_answer(listener: Receiver, names: Names) -> None:
    names.known[NAME] = [["::1", "127.0.0.1"]]
    assert send(f"http://{NAME}:{listener.port}/", b"{}", HEADERS).is_delivered


@pytest.mark.parametrize(
    ("status", "text", "seconds"),
    [
        (503, "120", 120),
        (429, "0", 0),
        (429, "99999999999999999999", 999999999),
        (500, "120", None),
        (200, "120", None),
        (503, "-1", None),
        (503, "soon", None),
        (503, "", None),
        (503, "²", None),
        (503, "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_used_for_the_statuses_that_give_it_a_meaning(
    status: int, text: str, seconds: float | None, loopback: None
) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 {status} X\r\nRetry-After: {text}\r\nContent-Length: 0\r\n\r\n".encode())

    with raw_server(talk) as url:
        assert send(url, b"{}", HEADERS).retry_after == seconds


def test_retry_after_may_be_a_date(listener: Receiver) -> None:
    listener.answer(503, Retry_After=format_datetime(datetime.now(UTC) + timedelta(hours=10), usegmt=True))
    wish = send(listener.url, b"{}", HEADERS).retry_after
    assert wish is not None
    assert timedelta(hours=9) < timedelta(seconds=wish) <= timedelta(hours=10)
