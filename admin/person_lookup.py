"""Finding a person by cédula or passport: it needs a reason, and is itself on record."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.accounts.document import is_passport, parse_document
from idp.accounts.person import Person, find_person_by_document
from kernel.errors import NotFound, Rejected

REASON_LENGTH = range(10, 301)


def require_reason(reason: str) -> str:
    """Return the reason, trimmed.

    :raises Rejected: ``reason_missing``, ``reason_short`` or ``reason_long``.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise Rejected("Write why.", code="reason_missing")
    if len(reason) not in REASON_LENGTH:
        code = "reason_short" if len(reason) < REASON_LENGTH.start else "reason_long"
        raise Rejected(f"{REASON_LENGTH.start} to {REASON_LENGTH.stop - 1} characters.", code=code)
    return reason


def look_up_person(
    session: Session, *, journal: Journal, cedula: str, reason: str, actor: str, purpose: str, now: datetime
) -> Person:
    """Return the person with the document, and put on record who asked and why, whether there is one or not.

    :param cedula: cédula or passport as typed.
    :param reason: as typed; kept with the event as personal data, for it often names somebody.
    :param purpose: public word for what it is for: ``roles`` or ``audit``.
    :raises Rejected: the document or the reason is no such thing (nothing was looked up).
    :raises NotFound: (``unknown_person``) on record too.
    """
    compact, why = parse_document(cedula), require_reason(reason)
    person = find_person_by_document(session, compact)
    if person is None:
        journal.refuse(
            session,
            Event(
                type=EventType.PERSON_LOOKED_UP,
                outcome=Outcome.FAILURE,
                reason="unknown_person",
                actor=actor,
                details={"purpose": purpose},
                private={"passport" if is_passport(compact) else "cedula": compact, "why": why},
            ),
            NotFound("Nobody with this document has an account.", code="unknown_person"),
            now=now,
        )
    journal.record(
        session,
        Event(
            type=EventType.PERSON_LOOKED_UP,
            subject=person.id,
            actor=actor,
            details={"purpose": purpose},
            private={"why": why},
        ),
        now=now,
    )
    return person
