"""UserInfo: what an application may know of the person, against an access token (OpenID Connect Core §5.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import find_person
from idp.clients.client import find_client
from idp.protocol.errors import BearerTokenError
from idp.protocol.scope import OPENID
from idp.protocol.sender import Sender
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken, read_access_token
from idp.tokens.binding import require_holder
from idp.tokens.claims import person_claims
from idp.tokens.family import DeadFamilyError, TokenFamily
from idp.tokens.presented import require_living_access_token
from idp.tokens.target import userinfo_resource


def release_userinfo(
    session: Session, *, services: IdpServices, token: str, scheme: str, sender: Sender, now: datetime
) -> dict[str, Any]:
    """Return the claims that the access token opens, and put on record which ones.

    :param scheme: of the ``Authorization`` header, in lower case.
    :raises BearerTokenError: ``invalid_token``, ``insufficient_scope``, ``invalid_dpop_proof``, ``use_dpop_nonce``;
        on record.
    """
    access: AccessToken | None = None
    try:
        access = read_access_token(session, services, token=token, now=now)
        family = _require_opens(session, services, access, token=token, scheme=scheme, sender=sender, now=now)
    except BearerTokenError as error:
        event = Event(
            type=EventType.USERINFO_REFUSED,
            outcome=Outcome.REFUSED,
            reason=error.reason[:64],
            actor=access.client_id if access else None,
            client_id=access.client_id if access else None,
        )
        services.journal.refuse(session, event, error, now=now)
    claims = person_claims(find_person(session, family.person_id), access.scopes)
    event = Event(
        type=EventType.USERINFO_RELEASED,
        subject=family.person_id,
        actor=access.client_id,
        client_id=access.client_id,
        session_id=family.sid,
        object_id=family.id,
        details={"claims": sorted(claims)},
    )
    services.journal.record(session, event, now=now)
    return claims


def _require_opens(
    session: Session,
    services: IdpServices,
    access: AccessToken,
    *,
    token: str,
    scheme: str,
    sender: Sender,
    now: datetime,
) -> TokenFamily:
    if access.audience != userinfo_resource(services.settings.issuer):
        raise BearerTokenError("wrong_audience")
    try:
        family = require_living_access_token(session, services, access, now=now)
    except DeadFamilyError as error:
        raise BearerTokenError(error.reason) from error
    require_holder(
        session,
        services,
        client=find_client(session, access.client_id),
        access=access,
        token=token,
        scheme=scheme,
        sender=sender,
        now=now,
    )
    if family is None or OPENID not in access.scopes:
        raise BearerTokenError("no_openid", code="insufficient_scope")
    return family
