"""Who may enrol by EST, and by what (RFC 7030 §3.2.3, §3.3.2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from ca.enrolment.credential import Protocol, find_credential, require_secret
from ca.enrolment.party import Party, party_of_certificate, party_of_credential, refuse_enrolment
from ca.est.label import read_label, require_label
from ca.register.standing import CertificateRegister
from ca.services import CaServices
from kernel.errors import Denied, ServiceError

EST = Protocol.EST.value


def enter_with_secret(services: CaServices, *, user: str, secret: str, label: str | None, now: datetime) -> Party:
    """Return what the holder of an enrolment credential may ask for.

    :raises Denied: ``bad_credential``, ``other_profile``; on record. :raises NotFound: ``unknown_label``.
    """
    with services.database.transaction() as session:
        try:
            credential = find_credential(session, user, protocol=Protocol.EST, now=now)
            require_secret(session, credential, secret)
            party = party_of_credential(credential)
            _require_label(session, services, label, party)
        except ServiceError as error:
            refuse_enrolment(session, services, error, protocol=EST, claimed=user, now=now)
    return party


def enter_with_certificate(
    services: CaServices,
    certificate_der: bytes | None,
    *,
    register: CertificateRegister,
    label: str | None,
    now: datetime,
) -> Party:
    """Return what the holder of a certificate may ask for: the same one again (RFC 7030 §4.2.2).

    :param certificate_der: as the TLS handshake proved it.
    :raises Denied: ``certificate_needed``, ``certificate_unknown``, ``certificate_revoked``, ``certificate_expired``,
        ``other_profile``; on record.
    """
    if certificate_der is None:
        raise Denied("Renew with the certificate, on the host that asks for it.", code="certificate_needed")
    with services.database.transaction() as session:
        try:
            party = party_of_certificate(session, certificate_der, protocol=EST, register=register, now=now)
            _require_label(session, services, label, party)
        except ServiceError as error:
            refuse_enrolment(session, services, error, protocol=EST, claimed="certificate", now=now)
    return party


def _require_label(session: Session, services: CaServices, label: str | None, party: Party) -> None:
    require_label(read_label(session, services, label), party, services=services)
