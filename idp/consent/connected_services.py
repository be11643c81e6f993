"""The applications that a person lets know something, as the account page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit.journal import Journal
from idp.clients.api import Permission, find_permissions
from idp.clients.client import find_client
from idp.clients.initiated_login import initiation_link
from idp.consent.consent import list_consents, mark_withdrawn
from idp.directory.institutions import find_institution
from idp.tokens.family import revoke_client_families
from kernel.errors import NotFound


@dataclass(frozen=True)
class ConnectedService:
    """An application with a consent that stands.

    :ivar institution: name of the institution that answers for it; empty if none does.
    :ivar scopes: what it may know, in reading order, and where it may act.
    :ivar permissions: words for those that are about APIs.
    :ivar entrance: where a login at the application begins (OpenID Connect Core §4), if it registered that.
    """

    client_id: str
    name: str
    institution: str
    scopes: tuple[str, ...]
    granted_at: datetime
    permissions: Mapping[str, Permission]
    entrance: str | None = None


def list_connected_services(session: Session, person_id: str, *, issuer: str) -> list[ConnectedService]:
    """Return the applications that the person lets know something, newest first."""
    services = []
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
            )
        )
    return services


def withdraw_consent(session: Session, *, journal: Journal, person_id: str, client_id: str, now: datetime) -> None:
    """Take back what the person allowed the application, and revoke all its tokens about the person.

    :raises NotFound: (``no_consent``) if there is nothing to take back.
    """
    if not mark_withdrawn(session, journal=journal, person_id=person_id, client_id=client_id, now=now):
        raise NotFound("This service has no permission of yours.", code="no_consent")
    revoke_client_families(
        session, journal=journal, person_id=person_id, client_id=client_id, reason="consent_withdrawn", now=now
    )
