"""The keys that sign time-stamps: made by an operator once, renewed by the upkeep from then on."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.assembly import read_unsigned
from ca.issuance.authority import load_authority
from ca.issuance.internal import TIME_STAMPING, prepare_own
from ca.issuance.model import Certificate
from ca.issuance.record import complete_certificate, record_intent
from ca.services import CaServices
from ca.timestamping.model import StampSigner
from kernel.errors import Conflict, Unavailable
from keys.signer import Algorithm, Signer

_RENEW_BEFORE = timedelta(days=30)


def find_stamp_signer(session: Session, *, now: datetime) -> StampSigner:
    """Return the newest signer that may sign now and whose certificate is not revoked.

    :raises Unavailable: (``no_stamp_signer``) if there is none.
    """
    row = session.scalars(
        select(StampSigner)
        .join(Certificate, Certificate.serial == StampSigner.serial)
        .where(
            StampSigner.certificate_der.is_not(None),
            StampSigner.not_before <= now,
            StampSigner.signs_until > now,
            Certificate.revoked_at.is_(None),
        )
        .order_by(StampSigner.generation.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise Unavailable("There is no time-stamping unit here.", code="no_stamp_signer")
    return row


def renew_stamp_signer(services: CaServices, *, now: datetime, first: bool = False) -> str | None:
    """Make the next signer if the present one is near its end; return its serial, None if nothing was due.

    Safe among workers and after a crash: a generation is claimed once, and a claim without a certificate is finished.

    :param first: make one also where there never was any; without it an installation that stamps nothing stays so.
    :raises kernel.errors.NotFound: ``unknown_profile``, ``unknown_authority``.
    """
    with services.database.reading() as session:
        newest = session.scalar(select(func.max(StampSigner.generation))) or 0
        unfinished = session.scalar(select(StampSigner.serial).where(StampSigner.certificate_der.is_(None)))
        due = (newest > 0 or first) and _is_due(session, now=now)
        authority = load_authority(session, services.profiles.get(TIME_STAMPING).authority) if due else None
    if not due or authority is None:
        return None
    serial = unfinished or _claim(services, authority_name=authority.name, generation=newest + 1, now=now)
    if serial is None:
        return None  # another worker is at it
    signer = services.keystore.open(authority.key_name)
    certificate_der = complete_certificate(
        services.database, serial, signer=signer, journal=services.journal, actor="worker", now=now
    )
    with services.database.transaction() as session:
        row = session.execute(
            update(StampSigner)
            .where(StampSigner.serial == serial, StampSigner.certificate_der.is_(None))
            .values(certificate_der=certificate_der)
            .returning(StampSigner.generation, StampSigner.signs_until)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if row is None:
            return None
        event = Event(
            type=EventType.TIME_STAMP_SIGNER_RENEWED,
            object_id=serial,
            details={"generation": row.generation, "signs_until": row.signs_until.isoformat()},
        )
        services.journal.record(session, event, now=now)
    return serial


def _is_due(session: Session, *, now: datetime) -> bool:
    try:
        return find_stamp_signer(session, now=now).signs_until - _RENEW_BEFORE <= now
    except Unavailable:
        return True


def _claim(services: CaServices, *, authority_name: str, generation: int, now: datetime) -> str | None:
    """Make the generation's key and, in one transaction, its certificate's row; None if another was quicker."""
    key_name = f"time-stamping-{generation}"
    unit = _open_or_create(services, key_name)
    with services.database.reading() as session:
        authority = load_authority(session, authority_name)
    intent = prepare_own(
        services,
        profile_name=TIME_STAMPING,
        title="Sellado de tiempo",
        authority=authority,
        public_key=unit.public_key,
        now=now,
    )
    unsigned = read_unsigned(intent.tbs_der)
    profile = services.profiles.get(TIME_STAMPING)
    signing_time = timedelta(days=profile.private_key_days or profile.lifetime_days)
    with suppress(IntegrityError), services.database.transaction() as session:
        serial = record_intent(session, intent, journal=services.journal, actor="worker", now=now)
        session.add(
            StampSigner(
                serial=serial,
                generation=generation,
                key_name=key_name,
                not_before=unsigned.not_valid_before_utc,
                signs_until=min(unsigned.not_valid_before_utc + signing_time, unsigned.not_valid_after_utc),
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
