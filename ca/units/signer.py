"""The keys of a unit: the first one made by an operator, the next ones by the upkeep."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.services import LOG_KEY as AUDIT_LOG_KEY
from audit.services import ensure_log_key
from audit.vocabulary import EventType
from ca.issuance.assembly import read_unsigned
from ca.issuance.authority import issuing_authority, load_authority
from ca.issuance.internal import CMP_RESPONDER, LOG_SIGNING, TIME_STAMPING, prepare_own
from ca.issuance.model import Certificate
from ca.issuance.record import complete_certificate, record_intent
from ca.services import CaServices
from ca.transparency.log import LOG_KEY as CERTIFICATE_LOG_KEY
from ca.transparency.promise import ensure_logged
from ca.units.model import UnitSigner
from kernel.errors import Conflict, Unavailable
from keys.signer import Algorithm, Signer

_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Unit:
    """Something of the service that signs.

    :ivar title: in its certificates' common name.
    :ivar key_name: the one key that is certified again and again; None: each generation has a key of its own.
    """

    name: str
    profile: str
    title: str
    key_name: str | None = None


STAMPS = Unit("time-stamping", TIME_STAMPING, "Sellado de tiempo")
CMP = Unit("cmp", CMP_RESPONDER, "CMP")
UNITS = (STAMPS, CMP)
# The logs' keys are their identity: witnesses and verifiers hold them, so they stay.
LOG_UNITS = (
    Unit(AUDIT_LOG_KEY, LOG_SIGNING, "Registro de auditoría", AUDIT_LOG_KEY),
    Unit(CERTIFICATE_LOG_KEY, LOG_SIGNING, "Registro de certificados", CERTIFICATE_LOG_KEY),
)


def find_unit_signer(session: Session, unit: Unit, *, now: datetime) -> UnitSigner:
    """Return the newest signer that may sign now and whose certificate is not revoked.

    :raises Unavailable: (``no_unit_signer``) if there is none.
    """
    row = session.scalars(
        select(UnitSigner)
        .join(Certificate, Certificate.serial == UnitSigner.serial)
        .where(
            UnitSigner.unit == unit.name,
            UnitSigner.certificate_der.is_not(None),
            UnitSigner.not_before <= now,
            UnitSigner.signs_until > now,
            Certificate.revoked_at.is_(None),
        )
        .order_by(UnitSigner.generation.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise Unavailable(f"There is no key for {unit.name} here.", code="no_unit_signer")
    return row


def renew_unit_signer(services: CaServices, unit: Unit, *, now: datetime, first: bool = False) -> str | None:
    """Make the next signer if the present one is near its end; return its serial, None if nothing was due.

    Safe among workers and after a crash: a generation is claimed once, and a claim without a certificate is finished.

    :param first: make one also where there never was any; without it an installation that does without the
        unit stays so.
    :raises kernel.errors.NotFound: ``unknown_profile``, ``unknown_authority``.
    """
    with services.database.reading() as session:
        newest = session.scalar(select(func.max(UnitSigner.generation)).where(UnitSigner.unit == unit.name)) or 0
        unfinished = session.scalar(
            select(UnitSigner.serial).where(UnitSigner.unit == unit.name, UnitSigner.certificate_der.is_(None))
        )
        due = (newest > 0 or first) and _is_due(session, unit, now=now)
        authority = issuing_authority(session, services.profiles.get(unit.profile)) if due else None
    if not due or authority is None:
        return None
    serial = unfinished or _claim(services, unit, authority_name=authority.name, generation=newest + 1, now=now)
    if serial is None:
        return None  # another worker is at it
    signer = services.keystore.open(authority.key_name)
    certificate_der = complete_certificate(
        services.database, serial, signer=signer, journal=services.journal, actor="worker", now=now
    )
    ensure_logged(services.certificate_log, [serial], now=now)  # nothing is signed by a key that the log does not know
    with services.database.transaction() as session:
        row = session.execute(
            update(UnitSigner)
            .where(UnitSigner.serial == serial, UnitSigner.certificate_der.is_(None))
            .values(certificate_der=certificate_der)
            .returning(UnitSigner.generation, UnitSigner.signs_until)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if row is None:
            return None
        event = Event(
            type=EventType.UNIT_SIGNER_RENEWED,
            object_id=serial,
            details={"unit": unit.name, "generation": row.generation, "signs_until": row.signs_until.isoformat()},
        )
        services.journal.record(session, event, now=now)
    return serial


def _is_due(session: Session, unit: Unit, *, now: datetime) -> bool:
    try:
        return find_unit_signer(session, unit, now=now).signs_until - _RENEW_BEFORE <= now
    except Unavailable:
        return True


def _claim(services: CaServices, unit: Unit, *, authority_name: str, generation: int, now: datetime) -> str | None:
    """Make the generation's key and, in one transaction, its certificate's row; None if another was quicker."""
    key_name = unit.key_name or f"{unit.name}-{generation}"
    key = ensure_log_key(services.keystore, key_name) if unit.key_name else _open_or_create(services, key_name)
    with services.database.reading() as session:
        authority = load_authority(session, authority_name)
    intent = prepare_own(
        services,
        profile_name=unit.profile,
        title=unit.title,
        authority=authority,
        public_key=key.public_key,
        now=now,
    )
    unsigned = read_unsigned(intent.tbs_der)
    profile = services.profiles.get(unit.profile)
    signing_time = timedelta(days=profile.private_key_days or profile.lifetime_days)
    with suppress(IntegrityError), services.database.transaction() as session:
        serial = record_intent(session, intent, journal=services.journal, actor="worker", now=now)
        session.add(
            UnitSigner(
                serial=serial,
                unit=unit.name,
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
