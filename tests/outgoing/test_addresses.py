"""Which addresses are reached (OpenID Provider, rule 14)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from outgoing.addresses import parse_address, require_reachable
from outgoing.errors import OutgoingError

_REFUSED = {
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"),
    "link-local": ("169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"),
    "cloud metadata": ("169.254.169.254", "100.100.100.200", "fd00:ec2::254", "192.0.0.192"),
    "carrier-grade NAT": ("100.64.0.1", "100.127.255.255"),
    "multicast": ("224.0.0.1", "239.255.255.250", "ff02::1"),
    "reserved, broadcast": ("240.0.0.1", "255.255.255.255", "4000::1"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.9", "2001:db8::1", "3fff::1"),
    "benchmarks": ("198.18.0.1", "198.19.255.255"),
    "IPv4 in IPv6, mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"),
    "IPv4 in IPv6, compatible": ("::127.0.0.1", "::10.0.0.1", "::8.8.8.8"),
    "IPv4 in IPv6, translated": ("::ffff:0:127.0.0.1",),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1"),
    "NAT64 of a local prefix": ("64:ff9b:1::8.8.8.8",),
    "6to4": ("2002:7f00:1::", "2002:0a00:0001::1", "2002:a9fe:a9fe::"),
    "Teredo": ("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    "ISATAP": ("2a00::5efe:10.0.0.1", "2a00::200:5efe:8.8.8.8"),
    "deprecated": ("fec0::1", "192.88.99.1", "3ffe::1%0x"),
    "no address": ("", "localhost", "127.1", "1.2.3.4.5", "8.8.8.8/32"),
}
_REACHED = (
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "169.253.255.255",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::8a",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
)


@pytest.mark.parametrize(
    "text", [text for texts in _REFUSED.values() for text in texts], ids=lambda text: text or "empty"
)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    """In every form in which it can be written."""
    with pytest.raises(OutgoingError, match="outgoing_refused_address"):
        require_reachable(parse_address(text), networks=())


@pytest.mark.parametrize("text", _REACHED)
def test_a_public_address_is_reached(text: str) -> None:
    """Also beside the edges of refused networks, and through a translator."""
    require_reachable(parse_address(text), networks=())


def test_what_the_operator_lists_is_reached_and_nothing_beside_it() -> None:
    """An IPv4-mapped address is the IPv4 address."""
    networks = (ip_network("10.20.0.0/16"), ip_network("fd12::/16"))
    for text in ("10.20.0.1", "::ffff:10.20.0.1", "fd12::1"):
        require_reachable(parse_address(text), networks=networks)
    for text in ("10.21.0.1", "fd13::1", "64:ff9b::10.20.0.1", "127.0.0.1"):
        with pytest.raises(OutgoingError):
            require_reachable(parse_address(text), networks=networks)
