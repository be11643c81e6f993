"""A hand-over that comes to nothing: the key is destroyed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.handover.model import KeyHandover
from ca.handover.view import HandoverStatus, HandoverView, view_handover
from ca.services import CaServices
from kernel.errors import Conflict, NotFound

_OVER = (HandoverStatus.COLLECTED.value, HandoverStatus.ENDED.value)


def end_handover(
    session: Session, row: KeyHandover, *, services: CaServices, reason: str, actor: str, now: datetime
) -> None:
    """Destroy key and file, with the event. The certificate, if there is one, stays: whoever decides revokes it."""
    row.status, row.ended_at, row.end_reason = HandoverStatus.ENDED.value, now, reason
    row.sealed_key = row.sealed_file = row.code_sha256 = row.download_sha256 = row.email = None
    event = Event(
        type=EventType.HANDOVER_ENDED,
        subject=row.holder_id,
        actor=actor,
        object_id=row.id,
        details={"end_reason": reason, "serial": row.serial},
    )
    services.journal.record(session, event, now=now)


def cancel_handover(
    session: Session, *, services: CaServices, handover_id: str, actor: str, now: datetime
) -> HandoverView:
    """Destroy a key that is not wanted any more.

    :raises NotFound: ``unknown_handover``. :raises Conflict: (``handover_over``) if it is not here any more.
    """
    row = session.get(KeyHandover, handover_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such hand-over.", code="unknown_handover")
    if row.status in _OVER:
        raise Conflict(f"The hand-over is over: {row.status}.", code="handover_over")
    end_handover(session, row, services=services, reason="cancelled", actor=actor, now=now)
    session.flush()
    return view_handover(session, row)
