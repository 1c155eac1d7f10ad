"""One request to an endpoint: to a checked address, without redirects or proxies, and always limited in time."""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import timezone

from reports.webhooks.addresses import AddressError, Target, read_url, resolve

SECONDS = 10.0
"""The time limit for the whole attempt: look-up, connection, request and response."""

MOST_BYTES = 64 * 1024
KEPT_BYTES = 1024
OWN_HEADERS = {"Content-Type": "application/json", "User-Agent": "Tallydesk-Webhooks/1", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt. `error` is a sentence, empty after a delivery; `retry_after` is in seconds."""

    status_code: int | None = None
    error: str = ""
    answer: str = ""
    milliseconds: int = 0
    retry_after: float | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the endpoint accepted the message."""
        return not self.error

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint asks for no more messages, ever."""
        return self.status_code == http.HTTPStatus.GONE


class _InvalidResponseError(Exception):
    """The response is invalid or too long; the message is a sentence."""


class _Limited(io.RawIOBase):
    """The bytes that a connection receives, until there are too many of them or the time is up."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._bytes = 0
        self._tail = b""
        self._has_headers = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_remaining(self._deadline))
        read = self._connection.recv_into(buffer)
        self._bytes += read
        if self._bytes > MOST_BYTES:
            raise _InvalidResponseError(f"The response is longer than {MOST_BYTES // 1024} kB.")
        if not self._has_headers:
            self._look_for_end_of_headers(bytes(buffer[:read]))
        return read

    def _look_for_end_of_headers(self, piece: bytes) -> None:
        """Refuse a response that ends inside its headers, which `http.client` would accept."""
        if not piece:
            raise _InvalidResponseError("The response broke off.")
        self._tail += piece
        self._has_headers = b"\n\r\n" in self._tail or b"\n\n" in self._tail
        self._tail = self._tail[-2:]


class _Wire:
    """An established connection for `http.client` whose every operation is limited by the deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(_remaining(self._deadline))
        self._connection.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Limited(self._connection, self._deadline))

    def close(self) -> None:
        """Do nothing: `http.client` calls this before the response is read, and `_exchange` closes the connection."""


def send(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> Outcome:
    """POST the body to the URL. Never raises: the outcome describes every failure."""
    began = time.monotonic()
    outcome = _outcome(url, body, headers, deadline=began + seconds, seconds=seconds)
    milliseconds = round((time.monotonic() - began) * 1000)
    return Outcome(outcome.status_code, outcome.error, outcome.answer, milliseconds, outcome.retry_after)


def _outcome(url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, seconds: float) -> Outcome:
    try:
        target = read_url(url)
        addresses = resolve(target, seconds=_remaining(deadline))
        return _exchange(target, addresses, body, headers, deadline)
    except (AddressError, _InvalidResponseError) as error:
        return Outcome(error=str(error))
    except TimeoutError:
        return Outcome(error=f"No complete response within {seconds:g} seconds.")
    except ssl.SSLCertVerificationError as error:
        return Outcome(error=f"The host's certificate is not valid: {error.verify_message}."[:255])
    except ssl.SSLError:
        return Outcome(error="A secure connection could not be established. TLS 1.2 or newer is required.")
    except ConnectionRefusedError:
        return Outcome(error="The connection was refused.")
    except (OSError, http.client.HTTPException, ValueError):  # ValueError: impossible numbers in the response.
        return Outcome(error="The connection broke off, or the response was not HTTP.")


def _exchange(
    target: Target, addresses: list[str], body: bytes, headers: Mapping[str, str], deadline: float
) -> Outcome:
    connection = _connect(addresses, target.port, deadline)
    try:
        if target.scheme == "https":
            connection.settimeout(_remaining(deadline))
            connection = _tls_context(settings.WEBHOOKS_CA_FILE).wrap_socket(connection, server_hostname=target.host)
        client = http.client.HTTPConnection(target.host, target.port)
        client.auto_open = 0  # It is open; reopening it could connect to an unchecked address.
        client.sock = _Wire(connection, deadline)
        client.request("POST", target.path, body, {"Host": target.authority, **OWN_HEADERS, **headers})
        return _read(client.getresponse())
    finally:
        connection.close()


def _connect(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """Connect to the first address that responds; each gets an equal share of the remaining time."""
    failure = OSError("no address")
    for number, address in enumerate(addresses):
        share = _remaining(deadline) / (len(addresses) - number)
        try:
            return socket.create_connection((address, port), timeout=share)
        except OSError as error:
            failure = error
    raise failure


def _read(response: http.client.HTTPResponse) -> Outcome:
    """Return the outcome by the status; of the body, only the beginning is kept, as far as it arrives."""
    try:
        kept = response.read(KEPT_BYTES)
    except (TimeoutError, OSError, http.client.HTTPException, ValueError):  # ValueError: a chunk of -5 bytes.
        kept = b""
    # NUL is the only character that PostgreSQL's text cannot hold.
    answer = kept.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if http.HTTPStatus.OK <= response.status < http.HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(response.status, answer=answer)
    return Outcome(response.status, _refusal(response), answer, retry_after=_retry_after(response))


def _refusal(response: http.client.HTTPResponse) -> str:
    if http.HTTPStatus.MULTIPLE_CHOICES <= response.status < http.HTTPStatus.BAD_REQUEST:
        return f"Answered with status {response.status}. Redirects are not followed."
    return f"Answered with status {response.status}."


def _retry_after(response: http.client.HTTPResponse) -> float | None:
    """Return the `Retry-After` in seconds from now, for the statuses that give it a meaning; None otherwise."""
    if response.status not in {http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE}:
        return None
    text = (response.getheader("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):  # The header may hold anything.
        return None
    if timezone.is_naive(moment):
        return None
    return max(0.0, (moment - timezone.now()).total_seconds())


@lru_cache(maxsize=2)
def _tls_context(more_authorities: str) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities and those of the file in the settings."""
    context = ssl.create_default_context()
    if more_authorities:
        context.load_verify_locations(more_authorities)
    return context


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining
