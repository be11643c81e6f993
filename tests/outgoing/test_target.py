"""Which URLs the service connects to, by their text (OpenID Provider, rule 14)."""

from __future__ import annotations

import pytest

from outgoing.errors import OutgoingError
from outgoing.target import Target, parse_target


def test_a_url_is_taken_apart_once() -> None:
    """Host in lower case, path and query as they are, the port in Host only where it is not the scheme's own."""
    assert parse_target("https://Portal.Example/jwks?a=%2F&b") == Target(
        "https", "portal.example", 443, "/jwks?a=%2F&b"
    )
    assert parse_target("https://portal.example").path == "/"
    assert parse_target("https://portal.example:443/").host_header == "portal.example"
    assert parse_target("https://portal.example:8443/").host_header == "portal.example:8443"
    assert parse_target("https://[2A00::1]:8443/").host_header == "[2a00::1]:8443"
    assert parse_target("http://127.0.0.1:8001/x") == Target("http", "127.0.0.1", 8001, "/x")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "portal.example/jwks",
        "//portal.example/jwks",
        "ftp://portal.example/",
        "file:///etc/passwd",
        "gopher://portal.example/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@portal.example/",
        "https://user:secret@portal.example/",
        "https://@portal.example/",
        "https://portal.example/#part",
        "https://portal.example\\@10.0.0.1/",
        "https://portal.example/\r\nX: y",
        "https://portal.example/a b",
        " https://portal.example/",
        "https://portal.example/\t",
        "https://pórtal.example/",
        "https://portal..example/",
        "https://portal.example./",
        "https://-portal.example/",
        "https://portal.example:99999/",
        "https://portal.example:x/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://portal.0x7f/",
        "https://1.2.3.4.5/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[portal.example]/",
        "https://" + "a" * 64 + ".example/",
        "https://portal.example/" + "a" * 2048,
    ],
)
def test_refuses_what_is_no_plain_web_address(url: str) -> None:
    """Whatever one parser might read otherwise than another."""
    with pytest.raises(OutgoingError, match="outgoing_bad_url"):
        parse_target(url)


@pytest.mark.parametrize("port", [0, 22, 25, 80, 445, 1023, 3306, 5432, 6379, 6667, 11211])
def test_refuses_ports_of_other_protocols(port: int) -> None:
    """The request must not be words to a mail server or a database."""
    with pytest.raises(OutgoingError, match="outgoing_refused_port"):
        parse_target(f"https://portal.example:{port}/")
