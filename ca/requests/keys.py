"""Which keys are certified: kinds, sizes, known weaknesses, and whose they were before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

from badkeys.checks import checkrsa
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.profiles.key_kinds import key_type_of
from ca.profiles.profile import KeyType
from ca.revocation.compromised_key import is_compromised
from kernel.errors import Rejected
from kernel.prefetch import UNKNOWN, Reading, among, keep, kept
from kernel.prepared import Ask, Prepared

_MIN_RSA_BITS = 2048
_MIN_RSA_EXPONENT = 65537
_WEAKNESSES = {
    "fermat": "its two primes are close to each other (Fermat)",
    "roca": "it was made by a faulty chip (ROCA, CVE-2017-15361)",
    "rsainvalid": "its numbers are no RSA key",
    "rsapoly": "its modulus has a pattern by which it can be factored",
    "sharedprimes": "it shares a prime with another key",
    "smalld": "its private exponent is small (Wiener)",
    "smallfactors": "its modulus has a small factor",
    "pattern": "its modulus repeats a pattern",
}
_AUTHORITY_PROFILES = ("root-ca", "issuing-ca", "ocsp-responder")


def require_sound_key(
    public_key: CertificatePublicKeyTypes, *, allowed: Collection[KeyType], min_rsa_bits: int = _MIN_RSA_BITS
) -> KeyType:
    """Return the kind of the key after every check that needs the key alone (BR §6.1.1.3, §6.1.5, §6.1.6).

    A point off its curve never gets here: the parser refuses it.

    :raises Rejected: ``key_type_refused``, ``rsa_too_short``, ``rsa_odd_size``, ``rsa_bad_exponent``, ``weak_key``.
    """
    key_type = key_type_of(public_key)
    if key_type is None or key_type not in allowed:
        accepted = ", ".join(allowed)
        raise Rejected(f"This profile takes keys of the kinds {accepted}.", code="key_type_refused")
    if isinstance(public_key, rsa.RSAPublicKey):
        _require_sound_rsa(public_key, min_bits=min_rsa_bits)
        _require_no_known_weakness(public_key)
    return key_type


def require_unclaimed_key(
    session: Session,
    spki_sha256: str,
    *,
    profile: str,
    institution_ruc: str | None,
    holder: str | None,
    request_id: str | None = None,
) -> None:
    """Check that nobody else has certified this key here, and that it was not reported (BR §6.1.1.3, §4.9.12).

    The same institution (and person) may renew with the same key under the same profile.

    :param holder: what tells one person from another in a personal certificate: the subject's serialNumber.
    :raises Rejected: ``key_compromised``, ``key_of_authority``, ``key_of_another_subject``, ``key_in_other_profile``.
    """
    if is_compromised(session, spki_sha256):
        raise Rejected("This key was reported as compromised; make a new one.", code="key_compromised")
    known = kept(session, _Certified, spki_sha256)
    for values in _CERTIFIED.fetch(session, {"spki": spki_sha256}) if known is UNKNOWN else known:
        row = _Certified(*values)
        if request_id and row.request_id == request_id:
            continue
        problem = certified_before(row, profile=profile, institution_ruc=institution_ruc, holder=holder)
        if problem is not None:
            raise problem


class _Certified(NamedTuple):
    request_id: str | None
    profile: str
    institution_ruc: str | None
    subject: str
    revocation_reason: str | None


_CERTIFIED = Prepared(
    lambda _: select(
        Certificate.request_id,
        Certificate.profile,
        Certificate.institution_ruc,
        Certificate.subject,
        Certificate.revocation_reason,
    ).where(Certificate.spki_sha256 == bindparam("spki"))
)


_CERTIFIED_OF = Prepared(
    lambda dialect: select(
        Certificate.spki_sha256,
        Certificate.request_id,
        Certificate.profile,
        Certificate.institution_ruc,
        Certificate.subject,
        Certificate.revocation_reason,
    ).where(among(dialect, Certificate.spki_sha256))
)


def read_certified(session: Session, keys: Sequence[str]) -> Reading:
    """Read ahead what :func:`require_unclaimed_key` asks of these keys."""
    for key, rows in grouped(keys, (yield Ask(_CERTIFIED_OF, {"keys": keys}))).items():
        keep(session, _Certified, key, rows)


def grouped(keys: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Sequence[Any]]]:
    """Return what stands behind each key, which comes first in its rows."""
    found: dict[str, list[Sequence[Any]]] = {key: [] for key in keys}
    for key, *values in rows:
        found[key].append(values)
    return found


class CertifiedKey(Protocol):
    """What of a certificate with the same key decides whether it may be certified again."""

    @property
    def profile(self) -> Any:
        """Its profile's name."""
        ...

    @property
    def institution_ruc(self) -> Any:
        """Whose it is."""
        ...

    @property
    def subject(self) -> Any:
        """RFC 4514 text."""
        ...

    @property
    def revocation_reason(self) -> Any:
        """Why it was revoked, if it was."""
        ...


def certified_before(
    row: CertifiedKey, *, profile: str, institution_ruc: str | None, holder: str | None
) -> Rejected | None:
    """Return why a key that ``row`` certifies is not certified for this subject, or None; see above."""
    if row.profile in _AUTHORITY_PROFILES:
        return Rejected("This key belongs to the authority itself.", code="key_of_authority")
    if row.revocation_reason == "keyCompromise":
        return Rejected("This key was reported as compromised; make a new one.", code="key_compromised")
    if row.institution_ruc != institution_ruc or (holder is not None and holder not in row.subject):
        return Rejected(
            "Another subject has a certificate for this key; make a new one.", code="key_of_another_subject"
        )
    if row.profile != profile:
        return Rejected("This key is certified for another use; make a new one.", code="key_in_other_profile")
    return None


def describe_key(public_key: CertificatePublicKeyTypes) -> str:
    """Return the key's kind and size for people: ``RSA 3072``, ``EC P-256``, ``Ed25519``."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return f"RSA {public_key.key_size}"
    key_type = key_type_of(public_key)
    if key_type is None:
        return type(public_key).__name__.removesuffix("PublicKey")
    return f"EC {key_type}" if isinstance(public_key, ec.EllipticCurvePublicKey) else str(key_type)


def _require_sound_rsa(public_key: rsa.RSAPublicKey, *, min_bits: int) -> None:
    numbers = public_key.public_numbers()
    if public_key.key_size < min_bits:
        raise Rejected(f"An RSA key needs {min_bits} bits or more here.", code="rsa_too_short")
    if public_key.key_size % 8:
        raise Rejected("The size of an RSA key is a multiple of 8 bits.", code="rsa_odd_size")
    if numbers.e % 2 == 0 or numbers.e < _MIN_RSA_EXPONENT:
        raise Rejected("An RSA exponent is odd and 65537 or more.", code="rsa_bad_exponent")


def _require_no_known_weakness(public_key: rsa.RSAPublicKey) -> None:
    numbers = public_key.public_numbers()
    found = checkrsa(numbers.n, e=numbers.e, checks=_WEAKNESSES)
    if found:
        weaknesses = "; ".join(_WEAKNESSES[name] for name in found)
        raise Rejected(f"This key is weak: {weaknesses}. Make a new one.", code="weak_key")
