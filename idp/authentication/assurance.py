"""How strongly someone authenticated: the order of ``acr`` values, and what ``amr`` is worth (RFC 8176)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ACR_1FA = "urn:sau:acr:1fa"
ACR_2FA = "urn:sau:acr:2fa"
ACR_CERTIFICATE = "urn:sau:acr:certificate"
ACR_VALUES = (ACR_1FA, ACR_2FA, ACR_CERTIFICATE)  # weakest first

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
AMR_USER_VERIFIED = "user"
AMR_MULTIPLE = "mfa"
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


def satisfies(acr: str, required: str | None) -> bool:
    """Tell whether ``acr`` is at least ``required``. What nobody knows is never satisfied."""
    if required is None:
        return True
    if acr not in ACR_VALUES or required not in ACR_VALUES:
        return False
    return ACR_VALUES.index(acr) >= ACR_VALUES.index(required)


def acr_of(amr: Iterable[str]) -> str:
    """Return the ``acr`` that the methods are worth: two kinds of factor make 2fa, a certificate is worth most."""
    methods = set(amr)
    if AMR_CERTIFICATE in methods:
        return ACR_CERTIFICATE
    return ACR_2FA if _are_two_factors(methods) else ACR_1FA


def with_method(amr: Iterable[str], method: str) -> tuple[str, ...]:
    """Return ``amr`` with ``method`` added, and ``mfa`` where they now are two factors; sorted, without repeats."""
    methods = {*amr, method} - {AMR_MULTIPLE}
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
    return AMR_PASSWORD in methods and bool(keys or methods & {AMR_OTP, AMR_SMS, AMR_GRID})
