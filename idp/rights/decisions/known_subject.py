"""Which person an application means by a ``sub``: only people who use it, and by its own names for them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.consent.consent import find_consent
from idp.consent.model import ConsentRow
from idp.rights.model import AssignmentRow
from idp.services import IdpServices
from idp.tokens.subject import subject_for

_MOST_KNOWN = 50_000
# What was found once stays so: the name follows from person and application by a key that does not change. By the
# application's version, because another sector gives other names.
_known: dict[tuple[str, int, str], str] = {}


def find_subject(session: Session, services: IdpServices, client: Client, subject: str) -> str | None:
    """Return the id of the person whom ``client`` knows by this ``sub``; None also for who never used it."""
    person_id = subject if client.metadata.subject_type != "pairwise" else _pairwise(session, services, client, subject)
    if person_id is None or find_consent(session, person_id=person_id, client_id=client.client_id) is None:
        return None
    return person_id


def _pairwise(session: Session, services: IdpServices, client: Client, subject: str) -> str | None:
    key = (client.client_id, client.version, subject)
    if key in _known:
        return _known[key]
    # Only who was ever given a right there: for all others the answer is the same.
    people = session.scalars(
        select(AssignmentRow.person_id)
        .join(
            ConsentRow,
            (ConsentRow.person_id == AssignmentRow.person_id) & (ConsentRow.client_id == AssignmentRow.client_id),
        )
        .where(AssignmentRow.client_id == client.client_id, ConsentRow.withdrawn_at.is_(None))
        .distinct()
    )
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    for person_id in people:
        _known[client.client_id, client.version, subject_for(services, client, person_id)] = person_id
    return _known.get(key)
