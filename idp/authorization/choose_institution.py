"""The person's choice of an institution, kept for the session."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.authentication.browser_session import keep_institution
from idp.authentication.interaction import keep_in_interaction
from idp.authorization.answer import PersonIsNeeded
from idp.authorization.authorize import RESUME_PATH, find_active_session
from idp.authorization.institution_choice import CHOSEN_INSTITUTION
from idp.authorization.stage import load_asked_interaction
from idp.rights.belonging import institutions_of
from idp.services import IdpServices


def choose_institution(
    session: Session,
    *,
    services: IdpServices,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    person_id: str,
    institution_id: str,
    now: datetime,
) -> PersonIsNeeded:
    """Take the person's choice of an institution, for this request and the rest of the session.

    :param person_id: whom the page showed: if another person logged in meanwhile, the page comes again.
    :raises ServiceError: as :func:`idp.authentication.interaction.load_interaction` raises.
    """
    interaction = load_asked_interaction(
        session, services, interaction_id=interaction_id, browser_secret=browser_secret, now=now
    ).interaction
    current = find_active_session(session, session_secret, now=now)
    back = PersonIsNeeded(f"{RESUME_PATH}/{interaction_id}")
    if current is None or current.person_id != person_id:
        return back
    if institution_id not in {each.id for each in institutions_of(session, person_id, now=now)}:
        return back
    event = Event(
        type=EventType.INTERACTION_INSTITUTION_CHOSEN,
        subject=person_id,
        client_id=interaction.client_id,
        session_id=current.sid,
        object_id=interaction_id,
        details={"institution": institution_id},
    )
    services.journal.record(session, event, now=now)
    keep_institution(session, sid=current.sid, institution_id=institution_id)
    keep_in_interaction(session, interaction=interaction, parameters={CHOSEN_INSTITUTION: institution_id})
    return back
