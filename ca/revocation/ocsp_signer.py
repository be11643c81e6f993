"""The keys that sign OCSP answers: one delegated responder an issuing authority, short-lived, renewed by itself."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.assembly import read_unsigned
from ca.issuance.authority import AuthorityRecord, list_authorities
from ca.issuance.internal import prepare_responder
from ca.issuance.model import Certificate
from ca.issuance.record import complete_certificate, record_intent
from ca.revocation.model import OcspSigner
from ca.services import CaServices
from ca.transparency.promise import ensure_logged
from kernel.errors import Conflict, NotFound
from keys.signer import Algorithm, Signer

RENEW_BEFORE = timedelta(days=15)  # half of the profile's lifetime


def find_ocsp_signer(session: Session, *, authority_id: str, now: datetime) -> OcspSigner:
    """Return the newest signer of the authority whose certificate is valid now and not revoked.

    :raises NotFound: (``no_ocsp_signer``) if there is none: ``sau worker`` makes one.
    """
    row = session.scalars(
        select(OcspSigner)
        .join(Certificate, Certificate.serial == OcspSigner.serial)
        .where(
            OcspSigner.authority_id == authority_id,
            OcspSigner.certificate_der.is_not(None),
            OcspSigner.not_before <= now,
            OcspSigner.not_after > now,
            Certificate.revoked_at.is_(None),
        )
        .order_by(OcspSigner.generation.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no OCSP signer for this authority.", code="no_ocsp_signer")
    return row


def find_unrevoked_signer(session: Session, *, serial: str) -> OcspSigner:
    """Return the signer whose certificate has this serial number.

    :raises NotFound: (``no_ocsp_signer``) if there is none, or it is revoked.
    """
    row = session.scalars(
        select(OcspSigner)
        .join(Certificate, Certificate.serial == OcspSigner.serial)
        .where(OcspSigner.serial == serial, OcspSigner.certificate_der.is_not(None), Certificate.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such OCSP signer.", code="no_ocsp_signer")
    return row


def renew_ocsp_signers(services: CaServices, *, now: datetime) -> list[str]:
    """Give each issuing authority whose signer is missing or near its end a new one; return the new serials.

    Safe among workers and after a crash: the row of a generation is claimed once, and whoever finds a claim without a
    certificate finishes it.
    """
    with services.database.reading() as session:
        authorities = [record for record in list_authorities(session) if not record.is_root]
        due = [record for record in authorities if _is_due(session, record, now=now)]
    return [serial for record in due if (serial := _renew(services, record, now=now)) is not None]


def _is_due(session: Session, authority: AuthorityRecord, *, now: datetime) -> bool:
    try:
        return find_ocsp_signer(session, authority_id=authority.id, now=now).not_after - RENEW_BEFORE <= now
    except NotFound:
        return authority.certificate.not_valid_after_utc > now


def _renew(services: CaServices, authority: AuthorityRecord, *, now: datetime) -> str | None:
    # The order of the three reads matters: whoever claims the next generation has seen this one neither half done nor
    # usable, so two workers never make two signers.
    with services.database.reading() as session:
        newest = session.scalar(select(func.max(OcspSigner.generation)).where(OcspSigner.authority_id == authority.id))
        serial = _find_unfinished(session, authority, now=now)
        if serial is None and not _is_due(session, authority, now=now):
            return None
    serial = serial or _claim(services, authority, generation=(newest or 0) + 1, now=now)
    if serial is None:
        return None  # another worker is at it
    issuer_key = services.keystore.open(authority.key_name)
    certificate_der = complete_certificate(
        services.database, serial, signer=issuer_key, journal=services.journal, actor="worker", now=now
    )
    ensure_logged(services.certificate_log, [serial], now=now)  # nothing is signed by a key that the log does not know
    with services.database.transaction() as session:
        row = session.execute(
            update(OcspSigner)
            .where(OcspSigner.serial == serial, OcspSigner.certificate_der.is_(None))
            .values(certificate_der=certificate_der)
            .returning(OcspSigner.generation, OcspSigner.not_after)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if row is None:
            return None
        services.journal.record(
            session,
            Event(
                type=EventType.OCSP_SIGNER_RENEWED,
                object_id=serial,
                details={
                    "authority": authority.name,
                    "generation": row.generation,
                    "not_after": row.not_after.isoformat(),
                },
            ),
            now=now,
        )
    return serial


def _find_unfinished(session: Session, authority: AuthorityRecord, *, now: datetime) -> str | None:
    return session.scalar(
        select(OcspSigner.serial).where(
            OcspSigner.authority_id == authority.id,
            OcspSigner.certificate_der.is_(None),
            OcspSigner.not_after > now + RENEW_BEFORE,
        )
    )


def _claim(services: CaServices, authority: AuthorityRecord, *, generation: int, now: datetime) -> str | None:
    """Make the generation's key and, in one transaction, its certificate's row; None if another was quicker."""
    key_name = f"ocsp-{authority.name}-{generation}"
    responder = _open_or_create(services, key_name)
    intent = prepare_responder(services, authority=authority, public_key=responder.public_key, now=now)
    unsigned = read_unsigned(intent.tbs_der)
    with suppress(IntegrityError), services.database.transaction() as session:
        serial = record_intent(session, intent, journal=services.journal, actor="worker", now=now)
        session.add(
            OcspSigner(
                serial=serial,
                authority_id=authority.id,
                generation=generation,
                key_name=key_name,
                not_before=unsigned.not_valid_before_utc,
                not_after=unsigned.not_valid_after_utc,
            )
        )
        session.flush()  # the generation is unique: here the second worker learns that it lost
        return serial
    return None


def _open_or_create(services: CaServices, key_name: str) -> Signer:
    # A crash between key and row leaves a key without a certificate: it is taken, not made again.
    try:
        return services.keystore.create(key_name, Algorithm.ES256)
    except Conflict:
        return services.keystore.open(key_name)
