"""Who sent a message, proved by its protection, and how answers to them are protected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import x509 as names
from cryptography import x509
from sqlalchemy.orm import Session

from ca.cmp.failure import CmpError, Failure, failure_of
from ca.cmp.message import Message
from ca.cmp.protection import (
    PBM,
    PBMAC1,
    MacProtector,
    Protector,
    SignatureProtector,
    require_mac,
    require_signature,
)
from ca.enrolment.credential import Protocol, find_credential, shared_secret
from ca.enrolment.party import Party, party_of_certificate, party_of_credential, refuse_enrolment
from ca.issuance.authority import authority_chain, issuing_authority
from ca.issuance.model import Certificate
from ca.register.standing import CertificateRegister
from ca.requests.crmf import tagged
from ca.services import CaServices
from ca.units.signer import CMP, find_unit_signer
from kernel.errors import Denied, ServiceError

NAME = Protocol.CMP.value
_CLOCK_TOLERANCE = timedelta(minutes=10)


@dataclass(frozen=True)
class Entry:
    """A sender who is known.

    :ivar sender: the name that answers come from. :ivar by_secret: a MAC proved it, so the root may be handed over.
    """

    party: Party
    protector: Protector
    sender: names.Name
    by_secret: bool


def enter(services: CaServices, message: Message, *, register: CertificateRegister, now: datetime) -> Entry:
    """Return who sent the message. :raises CmpError: not protected, wrongly, or by nobody of ours; on record."""
    reference = message.sender_kid.decode("ascii", "replace")
    # Only read here: deriving a key takes as long as the sender says, and nobody should wait for the write lock.
    with services.database.reading() as session:
        try:
            if message.message_time and abs(message.message_time - now) > _CLOCK_TOLERANCE:
                raise CmpError(Failure.BAD_TIME, "The message's time is more than ten minutes from ours.")
            if not message.algorithm or not message.protection:
                raise CmpError(Failure.BAD_MESSAGE_CHECK, "The message is not protected.")
            if message.algorithm in (PBM, PBMAC1):
                return _by_secret(session, services, message, reference, now=now)
            return _by_certificate(session, services, message, register=register, now=now)
        except CmpError as error:
            refusal, answer = Denied(error.said, code=error.failure.name.lower()), error
        except ServiceError as error:
            refusal, answer = error, failure_of(error)  # type: ignore[assignment]
    try:
        with services.database.transaction() as session:
            refuse_enrolment(session, services, refusal, protocol=NAME, claimed=reference, now=now)
    except ServiceError:
        raise answer from None


def _by_secret(session: Session, services: CaServices, message: Message, reference: str, *, now: datetime) -> Entry:
    credential = find_credential(session, reference, protocol=Protocol.CMP, now=now)
    secret = shared_secret(session, services, credential)
    require_mac(message, secret)
    authority = _issuer_name(session, services, credential.profile)
    return Entry(party_of_credential(credential), MacProtector(secret, message.sender_kid), authority, by_secret=True)


def _by_certificate(
    session: Session, services: CaServices, message: Message, *, register: CertificateRegister, now: datetime
) -> Entry:
    if not message.extra_certificates:
        raise CmpError(Failure.SIGNER_NOT_TRUSTED, "The signer's certificate comes first in extraCerts.")
    try:
        certificate = x509.load_der_x509_certificate(message.extra_certificates[0])
        public_subject = certificate.subject.public_bytes()
    except ValueError as error:
        raise CmpError(Failure.BAD_DATA_FORMAT, "The first of extraCerts is no certificate.") from error
    party = party_of_certificate(session, message.extra_certificates[0], protocol=NAME, register=register, now=now)
    require_signature(message, certificate)
    if message.sender != tagged(4, public_subject):
        raise CmpError(Failure.BAD_REQUEST, "The sender is not the certificate's subject.")
    row = find_unit_signer(session, CMP, now=now)
    chain = authority_chain(session, session.get_one(Certificate, row.serial).authority_id)
    own = row.certificate_der or b""
    protector = SignatureProtector(
        services.keystore.open(row.key_name),
        (own, *(record.certificate_der for record in chain if not record.is_root)),
    )
    return Entry(party, protector, names.Certificate.load(own).subject, by_secret=False)


def _issuer_name(session: Session, services: CaServices, profile: str) -> names.Name:
    authority = issuing_authority(session, services.profiles.get(profile))
    return names.Certificate.load(authority.certificate_der).subject
