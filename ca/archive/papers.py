"""Ceremonies as they were written down: the list, one of them, its papers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, load_only

from ca.archive.model import CeremonyPaper
from ca.issuance.model import CeremonyRecord
from kernel.errors import NotFound


@dataclass(frozen=True)
class Witness:
    """Somebody who was present. :ivar role: what for."""

    name: str
    role: str


@dataclass(frozen=True)
class MadeCertificate:
    """A certificate that the ceremony made; a rehearsal's exist no more."""

    name: str
    kind: str
    sha256: str


@dataclass(frozen=True)
class ArchivedCeremony:
    """A ceremony that was held or rehearsed.

    :ivar has_papers: whether its minutes are kept here; of older ones they are on paper alone.
    :ivar rehearsed_at: when exactly its file was rehearsed before; None: it was not, or it is not known.
    """

    id: str
    title: str
    rehearsal: bool
    held_at: datetime
    file_sha256: str
    minutes_sha256: str
    has_papers: bool
    place: str = ""
    began_at: datetime | None = None
    rehearsed_at: datetime | None = None
    witnesses: tuple[Witness, ...] = ()
    certificates: tuple[MadeCertificate, ...] = ()


def list_ceremonies(
    session: Session,
    *,
    rehearsal: bool | None = None,
    newest_first: bool = True,
    limit: int,
    offset: int = 0,
) -> list[ArchivedCeremony]:
    """Return ceremonies and rehearsals, the newest first, without their papers' octets.

    :param rehearsal: rehearsals alone, or none of them; None: both. :param newest_first: False: the oldest first.
    """
    order = CeremonyRecord.held_at, CeremonyRecord.id
    wanted = _select().order_by(*((each.desc() for each in order) if newest_first else order))
    if rehearsal is not None:
        wanted = wanted.where(CeremonyRecord.rehearsal.is_(rehearsal))
    return [_archived(record, paper) for record, paper in session.execute(wanted.limit(limit).offset(offset))]


def count_ceremonies(session: Session, *, rehearsal: bool | None = None) -> int:
    """Return how many :func:`list_ceremonies` lists."""
    wanted = select(func.count()).select_from(CeremonyRecord)
    if rehearsal is not None:
        wanted = wanted.where(CeremonyRecord.rehearsal.is_(rehearsal))
    return session.scalar(wanted) or 0


def find_ceremony(session: Session, ceremony_id: str) -> ArchivedCeremony:
    """Return one. :raises NotFound: ``unknown_ceremony``."""
    found = session.execute(_select().where(CeremonyRecord.id == ceremony_id)).one_or_none()
    if found is None:
        raise NotFound("There is no such ceremony.", code="unknown_ceremony")
    return _archived(*found)


def read_papers(session: Session, ceremony_id: str) -> tuple[bytes, bytes]:
    """Return the ceremony's file and its minutes. :raises NotFound: (``unknown_ceremony``) none are kept."""
    found = session.execute(
        select(CeremonyPaper.file, CeremonyPaper.minutes).where(CeremonyPaper.ceremony_id == ceremony_id)
    ).one_or_none()
    if found is None:
        raise NotFound("Its papers are not kept here.", code="unknown_ceremony")
    return found.file, found.minutes


def _select() -> Select[CeremonyRecord, CeremonyPaper]:
    few = load_only(
        CeremonyPaper.place,
        CeremonyPaper.began_at,
        CeremonyPaper.rehearsed_at,
        CeremonyPaper.witnesses,
        CeremonyPaper.certificates,
    )
    return (
        select(CeremonyRecord, CeremonyPaper)
        .outerjoin(CeremonyPaper, CeremonyPaper.ceremony_id == CeremonyRecord.id)
        .options(few)
    )


def _archived(record: CeremonyRecord, paper: CeremonyPaper | None) -> ArchivedCeremony:
    told = ArchivedCeremony(
        id=record.id,
        title=record.title,
        rehearsal=record.rehearsal,
        held_at=record.held_at,
        file_sha256=record.file_sha256,
        minutes_sha256=record.minutes_sha256,
        has_papers=paper is not None,
    )
    if paper is None:
        return told
    return replace(
        told,
        place=paper.place,
        began_at=paper.began_at,
        rehearsed_at=paper.rehearsed_at,
        witnesses=tuple(Witness(each["name"], each["role"]) for each in paper.witnesses),
        certificates=tuple(MadeCertificate(each["name"], each["kind"], each["sha256"]) for each in paper.certificates),
    )
