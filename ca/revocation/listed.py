"""What stands on a list: read from the index of revoked certificates, never from their rows.

RFC 5280 §3.3: an entry stays until it stood on one regular list issued after the certificate's validity; so only what
had expired before the last regular list may go, for that list still had it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, String, and_, func, literal, not_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import InstrumentedAttribute, Session

from ca.issuance.model import Certificate
from ca.locations import FULL_LIST
from ca.revocation.crl_entries import REMOVE_FROM_CRL, ListedCertificate
from ca.revocation.model import CertificateHold

_LATE_COMMIT = timedelta(hours=1)  # a revocation may commit this long after its own clock reading


def read_listed(
    session: Session, *, authority_id: str, shard: int, expired_since: datetime | None, after_revision: int = -1
) -> Sequence[ListedCertificate]:
    """Return what is revoked and must still be told, by date.

    :param shard: one of them, or all together (:data:`ca.locations.FULL_LIST`).
    :param expired_since: what had expired before, and was not revoked since, is left out.
    :param after_revision: only entries that changed after this revision of the shard: what a delta tells.
    """
    query = _listed(session, authority_id, shard).where(Certificate.crl_revision > after_revision)
    if after_revision < 0:
        query = _listed(session, authority_id, shard)
    if expired_since is not None:
        query = query.where(not_(_has_left(expired_since)))
    return _read(session, query)


def read_gone(
    session: Session, *, authority_id: str, shard: int, still_on: datetime | None, expired_since: datetime | None
) -> Sequence[ListedCertificate]:
    """Return what stood on the base of a delta and has left since, because it expired, as ``removeFromCRL``.

    So base and delta together say what the complete list says (RFC 5280 §5.2.4).

    :param still_on: the base's own ``expired_since``. :param expired_since: that of the complete list.
    """
    if expired_since is None:
        return ()
    query = _listed(session, authority_id, shard, reason=literal(REMOVE_FROM_CRL)).where(_has_left(expired_since))
    if still_on is not None:
        query = query.where(not_(_has_left(still_on)))
    return _read(session, query)


def read_released(
    session: Session, *, authority_id: str, shard: int, after_revision: int
) -> Sequence[ListedCertificate]:
    """Return what was on hold and was released after this revision, and counts still, as ``removeFromCRL``.

    The base of the delta, or a delta since, may have told of the hold (RFC 5280 §5.2.4).
    """
    held_at = func.max(CertificateHold.held_at)
    query: Select[Any] = (
        select(  # type: ignore[assignment]
            CertificateHold.serial, _text(session, held_at), literal(REMOVE_FROM_CRL), sql_cast(literal(None), String)
        )
        .join(Certificate, Certificate.serial == CertificateHold.serial)
        .where(
            CertificateHold.authority_id == authority_id,
            CertificateHold.crl_shard == shard,
            CertificateHold.release_revision > after_revision,
            Certificate.revoked_at.is_(None),
        )
        .group_by(CertificateHold.serial)
        .order_by(CertificateHold.serial)
    )
    return _read(session, query)


def _has_left(expired_since: datetime) -> ColumnElement[bool]:
    return and_(Certificate.not_after < expired_since, Certificate.revoked_at < expired_since - _LATE_COMMIT)


def _listed(
    session: Session, authority_id: str, shard: int, *, reason: ColumnElement[str] | None = None
) -> Select[Any]:
    query: Select[Any] = select(  # type: ignore[assignment]
        Certificate.serial,
        _text(session, Certificate.revoked_at),
        Certificate.revocation_reason if reason is None else reason,
        _text(session, Certificate.compromised_at) if reason is None else sql_cast(literal(None), String),
    ).where(Certificate.authority_id == authority_id, Certificate.revoked_at.is_not(None))
    if shard != FULL_LIST:
        query = query.where(Certificate.crl_shard == shard)
    return query.order_by(Certificate.revoked_at, Certificate.serial)


def _text(session: Session, column: ColumnElement[Any] | InstrumentedAttribute[datetime | None]) -> ColumnElement[str]:
    """The moment as text, made by the database: a hundred thousand datetimes would take longer than all the rest."""
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(column, 1, 19, type_=String)
    # In half the time of to_char; in ISO form, as the driver's own connections have it.
    return func.substr(sql_cast(func.timezone("UTC", column), String), 1, 19, type_=String)


def _read(session: Session, query: Select[Any]) -> Sequence[ListedCertificate]:
    """The driver's own tuples, all of text, with the fields of :class:`ListedCertificate` in its order.

    A row object for each of a hundred thousand entries takes longer than everything else together.
    """
    result = session.connection().execute(query)
    try:
        return cast(Sequence[ListedCertificate], result.cursor.fetchall())
    finally:
        result.close()
