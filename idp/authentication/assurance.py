"""How strongly someone authenticated: the ``acr`` values, and what ``amr`` is worth (RFC 8176)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from idp.protocol.acr import is_reached, number_of

ACR_1FA = "urn:sau:acr:1fa"
ACR_2FA = "urn:sau:acr:2fa"
ACR_CERTIFICATE = "urn:sau:acr:certificate"
ACR_VALUES = (ACR_1FA, ACR_2FA, ACR_CERTIFICATE)  # weakest first
ACR_LEVEL_1 = "urn:sau:acr:level1"
ACR_LEVEL_2 = "urn:sau:acr:level2"
ACR_LEVEL_3 = "urn:sau:acr:level3"
#: Levels of identity, lowest first: each asks for a login of a strength too. docs/levels.md says what each is worth.
ACR_LEVELS: Mapping[str, str] = MappingProxyType(
    {ACR_LEVEL_1: ACR_1FA, ACR_LEVEL_2: ACR_2FA, ACR_LEVEL_3: ACR_CERTIFICATE}
)
HIGHEST_LEVEL = len(ACR_LEVELS)
VERIFIED, WITH_CERTIFICATE = 2, 3

AMR_PASSWORD = "pwd"
AMR_OTP = "otp"
AMR_SMS = "sms"
#: A position of a printed grid card. RFC 8176 has no name for it.
AMR_GRID = "grid"
#: A code by e-mail. RFC 8176 has no name for it, and it is no second factor: the mailbox also gives a new password.
AMR_EMAIL = "email"
#: A passkey that lives in one device, or in many; with ``user`` when the device knew its person by finger, face or PIN.
AMR_HARDWARE_KEY = "hwk"
AMR_SOFTWARE_KEY = "swk"
#: A telephone with keys that dialled (RFC 8176 has no name for it), with a PIN: in clear over the network, one factor.
AMR_USSD = "ussd"
AMR_PIN = "pin"
AMR_USER_VERIFIED = "user"
AMR_MULTIPLE = "mfa"
#: A login at an institution's own provider: what the person showed there only that one knows. RFC 8176 has no name for
#: it. With ``mfa`` beside it the operator's table says that what the provider declared is worth two factors.
AMR_FEDERATED = "fed"
#: Proof of possession of a key. Whether the key is in hardware (hwk) or not (swk) nobody here can tell.
AMR_CERTIFICATE = "pop"


@dataclass(frozen=True)
class Proved:
    """What one proof showed, where its kind alone does not tell: a passkey lives in one device, or in many.

    :ivar methods: what it adds to the session (``amr``).
    """

    methods: tuple[str, ...]


def served_acr_values(*, with_certificates: bool) -> tuple[str, ...]:
    """Return the values that a login can reach here, weakest first.

    :param with_certificates: whether there is a host on which certificates are presented.
    """
    return ACR_VALUES if with_certificates else ACR_VALUES[:-1]


def served_levels(*, with_certificates: bool) -> Mapping[str, str]:
    """Return the levels that can be asked for here, lowest first, each with the strength that it asks for."""
    served = served_acr_values(with_certificates=with_certificates)
    return {level: strength for level, strength in ACR_LEVELS.items() if strength in served}


def satisfies(acr: str, required: str | None, *, level: int = 0) -> bool:
    """Tell whether a login of the strength ``acr`` is ``required``. What nobody knows is never satisfied.

    :param level: of the person's identity, as it is now.
    """
    return is_reached(required, acr=acr, known=ACR_VALUES, levels=ACR_LEVELS, level=level)


def level_reached(level: int, amr: Iterable[str]) -> int:
    """Return the level of a person who has logged in with ``amr``: a certificate of ours lifts a verified identity."""
    return WITH_CERTIFICATE if level >= VERIFIED and AMR_CERTIFICATE in set(amr) else level


def level_in(acr: str | None) -> int:
    """Return the level that ``acr``, or a requirement, speaks of; 0 if it speaks of none."""
    return number_of(acr, ACR_LEVELS)


def acr_of(amr: Iterable[str]) -> str:
    """Return the ``acr`` that the methods are worth: two kinds of factor make 2fa, a certificate is worth most."""
    methods = set(amr)
    if AMR_CERTIFICATE in methods:
        return ACR_CERTIFICATE
    return ACR_2FA if _are_two_factors(methods) else ACR_1FA


def with_method(amr: Iterable[str], method: str) -> tuple[str, ...]:
    """Return ``amr`` with ``method`` added, and ``mfa`` where they now are two factors; sorted, without repeats."""
    methods = {*amr, method}
    if not {AMR_FEDERATED, AMR_MULTIPLE} <= set(amr):
        methods.discard(AMR_MULTIPLE)
    if _are_two_factors(methods):
        methods.add(AMR_MULTIPLE)
    return tuple(sorted(methods))


def with_methods(amr: Iterable[str], methods: Iterable[str]) -> tuple[str, ...]:
    """Return ``amr`` with each of ``methods`` added, as :func:`with_method` adds one."""
    result = tuple(sorted(set(amr)))
    for method in methods:
        result = with_method(result, method)
    return result


def _are_two_factors(methods: set[str]) -> bool:
    """What one has beside what one knows; or a passkey that made sure who holds it (NIST SP 800-63B-4 §3.1.7)."""
    keys = methods & {AMR_HARDWARE_KEY, AMR_SOFTWARE_KEY}
    if keys and AMR_USER_VERIFIED in methods:
        return True
    if {AMR_FEDERATED, AMR_MULTIPLE} <= methods:
        return True
    return bool(methods & {AMR_PASSWORD, AMR_FEDERATED}) and bool(keys or methods & {AMR_OTP, AMR_SMS, AMR_GRID})
