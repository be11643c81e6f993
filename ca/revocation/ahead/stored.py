"""Pages of answers signed ahead, as they are stored, and the certificates that belong on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ca.issuance.model import Certificate
from ca.revocation.ahead.due import Known, Place
from ca.revocation.ahead.page import PREFIX_DIGITS, after
from ca.revocation.model import OcspPage
from ca.serial import serial_number
from kernel.prefetch import dialect_of


def known_pages(session: Session) -> dict[Place, Known]:
    """Return what is known of every page, its answers left out."""
    rows = session.execute(
        select(
            OcspPage.authority_id,
            OcspPage.prefix,
            OcspPage.signer,
            OcspPage.read_at,
            OcspPage.oldest,
            OcspPage.answers,
            OcspPage.claimed_until,
        )
    )
    return {(row.authority_id, row.prefix): Known(*row[2:]) for row in rows}


def where_news_is(session: Session, *, since: datetime) -> set[Place]:
    """Return the pages on which certificates belong that were issued since then."""
    prefix = func.substr(Certificate.serial, 1, PREFIX_DIGITS)
    query = select(Certificate.authority_id, prefix).where(Certificate.issued_at > since).distinct()
    return {(authority_id, found) for authority_id, found in session.execute(query)}


def claim(session: Session, places: Sequence[Place], *, now: datetime, until: datetime) -> list[Place]:
    """Take those of the pages that nobody is at; in the order given."""
    insert = sqlite.insert if dialect_of(session) == "sqlite" else postgresql.insert
    empty = {"signer": "", "read_at": now, "oldest": None, "answers": 0, "claimed_until": None, "octets": b""}
    session.execute(
        insert(OcspPage).on_conflict_do_nothing(),
        [{"authority_id": authority_id, "prefix": prefix, **empty} for authority_id, prefix in sorted(places)],
    )
    won = session.execute(
        update(OcspPage)
        .where(_are(places), or_(OcspPage.claimed_until.is_(None), OcspPage.claimed_until <= now))
        .values(claimed_until=until)
        .returning(OcspPage.authority_id, OcspPage.prefix)
        .execution_options(synchronize_session=False)
    )
    taken = {(authority_id, prefix) for authority_id, prefix in won}
    return [place for place in places if place in taken]


def give_back(session: Session, places: Sequence[Place], *, claimed_until: datetime) -> None:
    """Let others have the pages for which the time did not reach."""
    session.execute(
        update(OcspPage)
        .where(_are(places), OcspPage.claimed_until == claimed_until)
        .values(claimed_until=None)
        .execution_options(synchronize_session=False)
    )


def read_page(session: Session, place: Place) -> OcspPage | None:
    """Return the page, None if there is none."""
    return session.get(OcspPage, place, populate_existing=True)


def read_serials(session: Session, place: Place, *, now: datetime) -> list[int]:
    """Return the serial numbers of the page's certificates that are good: signed, not revoked, not expired."""
    is_good = and_(
        Certificate.revoked_at.is_(None), Certificate.certificate_sha256.is_not(None), Certificate.not_after > now
    )
    # Only the range is for the database to search by: every index on the rest leads to more rows than it saves.
    rows = session.execute(
        select(Certificate.serial, Certificate.authority_id, is_good).where(
            Certificate.serial >= place[1], Certificate.serial < after(place[1])
        )
    )
    return [serial_number(serial) for serial, authority_id, good in rows if good and authority_id == place[0]]


def store(session: Session, place: Place, made: Known, *, octets: bytes, claimed_until: datetime) -> bool:
    """Write the page; False if the claim was lost meanwhile."""
    stored = session.execute(
        update(OcspPage)
        .where(_are([place]), OcspPage.claimed_until == claimed_until)
        .values(
            signer=made.signer,
            read_at=made.read_at,
            oldest=made.oldest,
            answers=made.answers,
            claimed_until=None,
            octets=octets,
        )
        .returning(OcspPage.prefix)
        .execution_options(synchronize_session=False)
    )
    return stored.one_or_none() is not None


def _are(places: Collection[Place]) -> ColumnElement[bool]:
    return tuple_(OcspPage.authority_id, OcspPage.prefix).in_(list(places))
