"""A person's accounts at other providers: listed, let go; and the end of a session there, which is its end here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.my_data import Entry, Section
from idp.authentication.browser_session import end_browser_session
from idp.authentication.interaction import forget_password_verified
from idp.broker.id_token import LONGEST_USE, verify_upstream_logout_token
from idp.broker.keys import verify_by_published_keys
from idp.broker.model import UpstreamLinkRow, UpstreamProviderRow, UpstreamRequestRow, UpstreamSessionRow
from idp.broker.provider import Provider
from idp.broker.register import provider_value
from idp.clients.assertion_proof import use_jti_once
from idp.protocol.jose import JwtError
from idp.rights.groups.follow import take_all
from idp.services import IdpServices
from kernel.errors import NotFound, Rejected


@dataclass(frozen=True)
class LinkedAccount:
    """An account at a provider that a person is linked with."""

    provider: str
    title: str
    linked_at: datetime
    last_login_at: datetime


def list_linked(session: Session, person_id: str) -> list[LinkedAccount]:
    """Return the person's accounts at providers, by title."""
    rows = session.execute(
        select(UpstreamProviderRow.name, UpstreamProviderRow.title, UpstreamLinkRow)
        .join(UpstreamProviderRow, UpstreamProviderRow.id == UpstreamLinkRow.provider_id)
        .where(UpstreamLinkRow.person_id == person_id)
        .order_by(UpstreamProviderRow.title)
    ).all()
    return [LinkedAccount(name, title, link.linked_at, link.last_login_at) for name, title, link in rows]


def unlink(session: Session, *, services: IdpServices, person_id: str, name: str, now: datetime) -> None:
    """Let an account at a provider go, and what its groups gave. :raises NotFound: ``unknown_link``."""
    row = session.execute(select(UpstreamProviderRow.id).where(UpstreamProviderRow.name == name)).one_or_none()
    gone = session.execute(
        delete(UpstreamLinkRow)
        .where(UpstreamLinkRow.person_id == person_id, UpstreamLinkRow.provider_id == (row.id if row else ""))
        .returning(UpstreamLinkRow.provider_id)
    ).scalar_one_or_none()
    if gone is None:
        raise NotFound("There is no such link.", code="unknown_link")
    event = Event(type=EventType.UPSTREAM_UNLINKED, subject=person_id, object_id=gone, details={"provider": name})
    services.journal.record(session, event, now=now)
    provider = session.get_one(UpstreamProviderRow, gone)
    take_all(session, services=services, source=provider_value(services, provider).source, person_id=person_id, now=now)


def end_by_logout_token(services: IdpServices, *, provider: Provider, token: str, now: datetime) -> int:
    """End the sessions that rest on the one that ended there; return how many.

    :raises Rejected: (``bad_logout_token``) for a token that proves nothing; it is on record.
    """
    claims: Mapping[str, Any] | None = None
    reason = "no_keys"
    try:
        claims = verify_by_published_keys(
            services,
            provider,
            lambda keys: verify_upstream_logout_token(token, keys=keys, provider=provider, now=now),
        )
    except JwtError as error:
        reason = error.reason
    with services.database.transaction() as session:
        if claims is not None and not use_jti_once(
            session, client_id=provider.id, jti=claims["jti"], expires_at=now + LONGEST_USE
        ):
            claims, reason = None, "jti_used"
        if claims is None:
            event = Event(
                type=EventType.UPSTREAM_LOGGED_OUT,
                outcome=Outcome.REFUSED,
                reason=reason,
                actor="anonymous",
                object_id=provider.id,
                details={"provider": provider.name},
            )
            refusal = Rejected("The logout token is not valid.", code="bad_logout_token")
            services.journal.refuse(session, event, refusal, now=now)
        statement = select(UpstreamSessionRow).where(UpstreamSessionRow.provider_id == provider.id)
        if isinstance(claims.get("sid"), str):
            statement = statement.where(UpstreamSessionRow.upstream_sid == claims["sid"])
        if isinstance(claims.get("sub"), str):
            whose = select(UpstreamLinkRow.person_id).where(
                UpstreamLinkRow.provider_id == provider.id, UpstreamLinkRow.upstream_subject == claims["sub"]
            )
            statement = statement.where(UpstreamSessionRow.person_id.in_(whose))
        ended = 0
        for row in session.scalars(statement).all():
            ended += end_browser_session(session, journal=services.journal, sid=row.sid, reason="logout", now=now)
            forget_password_verified(session, interaction_id=row.sid)  # a login that waits for its second step
            session.delete(row)
        done = Event(
            type=EventType.UPSTREAM_LOGGED_OUT,
            actor=provider.name,
            object_id=provider.id,
            details={"provider": provider.name, "sessions": ended},
        )
        services.journal.record(session, done, now=now)
        return ended


def forget_upstream(session: Session, *, person_id: str) -> None:
    """Destroy what is kept about a person who is erased."""
    for table in (UpstreamLinkRow, UpstreamSessionRow, UpstreamRequestRow):
        session.execute(delete(table).where(table.person_id == person_id))


def _read(session: Session, *, services: IdpServices, person_id: str, now: datetime) -> Sequence[Entry]:
    return [
        {"name": each.title, "created_at": each.linked_at, "last_used_at": each.last_login_at}
        for each in list_linked(session, person_id)
    ]


LINKED = Section(name="linked_accounts", read=_read, tables=("idp_upstream_link",))
