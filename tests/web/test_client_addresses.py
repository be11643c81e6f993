"""Addresses that were met before are at hand, and what strangers write fills no memory."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from web.client_address import BadForwardedAddressError, ClientAddresses

ADDRESSES = ClientAddresses((ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "nonsense, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", f"{'9' * 200}, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("", None, ""),
    ],
)
def test_the_second_time_is_like_the_first(peer: str, forwarded_for: str | None, address: str) -> None:
    """With and without a header, short and long."""
    assert [ADDRESSES.find(peer, forwarded_for) for _ in range(2)] == [address] * 2


def test_an_address_that_is_none_is_refused_each_time() -> None:
    """CVE-2024-47070."""
    for _ in range(2):
        with pytest.raises(BadForwardedAddressError):
            ADDRESSES.find("10.0.0.1", "nonsense")
