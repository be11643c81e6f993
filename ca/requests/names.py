"""Alternative names: well-formed, and the institution's own (RFC 5280 §4.2.1.6, BR §7.1.2.7.12, §3.2.2.4)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from functools import cache

from publicsuffixlist import PublicSuffixList

from ca.ports import InstitutionRecord
from ca.profiles.profile import NameRules
from ca.requests.text import script_of
from kernel.errors import Rejected

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LDH = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")  # RFC 5890 §2.3.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_NAME = 253
_MAX_NAMES = 100
# Special-use names (RFC 6761, 7686, 8375, 9476) and reverse zones: in the list of suffixes, and nobody's to hold.
_SPECIAL = ("arpa", "onion", "alt", "internal", "local", "localhost", "test", "example", "invalid")


def granted_dns_names(
    requested: Sequence[str],
    *,
    institution: InstitutionRecord | None,
    rules: NameRules,
    proved: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the names in canonical form, each checked and each the institution's, in the order asked for.

    :param proved: names, in canonical form, whose control the institution proved just now (BR §3.2.2.4): each stands
        for itself, not for names under it.
    :raises Rejected: ``too_many_names``, ``duplicate_name``, ``name_not_proved``, and what the single checks raise.
    """
    if len(requested) > _MAX_NAMES:
        raise Rejected(f"At most {_MAX_NAMES} names fit.", code="too_many_names")
    granted: list[str] = []
    for typed in requested:
        name = canonical_dns_name(typed, wildcards=rules.wildcards)
        if name in granted:
            raise Rejected(f"The name {name} is there twice.", code="duplicate_name")
        if name not in proved:
            if rules.proof == "control":
                raise Rejected(f"Control of {name} was not proved just now.", code="name_not_proved")
            require_registered(name, institution=institution)
        granted.append(name)
    return tuple(granted)


def canonical_dns_name(typed: str, *, wildcards: bool) -> str:
    """Return a dNSName in lower case after every check on its form.

    :raises Rejected: ``name_empty``, ``name_edge_space``, ``name_control_character``, ``name_not_ascii``,
        ``name_too_long``, ``name_not_qualified``, ``name_is_address``, ``name_not_ldh``, ``name_look_alike``,
        ``wildcard_refused``, ``name_internal`` (BR §4.2.2), ``name_public_suffix``.
    """
    shown = typed.encode("unicode_escape").decode("ascii")[:80]
    if not typed.strip():
        raise Rejected("A name is empty.", code="name_empty")
    if typed != typed.strip():
        raise Rejected(f"The name “{shown}” has a space at an end.", code="name_edge_space")
    if _CONTROL.search(typed):
        raise Rejected(f"The name “{shown}” has a control character.", code="name_control_character")
    if not typed.isascii():
        raise Rejected(f"Write the name “{shown}” with its xn-- form (A-label).", code="name_not_ascii")
    name = typed.lower()
    if len(name) > _MAX_NAME:
        raise Rejected(f"The name “{shown}…” has more than {_MAX_NAME} characters.", code="name_too_long")
    base = _without_wildcard(name, allowed=wildcards)
    if _is_address(base):
        raise Rejected(f"{name} is an address; ask for it as an IP address.", code="name_is_address")
    labels = base.split(".")
    if len(labels) < 2:
        raise Rejected(f"{name} is not a full name: two institutions could have the same.", code="name_not_qualified")
    for label in labels:
        _require_label(label, name=name)
    if labels[-1].isdigit():
        raise Rejected(f"{name} does not end like a name.", code="name_not_ldh")
    if labels[-1] in _SPECIAL or _suffixes().publicsuffix(base) is None:
        raise Rejected(f"{name} is a name of internal networks: nobody holds it on the Internet.", code="name_internal")
    if _suffixes().is_public(base):
        raise Rejected(f"Under {base} others register their names: nobody holds it whole.", code="name_public_suffix")
    return name


def require_registered(name: str, *, institution: InstitutionRecord | None) -> None:
    """Check that the institution holds the name or one above it. :raises Rejected: ``name_not_registered``."""
    base = name.removeprefix("*.")
    domains = institution.domains if institution else ()
    if not any(base == domain or base.endswith(f".{domain}") for domain in domains):
        registered = ", ".join(domains) or "none"
        raise Rejected(
            f"{name} is under no domain registered for the institution (registered: {registered}).",
            code="name_not_registered",
        )


def granted_addresses(requested: Sequence[str], *, institution: InstitutionRecord | None) -> tuple[Address, ...]:
    """Return the addresses, each public and in a network registered for the institution.

    :raises Rejected: ``bad_address``, ``address_reserved``, ``address_not_registered``, ``duplicate_name``.
    """
    granted: list[Address] = []
    for typed in requested:
        try:
            address = ipaddress.ip_address(typed)
        except ValueError as error:
            raise Rejected(f"{typed!r} is not an IP address.", code="bad_address") from error
        if address in granted:
            raise Rejected(f"The address {address} is there twice.", code="duplicate_name")
        if not address.is_global:  # BR §4.2.2: no reserved address
            raise Rejected(f"{address} is reserved: anyone could have it.", code="address_reserved")
        networks = institution.networks if institution else ()
        if not any(address in ipaddress.ip_network(network) for network in networks):
            raise Rejected(f"{address} is in no network registered for the institution.", code="address_not_registered")
        granted.append(address)
    return tuple(granted)


def _without_wildcard(name: str, *, allowed: bool) -> str:
    if "*" not in name:
        return name
    base = name.removeprefix("*.")
    # BR §1.6.1: a wildcard is the whole left-most label, once.
    if not allowed or base == name or "*" in base:
        raise Rejected(f"{name}: a wildcard is refused here.", code="wildcard_refused")
    return base


def _require_label(label: str, *, name: str) -> None:
    if not _LDH.fullmatch(label):
        raise Rejected(
            f"{name}: each part has 1 to 63 letters, digits and inner hyphens (no underscore).", code="name_not_ldh"
        )
    if label[2:4] != "--":
        return
    # RFC 5890 §2.3.1: of the labels with hyphens in places 3 and 4 only A-labels are names.
    if not label.startswith("xn--"):
        raise Rejected(f"{name}: “{label}” is a reserved form.", code="name_not_ldh")
    _require_honest_a_label(label, name=name)


def _require_honest_a_label(label: str, *, name: str) -> None:
    try:
        unicode_label = label[4:].encode("ascii").decode("punycode")
        genuine = unicode_label.encode("idna").decode("ascii") == label
    except UnicodeError:
        genuine = False
    if not genuine or unicode_label.isascii():
        raise Rejected(f"{name}: “{label}” is no valid A-label.", code="name_not_ldh")
    # Names of institutions here are written in Latin letters (Spanish, Kichwa, Shuar); others imitate them.
    if any(character.isalpha() and script_of(character) != "LATIN" for character in unicode_label):
        raise Rejected(f"{name}: “{label}” has letters that only look Latin.", code="name_look_alike")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list, read when it is first needed: most processes never ask."""
    return PublicSuffixList(accept_unknown=False)
