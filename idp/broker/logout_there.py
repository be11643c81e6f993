"""Our logout goes on to the provider that the session came from (OpenID Connect RP-Initiated Logout 1.0).

Where the browser goes on afterwards is written down before it leaves; what comes back names it by a ``state`` that is
used once, so that nobody is sent anywhere by an address that he was given.
"""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.broker.model import UpstreamProviderRow, UpstreamRequestRow, UpstreamSessionRow
from idp.broker.provider import Provider
from idp.broker.register import provider_value
from idp.broker.request import LIFETIME
from idp.broker.upstream_session import hint_sealer
from idp.services import IdpServices
from kernel.identifiers import new_id, new_secret, sha256_hex
from keys.sealing import Sealer


def origin_to_leave_by(session: Session, *, services: IdpServices, sid: str) -> str | None:
    """Return the origin that a logout of the session goes on to, None if it ends here."""
    found = _resting(session, services, sid)
    if found is None:
        return None
    parts = urlsplit(found[1].discovered.endpoints.end_session)
    return f"{parts.scheme}://{parts.netloc}"


def begin_logout_there(
    session: Session, *, services: IdpServices, sid: str, then: str | None, now: datetime
) -> str | None:
    """Return the address at the provider to send the browser to, None if the session did not come from one.

    Only where the operator wants it and the provider has such an address.

    :param then: where the browser is to go on afterwards; None: our own page.
    """
    found = _resting(session, services, sid)
    if found is None:
        return None
    row, provider = found
    state, request_id = new_secret(), new_id()
    session.add(
        UpstreamRequestRow(
            id=request_id,
            provider_id=provider.id,
            interaction_id=None,
            person_id=None,
            browser_sha256="",
            state_sha256=sha256_hex(state),
            sealed_values=_sealer(services).seal(json.dumps({"then": then}).encode(), bound_to=request_id),
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    parameters = {
        "client_id": provider.client_id,
        "post_logout_redirect_uri": return_address(services, provider),
        "state": state,
    }
    if row.sealed_id_token is not None:
        parameters["id_token_hint"] = hint_sealer(services).open(row.sealed_id_token, bound_to=row.person_id).decode()
    event = Event(
        type=EventType.UPSTREAM_LOGOUT_ASKED,
        subject=row.person_id,
        object_id=provider.id,
        session_id=sid,
        details={"provider": provider.name},
    )
    services.journal.record(session, event, now=now)
    session.delete(row)
    address = provider.discovered.endpoints.end_session
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters, quote_via=quote)}"


def finish_logout_there(
    session: Session, *, services: IdpServices, provider: Provider, state: str, now: datetime
) -> str | None:
    """Use up the ``state`` that came back; return where the browser goes on, None for our own page."""
    row = session.scalars(
        update(UpstreamRequestRow)
        .where(
            UpstreamRequestRow.state_sha256 == sha256_hex(state),
            UpstreamRequestRow.provider_id == provider.id,
            UpstreamRequestRow.used_at.is_(None),
            UpstreamRequestRow.expires_at > now,
            UpstreamRequestRow.interaction_id.is_(None),
            UpstreamRequestRow.person_id.is_(None),
        )
        .values(used_at=now)
        .returning(UpstreamRequestRow)
    ).one_or_none()
    if row is None:
        return None
    then = json.loads(_sealer(services).open(row.sealed_values, bound_to=row.id))["then"]
    return str(then) if then else None


def return_address(services: IdpServices, provider: Provider) -> str:
    """Return the address that is registered there as ``post_logout_redirect_uri``."""
    return f"{services.settings.issuer}/broker/{provider.name}/logged-out"


def _resting(session: Session, services: IdpServices, sid: str) -> tuple[UpstreamSessionRow, Provider] | None:
    row = session.get(UpstreamSessionRow, sid)
    found = session.scalars(
        select(UpstreamProviderRow).where(
            UpstreamProviderRow.id == (row.provider_id if row else ""),
            UpstreamProviderRow.active,
            UpstreamProviderRow.logs_out_there,
        )
    ).one_or_none()
    if row is None or found is None:
        return None
    provider = provider_value(services, found)
    return (row, provider) if provider.discovered.endpoints.end_session else None


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "upstream-logout")
