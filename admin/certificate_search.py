"""Finding certificates in the register, within what an operator's roles reach."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ca.expiry.renewal import list_expiring
from ca.issuance.model import Certificate
from ca.profiles.registry import packaged_profiles
from ca.revocation.standing import HOLD, is_held
from ca.serial import parse_serial
from kernel.errors import Rejected

EXPIRING = timedelta(days=30)
STATUSES = ("valid", "expiring", "expired", "revoked")
# By what the register can be arranged: columns with an index.
ORDERS: dict[str, InstrumentedAttribute[datetime] | InstrumentedAttribute[str]] = {
    "issued": Certificate.issued_at,
    "expires": Certificate.not_after,
    "serial": Certificate.serial,
}


@dataclass(frozen=True)
class CertificateQuery:
    """What is searched for. ``institutions``: the RUCs within reach, None: all."""

    text: str = ""
    status: str = ""
    profile: str = ""
    institution_ruc: str = ""
    institutions: frozenset[str] | None = None


def search_certificates(
    session: Session,
    query: CertificateQuery,
    *,
    now: datetime,
    limit: int,
    offset: int = 0,
    order: str = "issued",
    descending: bool = True,
) -> list[Certificate]:
    """Return the certificates that fit, newest first. Text is looked for in subject, names, serial and fingerprint.

    :param order: a key of ``ORDERS``.
    """
    column = ORDERS.get(order, Certificate.issued_at)
    wanted = select(Certificate).where(*_conditions(query, now=now))
    arranged = wanted.order_by(column.desc() if descending else column.asc(), Certificate.serial)
    return list(session.scalars(arranged.limit(limit).offset(offset)))


def certificates_after(
    session: Session, query: CertificateQuery, *, serial: str, now: datetime, limit: int
) -> list[Certificate]:
    """Return the certificates that fit, by serial number, from after ``serial`` (empty: the first)."""
    wanted = select(Certificate).where(*_conditions(query, now=now))
    if serial:
        wanted = wanted.where(Certificate.serial > serial)
    return list(session.scalars(wanted.order_by(Certificate.serial).limit(limit)))


def count_certificates(session: Session, query: CertificateQuery, *, now: datetime) -> int:
    """Return how many fit."""
    return session.scalars(select(func.count()).select_from(Certificate).where(*_conditions(query, now=now))).one()


def expiring_certificates(
    session: Session, *, institutions: frozenset[str] | None, now: datetime, limit: int
) -> list[Certificate]:
    """Return live certificates that end within 30 days and that no newer one replaces.

    Those that are renewed without anybody asking are left out.
    """
    return list_expiring(
        session, profiles=packaged_profiles(), within=EXPIRING, institutions=institutions, now=now, limit=limit
    )


def status_of(certificate: Certificate, *, now: datetime) -> str:
    """Return ``held``, ``revoked``, ``expired``, ``signing``, ``expiring`` or ``valid``; the first that applies.

    A certificate of a month is not about to end on its first day: the last third of a short life is.
    """
    if certificate.revoked_at is not None:
        return "held" if is_held(certificate) else "revoked"
    if certificate.not_after < now:
        return "expired"
    if certificate.certificate_der is None:
        return "signing"
    soon = min(EXPIRING, (certificate.not_after - certificate.not_before) / 3)
    return "expiring" if certificate.not_after < now + soon else "valid"


def _conditions(query: CertificateQuery, *, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.institutions is not None:
        conditions.append(Certificate.institution_ruc.in_(query.institutions))
    if query.institution_ruc:
        conditions.append(Certificate.institution_ruc == query.institution_ruc)
    if query.profile:
        conditions.append(Certificate.profile == query.profile)
    if query.text:
        conditions.append(_matches(query.text))
    live = and_(Certificate.revoked_at.is_(None), Certificate.not_after >= now)
    if query.status == "valid":
        conditions.append(live)
    elif query.status == "expiring":
        conditions.append(and_(live, Certificate.not_after < now + EXPIRING))
    elif query.status == "expired":
        conditions.append(and_(Certificate.revoked_at.is_(None), Certificate.not_after < now))
    elif query.status == "revoked":
        conditions.append(and_(Certificate.revoked_at.is_not(None), Certificate.revocation_reason != HOLD))
    elif query.status == "held":
        conditions.append(Certificate.revocation_reason == HOLD)
    return conditions


def _matches(text: str) -> ColumnElement[bool]:
    text = text.strip()
    found: list[ColumnElement[bool]] = [
        Certificate.subject.icontains(text, autoescape=True),
        func.lower(cast(Certificate.names, Text)).contains(text.lower(), autoescape=True),
    ]
    with suppress(Rejected):
        found.append(Certificate.serial == parse_serial(text))
    fingerprint = text.replace(":", "").replace(" ", "").lower()
    if len(fingerprint) == 64:
        found += [Certificate.certificate_sha256 == fingerprint, Certificate.spki_sha256 == fingerprint]
    return or_(*found)
