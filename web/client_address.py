"""Who is calling: the address of the client, through proxies that we trust and no others."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from kernel.errors import Rejected
from kernel.settings import IpNetwork

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadForwardedAddressError(Rejected):
    """A trusted proxy passed on an address that is not one: refused, never taken for "unknown" (CVE-2024-47070)."""

    default_code = "bad_forwarded_address"


def client_address(*, peer: str, forwarded_for: str | None, trusted_proxies: Sequence[IpNetwork]) -> str:
    """Return the client's address as canonical text, or ``""`` when there is none (a Unix socket).

    ``X-Forwarded-For`` is read from the right, one hop for each proxy that is trusted; what stands further left was
    written by the client and is not looked at. From a peer that is not trusted the header is ignored.

    :param peer: the address at the other end of the connection (``REMOTE_ADDR``).
    :param forwarded_for: the header's value, ``None`` when absent.
    :raises BadForwardedAddressError: if an address that we have to rely on does not parse.
    """
    try:
        address = _parse(peer)
    except ValueError:
        return ""
    if forwarded_for is None:
        return str(address)
    for hop in reversed(forwarded_for.split(",")):
        if not is_in(address, trusted_proxies):
            break
        try:
            address = _parse(hop.strip())
        except ValueError as error:
            raise BadForwardedAddressError("The address passed on by the proxy is not an address.") from error
    return str(address)


class ClientAddresses:
    """:func:`client_address` for one set of trusted proxies, with the addresses that it met last at hand."""

    # What is longer than a client and two proxies is read anew each time: strangers may write into that header.
    _LONGEST_KEPT = 128

    def __init__(self, trusted_proxies: Sequence[IpNetwork]) -> None:
        self._proxies = trusted_proxies
        self._recall = lru_cache(maxsize=4096)(self._read)

    def find(self, peer: str, forwarded_for: str | None) -> str:
        """Return the client's address. :raises BadForwardedAddressError: as :func:`client_address`."""
        short = forwarded_for is None or len(forwarded_for) <= self._LONGEST_KEPT
        return self._recall(peer, forwarded_for) if short else self._read(peer, forwarded_for)

    def _read(self, peer: str, forwarded_for: str | None) -> str:
        return client_address(peer=peer, forwarded_for=forwarded_for, trusted_proxies=self._proxies)


def is_in(address: IpAddress, networks: Sequence[IpNetwork]) -> bool:
    """Tell whether ``address`` stands in one of ``networks``."""
    return any(address.version == network.version and address in network for network in networks)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the unit that limits are counted by: an IPv4 address itself, the /64 of an IPv6 address (RFC 6177).

    A subscriber has at least a /64, so counting single IPv6 addresses would count nothing.
    """
    try:
        parsed = _parse(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


@lru_cache(maxsize=4096)
def _parse(text: str) -> IpAddress:
    if "%" in text:
        raise ValueError("an address with a zone is not a client's")
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
