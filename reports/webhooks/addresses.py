"""Which addresses webhooks may go to: how a URL has to read, and whether what its host resolves to is public."""

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

LONGEST_URL = 2000
LONGEST_HOST = 253
PORTS = {"https": 443, "http": 80}
LOWEST_FREE_PORT = 1024

_PRINTABLE = re.compile(r"[!-~]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_IPV6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_IPV4_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Not public in a sense that Python 3.11 knows: relays and tunnels to other addresses, and what was set aside since.
_ODD_IPV4 = [ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24")]
_ODD_IPV6 = [ipaddress.IPv6Network(network) for network in ("2001::/23", "2002::/16", "3fff::/20")]


class AddressError(Exception):
    """Nothing may be sent there; the message is a sentence for people, and names no address of the network inside."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points: the host in lower case without a dot at its end, the port, and what is asked for there."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the header `Host` and a URL have them: without the port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL, in one way of writing it."""
        return f"{self.scheme}://{self.authority}{self.path}"


def read_url(url: str) -> Target:
    """The target of a URL. Raises AddressError for one that nothing may be sent to, whatever its host resolves to."""
    if len(url) > LONGEST_URL:
        raise AddressError(f"The URL is longer than {LONGEST_URL} characters.")
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressError(
            "Write the URL in plain ASCII without spaces: a host beyond it as xn--…, other characters as %…."
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if "[" in parts.netloc and ":" not in host:
            raise ValueError(host)
    except ValueError:
        raise AddressError("This is not a URL.") from None
    scheme = _scheme(parts.scheme)
    if "@" in parts.netloc:
        raise AddressError("A URL with a name or password in it is not taken: the signature is what proves the sender.")
    if "#" in url:
        raise AddressError("A part after # is never sent: leave it out.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, _host(host), _port(port, scheme), path)


def _scheme(scheme: str) -> str:
    if scheme == "https" or (scheme == "http" and settings.WEBHOOKS_ALLOW_LOOPBACK):
        return scheme
    raise AddressError("The URL has to begin with https://.")


def _port(port: int | None, scheme: str) -> int:
    if port is None or port == PORTS[scheme]:
        return PORTS[scheme]
    if port < LOWEST_FREE_PORT:
        raise AddressError(f"The port has to be {PORTS['https']}, or {LOWEST_FREE_PORT} or higher.")
    return port


def _host(host: str) -> str:
    """A host name, or an address in its usual notation and public."""
    if ":" in host:
        return _literal(host)
    name = host.removesuffix(".")
    labels = name.split(".")
    # 127.1, 0x7f000001, 2130706433, 0177.0.0.1: what ends in a number is an address to those who resolve it.
    if _NUMBER.fullmatch(labels[-1]):
        return _literal(name)
    if len(name) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError("The URL's host is not the name of a host.")
    if len(labels) == 1 and not (name == "localhost" and settings.WEBHOOKS_ALLOW_LOOPBACK):
        raise AddressError("The URL's host has to be a full name, such as hooks.example.com.")
    return name


def _literal(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise AddressError("The URL's host is an address in a notation that is not taken.") from None
    if "%" in text or str(address) != text:
        raise AddressError("The URL's host is an address in a notation that is not taken.")
    refuse_unless_public([text])
    return text


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet, and leads to no other one inside of it."""
    if "%" in text:
        return False
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address in _IPV4_MAPPED or address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        is_odd = address not in _IPV6_GLOBAL or any(address in network for network in _ODD_IPV6)
    else:
        is_odd = any(address in network for network in _ODD_IPV4)
    return address.is_global and not address.is_multicast and not address.is_reserved and not is_odd


def _is_loopback(text: str) -> bool:
    return "%" not in text and ipaddress.ip_address(text).is_loopback


def refuse_unless_public(addresses: Iterable[str], *, scheme: str = "https") -> None:
    """Raise AddressError unless every address is public; in the clear (http) nothing leaves this machine.

    Loopback addresses pass where the setting allows them.
    """
    for address in addresses:
        if settings.WEBHOOKS_ALLOW_LOOPBACK and _is_loopback(address):
            continue
        if not is_public(address):
            raise AddressError("The host's address is not a public one.")
        if scheme != "https":
            raise AddressError("The URL has to begin with https://.")


def resolve(target: Target, *, seconds: float) -> list[str]:
    """The addresses of the target, each of them checked; they are what to connect to, without asking again.

    Raises AddressError when there are none, when one is not public, or when the answer takes too long.
    """
    addresses = list(dict.fromkeys(_look_up(target, seconds)))
    if not addresses:
        raise AddressError("The host's name has no address.")
    refuse_unless_public(addresses, scheme=target.scheme)
    return addresses


def _look_up(target: Target, seconds: float) -> list[str]:
    """As the system resolves, which knows no time-out of ours: a thread asks, and is left behind when it takes long."""
    found: list[str] = []
    failures: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.extend(str(answer[4][0]) for answer in answers)
        except OSError as error:
            failures.append(error)
        except UnicodeError:
            failures.append(OSError("not a name"))

    asking = threading.Thread(target=ask, name="webhook-resolver", daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise AddressError("The host's name could not be resolved in time.")
    if failures:
        raise AddressError("The host's name could not be resolved.")
    return found
