"""Whose hands an application is in: who may act as it, as far as it is on record here.

Where two people have to agree, what an application asked for was asked for by any of them.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.clients.history import PROOFS, REGISTERED, list_changes

_COMMAND = "command"  # whoever has the machine has everything: he is told apart by nobody
_MOST = 10_000


def hands_of(session: Session, client_id: str) -> frozenset[str]:
    """Return who registered it, and whoever gave it a secret or keys: he may have kept them."""
    changes = list_changes(session, client_id, limit=_MOST)
    found = {each.changed_by for each in changes if each.kind == REGISTERED or PROOFS & each.members.keys()}
    rotated = select(AuditEvent.actor).where(
        AuditEvent.client_id == client_id,
        AuditEvent.type == EventType.CLIENT_SECRET_ROTATED.value,
        AuditEvent.outcome == Outcome.SUCCESS.value,
    )
    found |= set(session.scalars(rotated.distinct()))
    return frozenset(each for each in found if each and each.partition(":")[0] != _COMMAND)
