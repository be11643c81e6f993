"""An authority of ours as the rules see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority, Certificate, ProfileAuthority
from ca.profiles.profile import Profile
from ca.profiles.registry import ProfileRegistry
from kernel.errors import NotFound
from kernel.identifiers import sha256_hex

CROSS_PROFILE = "cross-ca"


@dataclass(frozen=True)
class AuthorityRecord:
    """A certification authority.

    :ivar name: short name in addresses and commands, e.g. ``issuing-1``.
    :ivar issuer_id: the authority that certified it; None: it signed itself.
    :ivar crl_shards: over how many revocation lists its new certificates are spread.
    :ivar delta_lists: whether each list has a delta beside it.
    """

    id: str
    name: str
    key_name: str
    issuer_id: str | None
    certificate_der: bytes
    crl_shards: int = 1
    delta_lists: bool = False

    @cached_property
    def certificate(self) -> x509.Certificate:
        """Its certificate."""
        return x509.load_der_x509_certificate(self.certificate_der)

    @property
    def key_identifier(self) -> bytes:
        """Its subject key identifier: what its certificates carry as authority key identifier (RFC 5280 §4.2.1.1)."""
        return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest

    @property
    def is_root(self) -> bool:
        """Whether it signed itself: then its key is in the ceremony's store."""
        return self.issuer_id is None


def find_authority(session: Session, name: str) -> AuthorityRecord | None:
    """Return the authority with that short name, or None."""
    row = session.scalar(select(Authority).where(Authority.name == name))
    return _record(row) if row else None


def load_authority(session: Session, name: str) -> AuthorityRecord:
    """Return the authority with that short name. :raises NotFound: (``unknown_authority``)."""
    found = find_authority(session, name)
    if found is None:
        raise NotFound(f"There is no authority {name!r}; run `sau init`.", code="unknown_authority")
    return found


def list_authorities(session: Session) -> list[AuthorityRecord]:
    """Return all authorities, roots first, then by name."""
    records = [_record(row) for row in session.scalars(select(Authority).order_by(Authority.name))]
    return sorted(records, key=lambda record: (not record.is_root, record.name))


def authority_chain(session: Session, authority_id: str) -> list[AuthorityRecord]:
    """Return the authority and those above it, up to and with the root. :raises NotFound: ``unknown_authority``."""
    chain: list[AuthorityRecord] = []
    next_id: str | None = authority_id
    while next_id is not None:
        row = session.get(Authority, next_id)
        if row is None:
            raise NotFound("There is no such authority.", code="unknown_authority")
        chain.append(_record(row))
        next_id = row.issuer_id
    return chain


def issuing_authority(session: Session, profile: Profile) -> AuthorityRecord:
    """Return the authority that issues the profile's certificates: the one that it was moved to, else its file's.

    :raises NotFound: ``unknown_authority``.
    """
    return find_issuing_authority(session, profile) or load_authority(session, profile.authority)


def find_issuing_authority(session: Session, profile: Profile) -> AuthorityRecord | None:
    """Return the authority that issues the profile's certificates, or None if there is none."""
    moved = session.scalar(
        select(Authority)
        .join(ProfileAuthority, ProfileAuthority.authority_id == Authority.id)
        .where(ProfileAuthority.profile == profile.name)
    )
    return _record(moved) if moved else find_authority(session, profile.authority)


def profile_titles(session: Session, authority: AuthorityRecord, profiles: ProfileRegistry) -> list[str]:
    """Return the titles of the profiles, of those that people request, that the authority issues now."""
    return [profile.title for profile in profiles_of(session, authority, profiles) if profile.requestable]


def profiles_of(session: Session, authority: AuthorityRecord, profiles: ProfileRegistry) -> list[Profile]:
    """Return the profiles that the authority issues now, the service's own included."""
    rows = session.execute(select(ProfileAuthority.profile, ProfileAuthority.authority_id))
    moved = {row.profile: row.authority_id for row in rows}
    return [
        profile
        for profile in profiles.list()
        if (moved[profile.name] == authority.id if profile.name in moved else profile.authority == authority.name)
    ]


def chain_to_offer(session: Session, authority_id: str, *, now: datetime) -> list[bytes]:
    """Return what goes beside a certificate of the authority (DER): those above, then the root's cross certificates.

    The root itself is left out: a verifier has it already, or follows a cross certificate to the one that it has.
    """
    chain = authority_chain(session, authority_id)
    above = [record.certificate_der for record in chain if not record.is_root]
    return [*above, *(found.certificate_der for found in cross_certificates(session, chain[-1], valid_at=now))]


@dataclass(frozen=True)
class CrossCertificate:
    """A root's name and key, certified by another root.

    :ivar issuer: short name of the root that signed it. :ivar name: its own, in addresses: ``root-2-by-root``.
    """

    name: str
    issuer: str
    certificate_der: bytes


def cross_certificates(
    session: Session, authority: AuthorityRecord, *, valid_at: datetime | None = None
) -> list[CrossCertificate]:
    """Return the certificates by which other roots certify the root ``authority``, unless they were revoked.

    :param valid_at: only those that have not ended by then.
    """
    spki = authority.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = session.execute(
        select(Certificate.certificate_der, Authority.name)
        .join(Authority, Authority.id == Certificate.authority_id)
        .where(
            Certificate.profile == CROSS_PROFILE,
            Certificate.spki_sha256 == sha256_hex(spki),
            Certificate.revoked_at.is_(None),
            *(() if valid_at is None else (Certificate.not_after > valid_at,)),
        )
        .order_by(Certificate.issued_at)
    )
    return [CrossCertificate(f"{authority.name}-by-{issuer}", issuer, der) for der, issuer in found if der is not None]


def find_cross_certificate(session: Session, name: str) -> CrossCertificate | None:
    """Return the cross certificate with that name, such as ``root-2-by-root``, or None."""
    subject, by, _ = name.partition("-by-")
    authority = find_authority(session, subject) if by else None
    crossed = cross_certificates(session, authority) if authority is not None else []
    return next((found for found in crossed if found.name == name), None)


def _record(row: Authority) -> AuthorityRecord:
    return AuthorityRecord(
        id=row.id,
        name=row.name,
        key_name=row.key_name,
        issuer_id=row.issuer_id,
        certificate_der=row.certificate_der,
        crl_shards=row.crl_shards,
        delta_lists=row.delta_lists,
    )
