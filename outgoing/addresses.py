"""Which network addresses the service connects to: public ones, and those that the operator lists.

A refusal looks through every form in which IPv6 carries an IPv4 address, since a translator on the way would unpack it.
Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), RFC 4291, RFC 6052 (NAT64), RFC 3056 (6to4).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from kernel.settings import IpNetwork
from outgoing.errors import OutgoingError, OutgoingReason

Address = IPv4Address | IPv6Address

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); cloud metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; cloud metadata at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Only 2000::/3 is handed out as global unicast; the rest (loopback, link-local, unique local, multicast …) is refused.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_TRANSLATED = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # third quarter of the address, RFC 5214 §6.1


def parse_address(text: str) -> Address:
    """Return the address that ``text`` writes, an IPv4-mapped one as the IPv4 address that it is.

    :raises OutgoingError: (``refused_address``) if it is none, or one with a zone, which means this link only.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise OutgoingError(OutgoingReason.REFUSED_ADDRESS) from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise OutgoingError(OutgoingReason.REFUSED_ADDRESS)
        if address in _MAPPED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_listed(address: Address, networks: Sequence[IpNetwork]) -> bool:
    """Tell whether ``address`` stands in one of the operator's ``networks``."""
    return any(address in network for network in networks if network.version == address.version)


def require_reachable(address: Address, *, networks: Sequence[IpNetwork]) -> None:
    """Require that ``address`` is public, or in ``networks``.

    :raises OutgoingError: (``refused_address``) if it is neither.
    """
    if not (is_listed(address, networks) or _is_public(address)):
        raise OutgoingError(OutgoingReason.REFUSED_ADDRESS)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    carried = _carried_v4(address)
    if carried is not None:
        return _is_public(carried)
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _carried_v4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which a translator or relay would take ``address``, if it is of such a form."""
    if address in _MAPPED or address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return None
