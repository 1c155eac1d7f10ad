"""The addresses that webhooks may be sent to: which URLs are valid, and whether their hosts resolve to public ones."""

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
# Not public, but unknown to Python 3.11: relays and tunnels to other addresses, and networks reserved since.
_ODD_IPV4 = [ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24")]
_ODD_IPV6 = [ipaddress.IPv6Network(network) for network in ("2001::/23", "2002::/16", "3fff::/20")]


class AddressError(Exception):
    """Nothing may be sent to this address; the message is a sentence that reveals no internal address."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a URL: the host in lower case without a final dot, the port, and the path with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as in a URL and the header `Host`: without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL in its canonical spelling."""
        return f"{self.scheme}://{self.authority}{self.path}"


def read_url(url: str) -> Target:
    """Return the target of a URL. Raises AddressError if it may not be used, whatever its host resolves to."""
    if len(url) > LONGEST_URL:
        raise AddressError(f"The URL is longer than {LONGEST_URL} characters.")
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressError(
            "Use only ASCII characters without spaces: write an international host as xn--…, other characters as %…."
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if "[" in parts.netloc and ":" not in host:
            raise ValueError(host)
    except ValueError:
        raise AddressError("This is not a valid URL.") from None
    scheme = _scheme(parts.scheme)
    if "@" in parts.netloc:
        raise AddressError(
            "The URL must not contain a user name or password. Receivers verify the sender by the signature."
        )
    if "#" in url:
        raise AddressError("The URL must not contain a fragment (#…), because it would never be sent.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, _host(host), _port(port, scheme), path)


def _scheme(scheme: str) -> str:
    if scheme == "https" or (scheme == "http" and settings.WEBHOOKS_ALLOW_LOOPBACK):
        return scheme
    raise AddressError("The URL must begin with https://.")


def _port(port: int | None, scheme: str) -> int:
    if port is None or port == PORTS[scheme]:
        return PORTS[scheme]
    if port < LOWEST_FREE_PORT:
        raise AddressError(f"The port must be {PORTS['https']}, or {LOWEST_FREE_PORT} or higher.")
    return port


def _host(host: str) -> str:
    """Return the host: a name, or a public address in its usual notation. Raises AddressError for anything else."""
    if ":" in host:
        return _literal(host)
    name = host.removesuffix(".")
    labels = name.split(".")
    # Resolvers take a host that ends in a number for an address: 127.1, 0x7f000001, 2130706433, 0177.0.0.1.
    if _NUMBER.fullmatch(labels[-1]):
        return _literal(name)
    if len(name) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError("The URL's host is not a valid host name.")
    if len(labels) == 1 and not (name == "localhost" and settings.WEBHOOKS_ALLOW_LOOPBACK):
        raise AddressError("The URL's host must be a full name, such as hooks.example.com.")
    return name


def _literal(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise AddressError("The URL's host is an address in an unsupported notation.") from None
    if "%" in text or str(address) != text:
        raise AddressError("The URL's host is an address in an unsupported notation.")
    refuse_unless_public([text])
    return text


def is_public(text: str) -> bool:
    """Return whether an IP address is public, and does not embed one that is not."""
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
    """Raise AddressError unless every address is public and the scheme is https.

    Loopback addresses pass with either scheme if the setting allows them.
    """
    for address in addresses:
        if settings.WEBHOOKS_ALLOW_LOOPBACK and _is_loopback(address):
            continue
        if not is_public(address):
            raise AddressError("The host's address is not public.")
        if scheme != "https":
            raise AddressError("The URL must begin with https://.")


def resolve(target: Target, *, seconds: float) -> list[str]:
    """Return the target's addresses, all checked. Connect to these: another look-up could return other addresses.

    Raises AddressError if there are none, if one is not public, or if the look-up takes longer than `seconds`.
    """
    addresses = list(dict.fromkeys(_look_up(target, seconds)))
    if not addresses:
        raise AddressError("The host name has no address.")
    refuse_unless_public(addresses, scheme=target.scheme)
    return addresses


def _look_up(target: Target, seconds: float) -> list[str]:
    # The system's resolver has no time-out: a thread calls it, and is abandoned if it takes too long.
    found: list[str] = []
    failures: list[OSError] = []

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.extend(str(answer[4][0]) for answer in answers)
        except OSError as error:
            failures.append(error)
        except UnicodeError:
            failures.append(OSError("not a name"))

    resolver = threading.Thread(target=look_up, name="webhook-resolver", daemon=True)
    resolver.start()
    resolver.join(seconds)
    if resolver.is_alive():
        raise AddressError("The host name could not be resolved in time.")
    if failures:
        raise AddressError("The host name could not be resolved.")
    return found
