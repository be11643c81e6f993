"""The applications that a person lets know something, as the account page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.journal import Journal
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.clients.api import Permission, find_permissions
from idp.clients.client import find_client
from idp.clients.initiated_login import initiation_link
from idp.consent.consent import list_consents, mark_withdrawn
from idp.directory.institutions import find_institution
from idp.leaving.announcement import announce_disconnection
from idp.tokens.family import revoke_client_families
from kernel.errors import NotFound

# What hands something about the person to an application.
_GIVES = (EventType.TOKEN_ISSUED, EventType.TOKEN_REFRESHED, EventType.USERINFO_RELEASED)


@dataclass(frozen=True)
class ConnectedService:
    """An application with a consent that stands.

    :ivar institution: name of the institution that answers for it; empty if none does.
    :ivar scopes: what it may know, in reading order, and where it may act.
    :ivar permissions: words for those that are about APIs.
    :ivar entrance: where a login at the application begins (OpenID Connect Core §4), if it registered that.
    :ivar last_at: when it was last given something about the person; None: not yet, or nobody noted.
    """

    client_id: str
    name: str
    institution: str
    scopes: tuple[str, ...]
    granted_at: datetime
    permissions: Mapping[str, Permission]
    entrance: str | None = None
    last_at: datetime | None = None


def list_connected_services(session: Session, person_id: str, *, issuer: str) -> list[ConnectedService]:
    """Return the applications that the person lets know something, newest first."""
    services = []
    last = _last_given(session, person_id)
    for consent in list_consents(session, person_id=person_id):
        client = find_client(session, consent.client_id)
        institution = find_institution(session, client.institution_id).name if client.institution_id else ""
        services.append(
            ConnectedService(
                client_id=client.client_id,
                name=client.name,
                institution=institution,
                scopes=consent.scopes,
                granted_at=consent.granted_at,
                permissions=find_permissions(session, client.metadata.resources),
                entrance=initiation_link(client, issuer=issuer),
                last_at=last.get(client.client_id),
            )
        )
    return services


def find_connected_service(session: Session, *, person_id: str, client_id: str, issuer: str) -> ConnectedService:
    """Return one of the person's connected services. :raises NotFound: (``no_consent``)."""
    for service in list_connected_services(session, person_id, issuer=issuer):
        if service.client_id == client_id:
            return service
    raise NotFound("This service has no permission of yours.", code="no_consent")


def withdraw_consent(session: Session, *, journal: Journal, person_id: str, client_id: str, now: datetime) -> None:
    """Take back what the person allowed the application, revoke all its tokens about the person, and tell it so.

    It is told as at a logout: what it keeps open by the person's sessions here is to end.

    :raises NotFound: (``no_consent``) if there is nothing to take back.
    """
    if not mark_withdrawn(session, journal=journal, person_id=person_id, client_id=client_id, now=now):
        raise NotFound("This service has no permission of yours.", code="no_consent")
    announce_disconnection(session, person_id=person_id, client=find_client(session, client_id), now=now)
    revoke_client_families(
        session, journal=journal, person_id=person_id, client_id=client_id, reason="consent_withdrawn", now=now
    )


def _last_given(session: Session, person_id: str) -> dict[str, datetime]:
    rows = session.execute(
        select(AuditEvent.client_id, func.max(AuditEvent.occurred_at))
        .where(
            AuditEvent.subject == person_id,
            AuditEvent.type.in_([kind.value for kind in _GIVES]),
            AuditEvent.outcome == Outcome.SUCCESS.value,
        )
        .group_by(AuditEvent.client_id)
    )
    return {client_id: last for client_id, last in rows if client_id is not None}
