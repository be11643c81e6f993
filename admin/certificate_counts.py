"""Certificates counted by profile, version, issuer, key and end: what a page would otherwise read the register for.

Each hour of issuance is counted once, some minutes after it is over, by the index on the time; revocations are not
taken off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asn1crypto.x509 import TbsCertificate
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from admin.hour_counts import CERTIFICATES as MARK
from admin.hour_counts import HOUR, LATE, hour_of
from admin.model import CertificateCount, HourCount
from ca.issuance.model import Certificate
from ca.requests.keys import describe_key
from kernel.database import Database

_HOURS_AT_ONCE = 48
_ROWS_AT_ONCE = 100_000
_ROWS_READ = 500
_KEYS = (RSAPublicKey, EllipticCurvePublicKey, Ed25519PublicKey, Ed448PublicKey)
_Kind = tuple[str, int, str, str, datetime]


@dataclass(frozen=True)
class CountedCertificates:
    """What was issued until ``until``. :ivar issued: ever. :ivar in_force: of these, what has not run out."""

    profile: str
    version: int
    authority_id: str
    key: str
    issued: int
    in_force: int


def count_certificates(database: Database, *, now: datetime) -> int:
    """Count the hours of issuance that are over and were not counted; return how many certificates.

    Reading and writing are apart: whoever issues is not kept waiting while a large hour is read.
    """
    done = 0
    for _ in range(_HOURS_AT_ONCE):
        with database.reading() as session:
            hour = _next_hour(session, now=now)
            if hour is None:
                return done
            counts = _count(session, hour)
        with database.transaction() as session:
            _add(session, counts)
            session.execute(delete(HourCount).where(HourCount.name == MARK, HourCount.hour < hour))
            session.add(HourCount(hour=hour, name=MARK, amount=sum(counts.values())))
        done += sum(counts.values())
        if done >= _ROWS_AT_ONCE:
            break
    return done


def counted_until(session: Session) -> datetime | None:
    """Return until when certificates are counted at least; None: nothing was counted yet."""
    last = session.scalar(select(func.max(HourCount.hour)).where(HourCount.name == MARK))
    return last + HOUR if last else None


def counted_certificates(
    session: Session, *, now: datetime, profiles: Collection[str] | None = None
) -> list[CountedCertificates]:
    """Return what was counted, by profile, version, issuer and key. :param profiles: of these alone."""
    ended = func.sum(CertificateCount.amount).filter(CertificateCount.ends <= now)
    kind = (
        CertificateCount.profile,
        CertificateCount.profile_version,
        CertificateCount.authority_id,
        CertificateCount.key,
    )
    query = select(*kind, func.sum(CertificateCount.amount), ended).group_by(*kind).order_by(*kind)
    if profiles is not None:
        query = query.where(CertificateCount.profile.in_(sorted(profiles)))
    return [
        CountedCertificates(profile, version, authority_id, key, int(issued), int(issued) - int(over or 0))
        for profile, version, authority_id, key, issued, over in session.execute(query)
    ]


def _next_hour(session: Session, *, now: datetime) -> datetime | None:
    """Return the next hour in which something was issued, if it is over; hours without are leapt over."""
    last = session.scalar(select(func.max(HourCount.hour)).where(HourCount.name == MARK))
    query = select(func.min(Certificate.issued_at))
    if last is not None:
        query = query.where(Certificate.issued_at >= last + HOUR)
    first = session.scalar(query)
    if first is None:
        return None
    hour = hour_of(first)
    return hour if hour + HOUR + LATE <= now else None


def _count(session: Session, hour: datetime) -> Counter[_Kind]:
    rows = session.execute(
        select(
            Certificate.profile,
            Certificate.profile_version,
            Certificate.authority_id,
            Certificate.tbs_der,
            Certificate.not_after,
        ).where(Certificate.issued_at >= hour, Certificate.issued_at < hour + HOUR),
        execution_options={"yield_per": _ROWS_READ},
    )
    return Counter(
        (profile, version, authority_id, key_in_words(tbs), _end_of_day(not_after))
        for profile, version, authority_id, tbs, not_after in rows
    )


def key_in_words(tbs_der: bytes) -> str:
    """Return the kind of the key in these to-be-signed bytes, as ``RSA 3072``, ``EC P-256``; ``?`` if it is unknown."""
    try:
        spki = TbsCertificate.load(tbs_der)["subject_public_key_info"].dump()
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return "?"
    return describe_key(key)[:24] if isinstance(key, _KEYS) else "?"


def _add(session: Session, counts: Counter[_Kind]) -> None:
    row = CertificateCount
    for (profile, version, authority_id, key, ends), amount in sorted(counts.items()):
        of_this_kind = (
            row.profile == profile,
            row.profile_version == version,
            row.authority_id == authority_id,
            row.key == key,
            row.ends == ends,
        )
        known = session.execute(
            update(row)
            .where(*of_this_kind)
            .values(amount=row.amount + amount)
            .returning(row.amount)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if known is None:
            session.add(
                row(
                    profile=profile,
                    profile_version=version,
                    authority_id=authority_id,
                    key=key,
                    ends=ends,
                    amount=amount,
                )
            )
    session.flush()


def _end_of_day(moment: datetime) -> datetime:
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)
