"""Where messages may be sent: the valid URLs, and the addresses that a host may resolve to."""

import socket
from threading import Event
from typing import Any

import pytest

from reports.webhooks.addresses import AddressError, is_public, read_url, refuse_unless_public, resolve
from tests.waiting import FOREVER_SECONDS, guarded


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("https://HOOKS.example.com./tally?a=1&b=2", "https://hooks.example.com/tally?a=1&b=2"),
        ("https://hooks.example.com:443/x", "https://hooks.example.com/x"),
        ("https://hooks.example.com:8443/x", "https://hooks.example.com:8443/x"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:4700:4700::1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
        ("HTTPS://hooks.example.com/%41", "https://hooks.example.com/%41"),
    ],
)
def test_a_valid_url_has_a_canonical_spelling(url: str, written: str) -> None:
    assert read_url(url).url == written
    assert read_url(written).url == written


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "//hooks.example.com/",
        "https:///path",
        "https://ana@hooks.example.com/",
        "https://ana:secret@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/#",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nX: y",
        "https://hooks.example.com/\tx",
        "https://bücher.example/",
        "https://hooks.example.com/ü",
        "https://127.0.0.1/".replace(".", "。"),
        "https://intranet/",
        "https://localhost/",
        "https://localhost./",
        "https://hooks..example.com/",
        "https://hooks.example.com../",
        "https://-x.example.com/",
        "https://%31%32%37.0.0.1/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 130}example.com/",
        f"https://hooks.example.com/{'a' * 2000}",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:25/",
        "https://hooks.example.com:80/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:x/",
        "https://[::1/",
    ],
)
def test_an_invalid_url_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(AddressError, match=r"\.$"):
        read_url(url)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "0x",
        ),
        *("127.0.0.1.", "10.0.0.1", "169.254.169.254", "192.168.0.1", "1.2.3.4.5", "1.2.3.256", "08.8.8.8", "8.8.8"),
        *("a.0x7f", "a.1", "[::1]", "[::]", "[fe80::1%25eth0]", "[::ffff:8.8.8.8]", "[::ffff:127.0.0.1]"),
        *("[0:0:0:0:0:0:0:1]", "[2606:4700:4700:0::1111]", "[64:ff9b::7f00:1]", "[fd00::1]", "[v1.x]"),
    ],
)
def test_an_address_that_is_not_public_or_oddly_written_is_refused(host: str, settings: Any) -> None:
    with pytest.raises(AddressError):
        read_url(f"https://{host}/")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *((address, True) for address in ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1")),
        *((address, True) for address in ("2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8")),
        *((address, False) for address in ("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.0.1")),
        *((address, False) for address in ("169.254.169.254", "172.16.0.1", "192.0.0.8", "192.0.2.1", "192.168.1.1")),
        *((address, False) for address in ("192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1")),
        *((address, False) for address in ("224.0.0.1", "224.0.1.1", "239.1.1.1", "240.0.0.1", "255.255.255.255")),
        *(
            (address, False)
            for address in ("::", "::1", "::7f00:1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1")
        ),
        *((address, False) for address in ("64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::808:808")),
        *((address, False) for address in ("100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::")),
        *((address, False) for address in ("3fff::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0")),
        *((address, False) for address in ("fec0::1", "ff02::1", "ff0e::1", "fd00:ec2::254")),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool, settings: Any) -> None:
    assert is_public(address) is public
    for allowed in (False, True):
        settings.WEBHOOKS_ALLOW_LOOPBACK = allowed
        if not public and address not in {"127.0.0.1", "127.255.0.1", "::1"}:
            with pytest.raises(AddressError, match="address is not public"):
                refuse_unless_public([address])


def test_one_internal_address_among_public_ones_is_enough_to_refuse(names: Any) -> None:
    names.known["hooks.example.com"] = [["8.8.8.8", "10.0.0.1"]]
    with pytest.raises(AddressError, match="address is not public") as refusal:
        resolve(read_url("https://hooks.example.com/"), seconds=10)
    assert "10.0" not in str(refusal.value)
    names.known["hooks.example.com"] = [["8.8.8.8", "2606:4700:4700::1111"]]
    assert resolve(read_url("https://hooks.example.com/"), seconds=10) == ["8.8.8.8", "2606:4700:4700::1111"]


def test_a_name_that_resolves_slowly_or_not_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    target = read_url("https://hooks.example.com/")

    is_refused = Event()

    def slow(*_arguments: Any, **_options: Any) -> Any:
        is_refused.wait(FOREVER_SECONDS)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with guarded("the name is refused"), pytest.raises(AddressError, match="in time"):
        resolve(target, seconds=0.2)
    is_refused.set()

    def unknown(*_arguments: Any, **_options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(AddressError, match="could not be resolved"):
        resolve(target, seconds=10)


def test_the_setting_for_tests_allows_loopback_and_nothing_else(loopback: None, names: Any) -> None:
    assert read_url("http://localhost:8001/x").url == "http://localhost:8001/x"
    assert read_url("http://127.0.0.1/").port == 80
    for url in ("http://169.254.169.254/", "http://10.0.0.1/", "https://0.0.0.0/"):
        with pytest.raises(AddressError, match="address is not public"):
            read_url(url)
    # Unencrypted messages never leave the machine.
    names.known["hooks.example.com"] = [["8.8.8.8"]]
    with pytest.raises(AddressError, match="https"):
        resolve(read_url("http://hooks.example.com/"), seconds=10)
