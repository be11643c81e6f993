"""What applications were allowed to know about a person, and what they hold, for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.my_data import Entry, Section
from idp.clients.model import ClientRow
from idp.consent.model import ConsentRow
from idp.decoupled.model import DecoupledRequestRow
from idp.services import IdpServices
from idp.tokens.model import TokenFamilyRow


def read_consents(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return every permission that was given, withdrawn ones too."""
    rows = session.execute(
        select(ConsentRow, ClientRow.name)
        .outerjoin(ClientRow, ClientRow.client_id == ConsentRow.client_id)
        .where(ConsentRow.person_id == person_id)
        .order_by(ConsentRow.granted_at.desc())
    )
    return [
        {
            "application": name or row.client_id,
            "client_id": row.client_id,
            "allowed": row.scopes,
            "asked": row.offered,
            "granted_at": row.granted_at,
            "withdrawn_at": row.withdrawn_at,
        }
        for row, name in rows
    ]


def read_authorizations(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what applications hold, or held, to ask about the person: never a token."""
    rows = session.execute(
        select(TokenFamilyRow, ClientRow.name)
        .outerjoin(ClientRow, ClientRow.client_id == TokenFamilyRow.client_id)
        .where(TokenFamilyRow.person_id == person_id)
        .order_by(TokenFamilyRow.created_at.desc(), TokenFamilyRow.id.desc())
    )
    return [
        {
            "application": name or row.client_id,
            "client_id": row.client_id,
            "allowed": row.scopes,
            "goes_on_without_session": row.offline,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "revoked_at": row.revoked_at,
        }
        for row, name in rows
    ]


def read_requests(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    """Return what applications or other devices asked the person to allow."""
    rows = session.scalars(
        select(DecoupledRequestRow)
        .where(DecoupledRequestRow.person_id == person_id)
        .order_by(DecoupledRequestRow.created_at.desc(), DecoupledRequestRow.id.desc())
    )
    return [
        {
            "client_id": row.client_id,
            "asked": row.scopes,
            "message": row.binding_message,
            "created_at": row.created_at,
            "decision": row.decision,
            "decided_at": row.decided_at,
        }
        for row in rows
    ]


CONSENTS = Section(name="consents", read=read_consents, tables=("idp_consent",))
AUTHORIZATIONS = Section(name="authorizations", read=read_authorizations, tables=("idp_token_family",))
REQUESTS = Section(name="requests", read=read_requests, tables=("idp_decoupled_request",))
