"""What the provider needs of the certificate authority, in its own words; ``composition.py`` hands the answers in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from kernel.identifiers import b64url


@dataclass(frozen=True, kw_only=True)
class CertificateIdentity:
    """Whose a certificate of our authority is.

    :ivar serial: lower-case hex. :ivar sha256: of the DER certificate, lower-case hex.
    :ivar profile: the kind of certificate, e.g. ``tls-client``.
    :ivar person_id: whose it is, for a personal certificate.
    :ivar client_id: the application that it was issued to at its registration: nobody else authenticates with it.
    :ivar institution_ruc: 13 digits, when an institution stands in it.
    :ivar subject_dn: RFC 4514 text.
    :ivar dns_names: and ``uris``, ``addresses``, ``emails``: the alternative names by their kind (RFC 8705 §2.1.2).
    """

    serial: str
    sha256: str
    profile: str
    person_id: str | None
    client_id: str | None
    institution_ruc: str | None
    subject_dn: str
    dns_names: tuple[str, ...]
    uris: tuple[str, ...]
    addresses: tuple[str, ...]
    emails: tuple[str, ...]
    not_after: datetime

    @property
    def x5t_s256(self) -> str:
        """The thumbprint as ``cnf`` and JWK carry it (RFC 8705 §3.1, RFC 7517 §4.9)."""
        return b64url(bytes.fromhex(self.sha256))


@dataclass(frozen=True)
class RequestedClientCertificate:
    """A client certificate that is approved and not yet signed.

    :ivar serial: and ``subject_dn``: what it will carry.
    """

    request_id: str
    serial: str
    subject_dn: str


@dataclass(frozen=True)
class IssuedClientCertificate:
    """A client certificate. :ivar chain_pem: it and the authorities above it, without the root."""

    serial: str
    subject_dn: str
    x5t_s256: str
    chain_pem: str


class Certificates(Protocol):
    """The authority's own records, asked in process: no network, one indexed query a question."""

    def identify(self, session: Session, certificate_der: bytes, *, now: datetime) -> CertificateIdentity:
        """Return whose the presented certificate is, if it may be authenticated with at ``now``.

        :raises kernel.errors.Denied: ``certificate_unknown`` (not one of ours), ``certificate_not_for_clients`` (no
            clientAuth), ``certificate_not_yet_valid``, ``certificate_expired``, ``certificate_revoked`` (it, its key
            or its authority).
        """
        ...

    def require_standing(self, session: Session, *, x5t_s256: str, now: datetime) -> None:
        """Check that what is bound to the certificate may still be used; one that is not of ours never fails here.

        :param x5t_s256: SHA-256 of the DER certificate, base64url, as tokens carry it.
        :raises kernel.errors.Denied: ``certificate_revoked``, ``certificate_expired``.
        """
        ...

    def request_client_certificate(
        self,
        session: Session,
        *,
        csr: str,
        client_id: str,
        client_name: str,
        institution_ruc: str,
        requested_by: str,
        now: datetime,
    ) -> RequestedClientCertificate:
        """Approve a certificate for an application in the registration's own transaction; sign it after the commit.

        :param csr: PKCS #10, PEM. Its key is taken, and names of the institution's domains; its subject is not.
        :param requested_by: who answers for it: the administrator, or the initial access token that one gave.
        :raises kernel.errors.ServiceError: whatever the authority cannot grant, with a public reason.
        """
        ...

    def complete_client_certificate(self, request_id: str, *, now: datetime) -> IssuedClientCertificate:
        """Sign what was requested and return it; outside of any transaction. Safe to repeat: one certificate.

        :raises kernel.errors.Unavailable: if the key does not answer; the background worker signs it later.
        """
        ...

    def revoke_institutional(
        self, session: Session, *, person_id: str, institution_ruc: str, reason: str, actor: str, now: datetime
    ) -> int:
        """Revoke the person's certificates in which the institution stands, in the caller's transaction; say how many.

        :param reason: a name of RFC 5280 §5.3.1: ``affiliationChanged`` or ``cessationOfOperation``.
        """
        ...
