"""The frames of the sign-out page: each application's own page, in the browser that logs out."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.leaving.participants import participants
from idp.protocol.frontchannel_logout import frame_address
from idp.services import IdpServices
from idp.tokens.session_name import sid_for

# A page with more would not load them in the seconds that it is shown.
MOST_FRAMES = 30


def logout_frames(session: Session, services: IdpServices, *, sid: str) -> tuple[str, ...]:
    """Return the addresses that tell the session's applications of its end in this browser (§3)."""
    told = [
        frame_address(
            client.metadata.frontchannel_logout_uri,
            session_required=client.metadata.frontchannel_logout_session_required,
            issuer=services.settings.issuer,
            sid=sid_for(services, client.client_id, sid),
        )
        for client in participants(session, sid=sid)
        if client.metadata.frontchannel_logout_uri is not None
    ]
    return tuple(told[:MOST_FRAMES])
