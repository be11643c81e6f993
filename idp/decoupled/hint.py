"""Whom a backchannel request is about (CIBA Core §7.1).

Nobody is told whether the person exists: a hint that fits nobody gives a request that nobody is shown, and that expires
as if the person had not answered. ``unknown_user_id`` is therefore never sent; §13 offers it, and does not demand it.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.model import AuditEvent
from idp.accounts.document import parse_document
from idp.accounts.identity import parse_email
from idp.accounts.model import PersonRow
from idp.accounts.person import Person, as_person, find_person, find_person_by_document
from idp.clients.client import Client
from idp.clients.environment import misplaced
from idp.protocol.backchannel_request import ID_TOKEN_HINT, BackchannelRequest
from idp.protocol.errors import TokenError
from idp.protocol.jose import JwtError
from idp.services import IdpServices
from idp.tokens.id_token import read_id_token_hint
from idp.tokens.subject import subject_for
from kernel.errors import NotFound, Rejected


def hinted_person(
    session: Session, services: IdpServices, *, client: Client, request: BackchannelRequest
) -> Person | None:
    """Return the active person that the hint names, or nothing.

    :raises TokenError: (``invalid_request``) if an ``id_token_hint`` is not an ID token of ours for this client.
    """
    if request.hint_kind == ID_TOKEN_HINT:
        found = _by_id_token(session, services, client, request.hint)
    elif "@" in request.hint:
        found = _by_email(session, request.hint)
    else:
        found = _by_document(session, request.hint)
    if found is None or not found.is_active:
        return None
    # Whoever may not enter this application is not asked either: a sandbox disturbs no citizen.
    return found if misplaced(client.environment, is_test=found.is_test) is None else None


def _by_document(session: Session, text: str) -> Person | None:
    try:
        return find_person_by_document(session, parse_document(text))
    except Rejected:
        return None


def _by_email(session: Session, text: str) -> Person | None:
    try:
        email = parse_email(text)
    except Rejected:
        return None
    confirmed = select(PersonRow).where(PersonRow.email == email, PersonRow.email_verified_at.is_not(None))
    rows = session.scalars(confirmed.limit(2)).all()
    # Families share a mailbox: such a hint names nobody, rather than the wrong one.
    return as_person(rows[0]) if len(rows) == 1 else None


def _by_id_token(session: Session, services: IdpServices, client: Client, token: str) -> Person | None:
    try:
        hint = read_id_token_hint(session, services, token=token)
    except JwtError as error:
        raise TokenError("invalid_request", "The id_token_hint is not an ID token of this service.") from error
    if hint.client_id != client.client_id:
        raise TokenError("invalid_request", "The id_token_hint was issued to another client.")
    # A pairwise subject does not say who it is; the event of that login does.
    told = session.get(AuditEvent, hint.event_id) if hint.event_id else None
    for person_id in (hint.subject, told.subject if told else None):
        if person_id and subject_for(services, client, person_id) == hint.subject:
            return _by_id(session, person_id)
    return None


def _by_id(session: Session, person_id: str) -> Person | None:
    try:
        return find_person(session, person_id)
    except NotFound:
        return None
