"""The entries of a revocation list as DER: RFC 5280 §5.1.2.6 and §5.3, written by hand: there may be a million.

An ASN.1 library takes 20 µs and more an entry. What follows the serial number is the same for all that were revoked in
the same second for the same reason, so it is encoded once for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ca.revocation.reason import RevocationReason
from kernel.errors import Fault

#: On a delta list alone: the entry has left the complete list, because its certificate expired or is on hold no more
#: (RFC 5280 §5.3.1).
REMOVE_FROM_CRL = "removeFromCRL"

_CODES = {
    RevocationReason.KEY_COMPROMISE.value: 1,
    RevocationReason.CA_COMPROMISE.value: 2,
    RevocationReason.AFFILIATION_CHANGED.value: 3,
    RevocationReason.SUPERSEDED.value: 4,
    RevocationReason.CESSATION_OF_OPERATION.value: 5,
    RevocationReason.CERTIFICATE_HOLD.value: 6,
    REMOVE_FROM_CRL: 8,
    RevocationReason.PRIVILEGE_WITHDRAWN.value: 9,
}
_REASON_CODE = bytes.fromhex("0603551d15")  # id-ce-cRLReasons
_INVALIDITY_DATE = bytes.fromhex("0603551d18")  # id-ce-invalidityDate
_FIRST_YEAR_OF_GENERALIZED_TIME = "2050"
_OCTETS = tuple(f"{number:02x}" for number in range(128))
_SECONDS = {f"{number:02}": f"{number:02}Z".encode("ascii").hex() for number in range(61)}


class ListedCertificate(NamedTuple):
    """One line of a list. A plain tuple: reading a hundred thousand of them must not cost.

    :ivar serial: as stored, see :mod:`ca.serial`.
    :ivar revoked_at: UTC as ``YYYY-MM-DD HH:MM:SS``; what follows the seconds is left out of lists.
    :ivar reason: a name of RFC 5280 §5.3.1. :ivar compromised_at: in the form of ``revoked_at``.
    """

    serial: str
    revoked_at: str
    reason: str
    compromised_at: str | None = None


def encode_entries(listed: Iterable[tuple[str, str, str, str | None]]) -> bytes:
    """Return the entries (the content of ``revokedCertificates``) in DER, in the order given.

    They are put together as hexadecimal digits, as serial numbers are stored, and turned into octets all at once.

    :param listed: the fields of :class:`ListedCertificate`.
    """
    extensions: dict[tuple[str, str | None], str] = {}
    minutes: dict[str, str] = {}
    parts: list[str] = []
    add = parts.append
    known_at, known_reason, known_since = "", "", None
    after_serial = tail = ""
    size = 0
    for serial, revoked_at, reason, compromised_at in listed:
        if revoked_at != known_at or reason != known_reason or compromised_at != known_since:
            if not tail or reason != known_reason or compromised_at != known_since:
                after_serial = extensions.get((reason, compromised_at)) or _extensions(reason, compromised_at).hex()
                extensions[reason, compromised_at] = after_serial
            known_at, known_reason, known_since = revoked_at, reason, compromised_at
            minute = revoked_at[:16]
            begun = minutes.get(minute)
            if begun is None:
                begun = minutes[minute] = _time(f"{minute}:00").hex()[:-6]  # without seconds and Z
            tail = f"{begun}{_SECONDS[revoked_at[17:19]]}{after_serial}"
            size = len(tail) // 2
        # Never beyond 127 octets: a serial takes 21 at most, the rest 70. Positive (X.690 §8.3.3).
        if serial < "8":
            length = len(serial) // 2
            add(f"30{_OCTETS[2 + length + size]}02{_OCTETS[length]}")
        else:
            length = len(serial) // 2 + 1
            add(f"30{_OCTETS[2 + length + size]}02{_OCTETS[length]}00")
        add(serial)
        add(tail)
    return bytes.fromhex("".join(parts))


def reason_code(reason: str) -> int | None:
    """Return the CRLReason (RFC 5280 §5.3.1) of a name; None for ``unspecified``, which is left out."""
    return _CODES.get(reason)


def tagged(tag: int, content: bytes) -> bytes:
    """Return ``content`` under ``tag`` with its definite length in the fewest octets (X.690 §10.1)."""
    length = len(content)
    if length < 128:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 | len(octets))) + octets + content


def _time(text: str) -> bytes:
    """RFC 5280 §5.1.2.6: UTCTime through 2049, GeneralizedTime from then on, both with seconds and ``Z``."""
    if text[4:5] != "-" or text[10:11] != " ":
        raise Fault("The database writes moments in a form of its own.", code="bad_moment_text")
    digits = f"{text[0:4]}{text[5:7]}{text[8:10]}{text[11:13]}{text[14:16]}{text[17:19]}Z".encode("ascii")
    return tagged(0x18, digits) if text >= _FIRST_YEAR_OF_GENERALIZED_TIME else tagged(0x17, digits[2:])


def _extensions(reason: str, compromised_at: str | None) -> bytes:
    extensions = b""
    if reason in _CODES:  # absent rather than unspecified
        extensions += tagged(0x30, _REASON_CODE + tagged(0x04, bytes((0x0A, 1, _CODES[reason]))))
    if compromised_at is not None:
        digits = "".join(part for part in compromised_at[:19] if part.isdigit()) + "Z"
        # RFC 5280 §5.3.2: GeneralizedTime, whatever the year.
        extensions += tagged(0x30, _INVALIDITY_DATE + tagged(0x04, tagged(0x18, digits.encode("ascii"))))
    return tagged(0x30, extensions) if extensions else b""
