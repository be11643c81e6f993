"""Extensions in which nothing was found are not looked at again while they are the same, octet for octet.

Certificates of one profile and authority share nearly all of their extensions. What a lint finds that looks at those
alone is a function of their octets, of the profile, of the issuer and of the kind of key; where it has found nothing
once, it is not asked again about the same. What differs from one certificate to the next (the key's identifier,
alternative names, national fields, the private key's period) is blanked in what is compared, and the lints that look
at it, or at anything else, read every certificate.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from threading import Lock

from cryptography.exceptions import UnsupportedAlgorithm

from ca.lints import extensions, identity, keys
from ca.lints.case import COMMON_EXTENSIONS, Lint, LintCase
from ca.profiles.profile import Profile

#: Lints that look at nothing but extensions that are compared, which extensions there are and how they are marked,
#: profile, issuer, own addresses and kind of key.
SHARED_LINTS: frozenset[Lint] = frozenset(
    (
        extensions.only_known_extensions,
        extensions.only_key_usage_is_critical,
        extensions.authority_key_identifier_is_the_issuers,
        extensions.is_no_authority,
        extensions.usages_are_the_profiles,
        extensions.status_can_be_found,
        extensions.no_revocation_is_said_plainly,
        extensions.policy_is_documented,
        identity.no_arc_of_others,
        identity.law_67_content_is_there,
        keys.usage_fits_the_key,
        keys.usage_fits_the_purposes,
        keys.purposes_are_few_and_named,
    )
)
_KEY_IDENTIFIER, _NAMES = b"\x06\x03\x55\x1d\x0e", b"\x06\x03\x55\x1d\x11"
# Of the rarer ones those whose values a lint above looks at: basicConstraints and noRevAvail.
_COMPARED = (COMMON_EXTENSIONS - {_KEY_IDENTIFIER, _NAMES}) | {b"\x06\x03\x55\x1d\x13", b"\x06\x03\x55\x1d\x38"}
_MOST = 512
_held: dict[tuple[Hashable, ...], Profile] = {}
_lock = Lock()


class Known(Enum):
    """What is known of a certificate's extensions.

    :cvar SHARED: nothing is wrong with what it shares with others.
    :cvar WHOLE: and what it does not share is the key's identifier alone, which a lint compares octet for octet.
    """

    NOT = 0
    SHARED = 1
    WHOLE = 2


def knows(case: LintCase) -> Known:
    """Tell whether these extensions were found clean before. Bytes that cannot be read are not known."""
    try:
        held = _held.get(_compared(case))
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        return Known.NOT
    if held is not case.profile:
        return Known.NOT
    return Known.WHOLE if case.identifiers <= COMMON_EXTENSIONS - {_NAMES} else Known.SHARED


def remember(case: LintCase) -> None:
    """Remember that nothing was found in a certificate."""
    with _lock:
        if len(_held) >= _MOST:
            _held.clear()
        _held[_compared(case)] = case.profile  # held, so that no other comes to have its identity


def _compared(case: LintCase) -> tuple[Hashable, ...]:
    case.certificate  # noqa: B018 - what cannot be read as a certificate has no parts
    return (
        id(case.profile),
        case.issuer,
        case.algorithm,
        case.private_arc,
        case.issuer_origin,
        type(case.public_key),
        tuple((oid, *flags, value if oid in _COMPARED else b"") for oid, *flags, value in case.extension_parts),
    )
