"""Whose a certificate is and whether it still counts, from the authority's own records.

A list or an OCSP answer is as old as its publication; the record is now. Whoever asks runs in this process, so the
answer costs one indexed query and no network. ``cryptography``'s verifier of clients looks neither at revocation nor
at clientAuth: both are demanded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import Row, exists, select
from sqlalchemy.orm import Session

from ca.issuance.model import Authority, Certificate
from ca.revocation.model import CompromisedKey
from ca.revocation.standing import HOLD
from kernel.errors import Denied
from kernel.identifiers import sha256_hex


@dataclass(frozen=True, kw_only=True)
class KnownCertificate:
    """A certificate of ours that may be authenticated with.

    :ivar holder_id: the person, for a personal certificate. :ivar client_id: the application it was issued to.
    :ivar subject: RFC 4514 text.
    """

    serial: str
    sha256: str
    profile: str
    holder_id: str | None
    client_id: str | None
    institution_ruc: str | None
    subject: str
    dns_names: tuple[str, ...]
    uris: tuple[str, ...]
    addresses: tuple[str, ...]
    emails: tuple[str, ...]
    not_after: datetime


@dataclass(frozen=True)
class _Link:
    """An authority in a chain: facts that never change."""

    certificate_sha256: str
    issuer_id: str | None
    not_after: datetime


class CertificateRegister:
    """Answers about certificates. One a process: it remembers the authorities, which only become more."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}

    def identify(self, session: Session, certificate_der: bytes, *, now: datetime) -> KnownCertificate:
        """Return the certificate if it is one of ours, for client authentication, and counts at ``now``.

        :raises Denied: ``certificate_unknown``, ``certificate_not_for_clients``, ``certificate_not_yet_valid``,
            ``certificate_expired``, ``certificate_revoked``, ``certificate_suspended``.
        """
        row = self._find(session, sha256_hex(certificate_der), now=now)
        if row is None:
            raise Denied("This certificate is not one of this authority.", code="certificate_unknown")
        certificate = x509.load_der_x509_certificate(certificate_der)
        _require_client_purpose(certificate)
        names = _alternative_names(certificate)
        return KnownCertificate(
            serial=row.serial,
            sha256=row.certificate_sha256,
            profile=row.profile,
            holder_id=row.holder_id,
            client_id=row.client_id,
            institution_ruc=row.institution_ruc,
            subject=certificate.subject.rfc4514_string(),
            dns_names=tuple(names.get_values_for_type(x509.DNSName)),
            uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
            addresses=tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)),
            emails=tuple(names.get_values_for_type(x509.RFC822Name)),
            not_after=row.not_after,
        )

    def require_standing(self, session: Session, *, sha256: str, now: datetime) -> None:
        """Check that a certificate of ours still counts; others' never fail here.

        :param sha256: of the DER certificate, lower-case hex.
        :raises Denied: ``certificate_revoked``, ``certificate_expired``, ``certificate_not_yet_valid``.
        """
        self._find(session, sha256, now=now)

    def _find(self, session: Session, sha256: str, *, now: datetime) -> Row[*tuple[object, ...]] | None:
        """Return the certificate's row after every check of its record, nothing if it is not one of ours."""
        rows = self._ask(session, sha256)
        leaf = rows.get(sha256)
        if leaf is not None and leaf.authority_id not in self._links:
            self._learn(session)
            rows = self._ask(session, sha256)
            leaf = rows[sha256]
        if leaf is None:
            return None
        _require_counting(leaf, now=now)
        authority_id: str | None = leaf.authority_id
        while authority_id is not None:
            link = self._links[authority_id]
            above = rows.get(link.certificate_sha256)
            if above is not None and (above.revoked_at is not None or above.key_is_compromised):
                raise Denied("The authority of this certificate was revoked.", code="certificate_revoked")
            if link.not_after < now:
                raise Denied("The authority of this certificate has expired.", code="certificate_expired")
            authority_id = link.issuer_id
        return leaf

    def _ask(self, session: Session, sha256: str) -> dict[str, Row[*tuple[object, ...]]]:
        """Return the rows of the certificate and of all authorities, by digest: one query on one index."""
        wanted = [sha256, *(link.certificate_sha256 for link in self._links.values())]
        compromised = exists().where(CompromisedKey.spki_sha256 == Certificate.spki_sha256)
        rows = session.execute(
            select(
                Certificate.serial,
                Certificate.certificate_sha256,
                Certificate.authority_id,
                Certificate.profile,
                Certificate.holder_id,
                Certificate.client_id,
                Certificate.institution_ruc,
                Certificate.not_before,
                Certificate.not_after,
                Certificate.revoked_at,
                Certificate.revocation_reason,
                compromised.label("key_is_compromised"),
            ).where(Certificate.certificate_sha256.in_(wanted))
        )
        return {row.certificate_sha256: row for row in rows}

    def _learn(self, session: Session) -> None:
        self._links = {
            row.id: _Link(sha256_hex(row.certificate_der), row.issuer_id, row.not_after)
            for row in session.scalars(select(Authority))
        }


def _require_counting(row: Row[*tuple[object, ...]], *, now: datetime) -> None:
    if row.revocation_reason == HOLD and not row.key_is_compromised:
        raise Denied("This certificate is suspended.", code="certificate_suspended")
    if row.revoked_at is not None or row.key_is_compromised:
        raise Denied("This certificate was revoked.", code="certificate_revoked")
    if row.not_before > now:
        raise Denied("This certificate is not valid yet.", code="certificate_not_yet_valid")
    if row.not_after < now:
        raise Denied("This certificate has expired.", code="certificate_expired")


def _require_client_purpose(certificate: x509.Certificate) -> None:
    """RFC 5280 §4.2.1.12; without the extension a certificate of ours says nothing of its purpose: refused, too."""
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    if ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise Denied("This certificate is not for logging in.", code="certificate_not_for_clients")


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])
