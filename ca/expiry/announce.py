"""Notices before a certificate ends: to its holder or its institution, at fixed days before, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.expiry.model import ExpiryNotice
from ca.expiry.renewal import find_successor
from ca.issuance.model import Certificate
from ca.services import CaServices

_AT_ONCE = 100  # notices in one transaction


def announce_expiring(services: CaServices) -> int:
    """Announce what is due; return how many notices were mailed. Two workers at once announce each once.

    A certificate that comes into several steps at once (the worker stood still, the settings changed) is announced by
    the nearest one alone; a step further away than half of the certificate's life is left out.
    """
    now, mailed = services.clock.now(), 0
    steps = sorted(set(services.settings.pki_notice_days))
    for nearer, step in pairwise([0, *steps]):
        while True:
            with services.database.transaction() as session:
                due = _due(session, services, nearer=nearer, step=step, now=now)
                for certificate in due:
                    mailed += _announce(session, services, certificate, step, now=now)
            if len(due) < _AT_ONCE:
                break
    return mailed


def _due(session: Session, services: CaServices, *, nearer: int, step: int, now: datetime) -> Sequence[Certificate]:
    asked = [
        profile.name for profile in services.profiles.list() if profile.by_hand and profile.lifetime_days >= 2 * step
    ]
    announced = (
        select(ExpiryNotice.serial).where(ExpiryNotice.serial == Certificate.serial, ExpiryNotice.days <= step).exists()
    )
    return session.scalars(
        select(Certificate)
        .where(
            Certificate.not_after > now + timedelta(days=nearer),
            Certificate.not_after <= now + timedelta(days=step),
            Certificate.profile.in_(asked),
            Certificate.revoked_at.is_(None),
            Certificate.certificate_der.is_not(None),
            ~announced,
        )
        .order_by(Certificate.not_after, Certificate.serial)
        .limit(_AT_ONCE)
    ).all()


def _announce(session: Session, services: CaServices, certificate: Certificate, step: int, *, now: datetime) -> int:
    successor = find_successor(session, certificate)
    insert = sqlite.insert if services.database.is_sqlite else postgresql.insert
    won = session.execute(
        insert(ExpiryNotice)
        .values(
            serial=certificate.serial,
            days=step,
            outcome="renewed" if successor else "mailed",
            announced_at=now,
        )
        .on_conflict_do_nothing()
        .returning(ExpiryNotice.serial)
    ).scalar_one_or_none()
    if won is None or successor is not None:
        return 0
    context = {
        "certificate": _shown_name(certificate),
        "kind": services.profiles.get(certificate.profile).title,
        "serial": certificate.serial.upper(),
        "days": str(max(1, (certificate.not_after - now).days)),
        "ends": f"{certificate.not_after:%d/%m/%Y}",
    }
    if certificate.holder_id is not None:
        reached = services.letters.to_person(
            session, certificate.holder_id, template="certificate_expiring", context=context, now=now
        )
    else:
        reached = services.letters.to_institution(
            session, certificate.institution_ruc or "", template="certificate_expiring", context=context, now=now
        )
    if not reached:
        notice = session.get_one(ExpiryNotice, (certificate.serial, step))
        notice.outcome = "nobody"
    event = Event(
        type=EventType.EXPIRY_ANNOUNCED,
        outcome=Outcome.SUCCESS if reached else Outcome.FAILURE,
        reason=None if reached else "no_address",
        subject=certificate.holder_id,
        actor="worker",
        object_id=certificate.serial,
        details={"days": step, "not_after": certificate.not_after.isoformat(), "profile": certificate.profile},
    )
    services.journal.record(session, event, now=now)
    return int(reached)


def _shown_name(certificate: Certificate) -> str:
    """Its first name, else its common name."""
    if certificate.names:
        return certificate.names[0]
    parts = (part.strip() for part in certificate.subject.split(","))
    return next((part[3:] for part in parts if part.startswith("CN=")), certificate.serial)
