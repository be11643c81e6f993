"""Networks of addresses that an institution holds."""

from __future__ import annotations

import ipaddress

from kernel.errors import Rejected

_LARGEST = {4: 8, 6: 19}  # prefix lengths: nobody is handed more by a registry


def normalize_network(typed: str) -> str:
    """Return ``typed``, an address or a network in CIDR form, as a network.

    :raises Rejected: (``bad_network``) if it is none, has host bits, is not of the public Internet (BR §4.2.2), or is
        larger than any that a registry hands out.
    """
    try:
        network = ipaddress.ip_network(typed.strip())
    except ValueError as error:
        raise Rejected(
            "Write an address or a network like 186.46.0.0/24 or 2800:370::/32.", code="bad_network"
        ) from error
    if not network.is_global or network.is_multicast:
        raise Rejected("This network is reserved: anyone could use it.", code="bad_network")
    if network.prefixlen < _LARGEST[network.version]:
        raise Rejected("This network is larger than any that one institution holds.", code="bad_network")
    return str(network)
