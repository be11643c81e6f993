"""Who decides what was asked for an application: never who asked, by whatever account or service of his."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from admin.service_roles import require_another_hand
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from kernel.errors import Denied


def require_another_decider(
    session: Session,
    *,
    journal: Journal,
    kind: EventType,
    own: Denied,
    asked_by: str,
    client_id: str,
    about: str,
    actor: str,
    now: datetime,
) -> None:
    """Refuse, on record, whoever decides what he asked for.

    :param kind: the event of a refusal. :param own: what he is told who asked himself. :param about: what is decided.
    :raises Denied: ``own``, or as :func:`require_another_hand`.
    """
    if asked_by == actor:
        event = Event(
            type=kind,
            outcome=Outcome.REFUSED,
            reason=own.code,
            actor=actor,
            client_id=client_id,
            object_id=about,
        )
        journal.refuse(session, event, own, now=now)
    require_another_hand(session, journal=journal, kind=kind, actor=actor, proposers=(asked_by,), about=about, now=now)
