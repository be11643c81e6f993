"""What the provider needs of the certificate authority, in its own words; ``composition.py`` hands the answers in."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, kw_only=True)
class PersonalCertificate:
    """A certificate of a person.

    :ivar serial: lower-case hex. :ivar kind: what it is called, in Spanish; ``about``: what it is for.
    :ivar standing: ``valid``, ``not_yet_valid``, ``expired``, ``revoked``, or ``on_hold`` while it is suspended.
    :ivar may_be_held: whether its holder may suspend it now.
    :ivar held_by_holder: whether the holder suspended it, and so may take it up again.
    :ivar revocation_reason: a name of RFC 5280 §5.3.1.
    :ivar for_login: whether it logs its holder in.
    :ivar x5t_s256: as :class:`CertificateIdentity` has it; None in the moment before it is signed.
    """

    serial: str
    kind: str
    about: str
    subject_dn: str
    institution_ruc: str | None
    not_before: datetime
    not_after: datetime
    standing: str
    revoked_at: datetime | None
    revocation_reason: str | None
    for_login: bool
    x5t_s256: str | None
    may_be_held: bool = False
    held_by_holder: bool = False


@dataclass(frozen=True, kw_only=True)
class PersonalCertificateRequest:
    """A request for a certificate of a person.

    :ivar state: ``submitted`` (officers have yet to decide), ``approved``, ``refused``, ``issued`` or ``expired``.
    :ivar own: whether the person asked. :ivar answer: why it was refused.
    :ivar key_state: where the key is made by the authority: ``prepared``, ``offered`` (a mail says where to collect
        it), ``opened``, ``collected`` or ``ended``.
    """

    id: str
    kind: str
    state: str
    own: bool
    key_state: str | None
    created_at: datetime
    decided_at: datetime | None
    answer: str | None


@dataclass(frozen=True)
class OfferedCertificate:
    """A kind of certificate that a person may ask for.

    :ivar key_made_here: who has no key gets one, handed over once.
    """

    profile: str
    title: str
    about: str
    key_made_here: bool
    years: int


@dataclass(frozen=True)
class RevocationConsequences:
    """What ends with a certificate. :ivar same_key: other certificates that hold the same key, and stay."""

    sessions: int
    tokens: int
    same_key: int


class PersonalCertificates(Protocol):
    """What the authority holds about a person, and does at that person's word."""

    def list_of(self, session: Session, person_id: str, *, now: datetime) -> Sequence[PersonalCertificate]:
        """Return the person's certificates, the newest first."""
        ...

    def requests_of(self, session: Session, person_id: str) -> Sequence[PersonalCertificateRequest]:
        """Return the requests for certificates of the person, the newest first."""
        ...

    def kinds(self) -> Sequence[OfferedCertificate]:
        """Return what a natural person may ask for."""
        ...

    def request(self, *, cedula: str, profile: str, csr: str | None, now: datetime) -> None:
        """Ask for a certificate at the person's word, in a transaction of its own; officers decide.

        :param csr: PKCS #10 as PEM; None: a key is made by the authority and handed over once, when it is approved.
        :raises kernel.errors.ServiceError: whatever the authority cannot grant, with a code and a public reason.
        """
        ...

    def preview(self, session: Session, person_id: str, *, serial: str, now: datetime) -> RevocationConsequences:
        """Return what will stop working. :raises kernel.errors.NotFound: (``unknown_certificate``), another's too."""
        ...

    def revoke(self, session: Session, person_id: str, *, serial: str, reason: str, now: datetime) -> None:
        """Revoke the person's certificate for good.

        :param reason: ``keyCompromise``, ``cessationOfOperation`` or ``superseded``.
        :raises kernel.errors.NotFound: ``unknown_certificate``. :raises kernel.errors.Rejected: for other reasons.
        :raises kernel.errors.Conflict: ``already_revoked``.
        """
        ...

    def hold(self, session: Session, person_id: str, *, serial: str, now: datetime) -> None:
        """Suspend the person's certificate: everyone is told that it does not count.

        :raises kernel.errors.NotFound: ``unknown_certificate``, another's too. :raises kernel.errors.Denied: where its
            kind is never suspended. :raises kernel.errors.Conflict: ``already_on_hold``, ``already_revoked``.
        """
        ...

    def release(self, session: Session, person_id: str, *, serial: str, now: datetime) -> None:
        """Let the person's certificate count again.

        :raises kernel.errors.NotFound: ``unknown_certificate``. :raises kernel.errors.Conflict: ``not_on_hold``.
        :raises kernel.errors.Denied: (``hold_of_others``) for what an officer suspended, ``held_key_compromised``.
        """
        ...

    def revoke_all(self, session: Session, person_id: str, *, actor: str, now: datetime) -> None:
        """Revoke every certificate of a person who is erased, and drop what is on its way to one."""
        ...


class Duties(Protocol):
    """What people do for the service: who has a duty is not erased before somebody else has it."""

    def of(self, session: Session, person_id: str) -> Sequence[str]:
        """Return the names of the duties that the person has now: roles of the console."""
        ...

    def forget(self, session: Session, person_id: str) -> None:
        """Destroy what is kept of and about a person who is erased."""
        ...
