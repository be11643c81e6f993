"""Deciding a mass revocation: proposed by one person, by another one approved where the settings want two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event, Scalar
from audit.vocabulary import EventType, Outcome
from ca.revocation.mass.preview import preview_mass_revocation
from ca.revocation.mass.selection import Selection
from ca.revocation.model import MassRevocation
from ca.services import CaServices
from kernel.errors import Conflict, Denied, NotFound, Rejected
from kernel.identifiers import new_id
from kernel.outbox import enqueue

MASS_REVOCATION = "ca.mass_revocation"  # outbox: go on with it
_HEAD_START = timedelta(minutes=1)  # of a command that does it itself and shows how far it is


class MassState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True)
class MassView:
    """A mass revocation as it stands.

    :ivar total: what the preview said. :ivar revoked: so far. :ivar passed_over: refused one by one, each on record.
    """

    id: str
    selection: Selection
    reason: str
    compromised_at: datetime | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    state: MassState
    total: int
    revoked: int
    passed_over: int
    finished_at: datetime | None


def propose_mass_revocation(
    session: Session,
    *,
    services: CaServices,
    selection: Selection,
    reason: str,
    compromised_at: datetime | None = None,
    actor: str,
    now: datetime,
) -> MassView:
    """Put the mass revocation on record; it begins at once where one person may decide it.

    :raises Rejected: ``nothing_to_revoke``, and as :func:`ca.revocation.mass.preview.preview_mass_revocation`.
    """
    preview = preview_mass_revocation(
        session, services=services, selection=selection, reason=reason, compromised_at=compromised_at, now=now
    )
    if preview.total == 0:
        raise Rejected("No live certificate fits.", code="nothing_to_revoke")
    alone = services.settings.mass_revocation_people == 1
    row = MassRevocation(
        id=new_id(),
        institution_ruc=selection.institution_ruc,
        authority=selection.authority,
        profile=selection.profile,
        serials=list(selection.serials),
        reason=preview.reason.value,
        compromised_at=compromised_at,
        proposed_by=actor,
        proposed_at=now,
        decided_by=actor if alone else None,
        decided_at=now if alone else None,
        state=MassState.RUNNING.value if alone else MassState.WAITING.value,
        total=preview.total,
        cursor="",
        revoked=0,
        passed_over=0,
    )
    session.add(row)
    session.flush()
    _record(session, services, EventType.MASS_REVOCATION_PROPOSED, row, actor=actor, now=now)
    if alone:
        enqueue(session, MASS_REVOCATION, {"id": row.id}, now=now, due_at=now + _HEAD_START)
    return view_of(row)


def approve_mass_revocation(
    session: Session, *, services: CaServices, mass_id: str, actor: str, now: datetime
) -> MassView:
    """Let it begin.

    :raises NotFound: ``unknown_mass_revocation``. :raises Conflict: ``mass_revocation_decided``.
    :raises Denied: (``same_person``) for whoever proposed it.
    """
    row = load_mass_revocation(session, mass_id)
    if row.proposed_by == actor:
        error = Denied("Another person approves what one has proposed.", code="same_person")
        event = Event(
            type=EventType.MASS_REVOCATION_APPROVED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=actor,
            object_id=row.id,
        )
        services.journal.refuse(session, event, error, now=now)
    _decide(session, row, MassState.RUNNING, actor=actor, now=now)
    _record(session, services, EventType.MASS_REVOCATION_APPROVED, row, actor=actor, now=now)
    enqueue(session, MASS_REVOCATION, {"id": row.id}, now=now)
    return view_of(row)


def refuse_mass_revocation(
    session: Session, *, services: CaServices, mass_id: str, actor: str, now: datetime
) -> MassView:
    """Drop it before it begins; whoever proposed it may as well.

    :raises NotFound: ``unknown_mass_revocation``. :raises Conflict: ``mass_revocation_decided``.
    """
    row = load_mass_revocation(session, mass_id)
    _decide(session, row, MassState.REFUSED, actor=actor, now=now)
    _record(session, services, EventType.MASS_REVOCATION_REFUSED, row, actor=actor, now=now)
    return view_of(row)


def load_mass_revocation(session: Session, mass_id: str, *, lock: bool = False) -> MassRevocation:
    """Return the row, as it is now. :raises NotFound: ``unknown_mass_revocation``."""
    query = select(MassRevocation).where(MassRevocation.id == mass_id).execution_options(populate_existing=True)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("There is no such mass revocation.", code="unknown_mass_revocation")
    return row


def list_mass_revocations(session: Session, *, limit: int = 50) -> list[MassView]:
    """Return the newest first."""
    rows = session.scalars(select(MassRevocation).order_by(MassRevocation.id.desc()).limit(limit))
    return [view_of(row) for row in rows]


def view_of(row: MassRevocation) -> MassView:
    """Return the row as a value."""
    return MassView(
        id=row.id,
        selection=selection_of(row),
        reason=row.reason,
        compromised_at=row.compromised_at,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        state=MassState(row.state),
        total=row.total,
        revoked=row.revoked,
        passed_over=row.passed_over,
        finished_at=row.finished_at,
    )


def selection_of(row: MassRevocation) -> Selection:
    """Return what it strikes."""
    return Selection(
        institution_ruc=row.institution_ruc, authority=row.authority, profile=row.profile, serials=tuple(row.serials)
    )


def _decide(session: Session, row: MassRevocation, state: MassState, *, actor: str, now: datetime) -> None:
    won = session.execute(
        update(MassRevocation)
        .where(MassRevocation.id == row.id, MassRevocation.state == MassState.WAITING.value)
        .values(state=state.value, decided_by=actor, decided_at=now)
        .returning(MassRevocation.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if won is None:
        raise Conflict("It is decided already.", code="mass_revocation_decided")
    session.refresh(row)


def _record(
    session: Session, services: CaServices, kind: EventType, row: MassRevocation, *, actor: str, now: datetime
) -> None:
    details: dict[str, Scalar | list[str]] = {
        "institution_ruc": row.institution_ruc,
        "authority": row.authority,
        "profile": row.profile,
        "serials": row.serials[:100],
        "serials_named": len(row.serials),
        "revocation_reason": row.reason,
        "compromised_at": row.compromised_at.isoformat() if row.compromised_at else None,
        "total": row.total,
        "revoked": row.revoked,
        "passed_over": row.passed_over,
    }
    services.journal.record(session, Event(type=kind, actor=actor, object_id=row.id, details=details), now=now)


def record_end(session: Session, services: CaServices, row: MassRevocation, *, now: datetime) -> None:
    """Put on record that it is done."""
    _record(session, services, EventType.MASS_REVOCATION_DONE, row, actor=row.decided_by or "worker", now=now)
