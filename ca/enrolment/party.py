"""Who enrols: by a credential that an operator gave, or by the certificate that is to be renewed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.enrolment.credential import Credential
from ca.enrolment.use import actor_of
from ca.issuance.model import Certificate
from ca.register.standing import CertificateRegister
from ca.requests.model import CertificateRequest
from ca.services import CaServices
from kernel.errors import Denied, ServiceError
from kernel.identifiers import sha256_hex


@dataclass(frozen=True, kw_only=True)
class Party:
    """Somebody who was let in, and what may be asked for.

    :ivar actor: ``est:…``, ``cmp:…``: a credential's id or a certificate's serial number.
    :ivar names: the only DNS names, if any are given.
    :ivar prepared_by: who made the credential.
    :ivar renews: the certificate that is renewed; without one, the credential decides.
    """

    actor: str
    institution_ruc: str | None
    profile: str
    names: tuple[str, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
    credential_id: str | None = None
    prepared_by: str | None = None
    renews: x509.Certificate | None = None
    holder_id: str | None = None
    client_id: str | None = None


def party_of_credential(credential: Credential) -> Party:
    """Return what a credential, whose secret was checked, may ask for."""
    return Party(
        actor=actor_of(credential),
        institution_ruc=credential.institution_ruc,
        profile=credential.profile,
        names=credential.names,
        inputs=credential.inputs,
        credential_id=credential.id,
        prepared_by=credential.created_by,
    )


def party_of_certificate(
    session: Session, certificate_der: bytes, *, protocol: str, register: CertificateRegister, now: datetime
) -> Party:
    """Return what the holder of this certificate, whose key was proved, may ask for: the same one again.

    The certificate proves itself, so it need not be one for clients: a server renews its own.

    :raises Denied: ``certificate_unknown``, ``certificate_revoked``, ``certificate_expired``,
        ``certificate_not_yet_valid``.
    """
    digest = sha256_hex(certificate_der)
    register.require_standing(session, sha256=digest, now=now)
    row = session.scalar(select(Certificate).where(Certificate.certificate_sha256 == digest))
    if row is None or row.request_id is None:
        raise Denied("This certificate is not one that was asked for here.", code="certificate_unknown")
    asked = session.get_one(CertificateRequest, row.request_id)
    return Party(
        actor=f"{protocol}:{row.serial}",
        institution_ruc=row.institution_ruc,
        profile=row.profile,
        inputs=dict(asked.inputs),
        renews=x509.load_der_x509_certificate(certificate_der),
        holder_id=row.holder_id,
        client_id=row.client_id,
    )


def refuse_enrolment(
    session: Session, services: CaServices, error: ServiceError, *, protocol: str, claimed: str, now: datetime
) -> NoReturn:
    """Put on record that somebody was not let in, or asked for what is not theirs, and raise ``error``.

    :param claimed: who they said they were, of whatever length.
    """
    event = Event(
        type=EventType.ENROLMENT_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        details={"protocol": protocol, "claimed": claimed.encode("ascii", "replace").decode()[:64]},
    )
    services.journal.refuse(session, event, error, now=now)
