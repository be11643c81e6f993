"""The two portals of the demo."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import find_client
from idp.clients.client_secret import add_secret
from idp.clients.register import RegisteredClient, move_client, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.services import IdpServices
from kernel.errors import NotFound

VENTANILLA_CLIENT_ID = "ventanilla-unica"
TAX_CLIENT_ID = "portal-tributario"


def create_demo_clients(
    session: Session,
    services: IdpServices,
    *,
    ventanilla_origin: str = "http://localhost:8001",
    tax_origin: str = "http://localhost:8002",
    ventanilla_institution_id: str | None = None,
    tax_institution_id: str | None = None,
    now: datetime,
) -> list[RegisteredClient]:
    """Register the portals that are not there yet and return those, with their secrets; move those that are there.

    Each portal takes its code at ``ORIGIN/callback``, comes back after logout at ``ORIGIN/`` and hears of a logout
    elsewhere at ``ORIGIN/salida-remota``.
    """
    wanted = (
        (
            VENTANILLA_CLIENT_ID,
            ventanilla_institution_id,
            _portal("Ventanilla Única", ventanilla_origin, "openid cedula profile email offline_access", "ES256"),
        ),
        (
            TAX_CLIENT_ID,
            tax_institution_id,
            _portal("Portal Tributario", tax_origin, "openid cedula profile email offline_access", "RS256"),
        ),
    )
    registered = []
    for client_id, institution_id, registration in wanted:
        try:
            move_client(session, journal=services.journal, client_id=client_id, registration=registration, now=now)
        except NotFound:
            registered.append(
                register_client(
                    session,
                    journal=services.journal,
                    registration=registration,
                    institution_id=institution_id,
                    client_id=client_id,
                    now=now,
                )
            )
    return registered


def renew_demo_secret(session: Session, *, client_id: str, now: datetime) -> RegisteredClient:
    """Return a portal with a further secret, for when the file that held the first one is lost.

    :raises NotFound: ``unknown_client``.
    """
    return RegisteredClient(find_client(session, client_id), add_secret(session, client_id=client_id, now=now))


def _portal(name: str, origin: str, scope: str, id_token_alg: str) -> ClientRegistration:
    return ClientRegistration.parse(
        {
            "client_name": name,
            "redirect_uris": [f"{origin}/callback"],
            "post_logout_redirect_uris": [f"{origin}/"],
            "backchannel_logout_uri": f"{origin}/salida-remota",
            "backchannel_logout_session_required": True,
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": scope,
            "optional_scope": "email offline_access",
            "id_token_signed_response_alg": id_token_alg,
        }
    )
