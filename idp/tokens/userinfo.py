"""UserInfo: what an application may know of the person, against an access token (OpenID Connect Core §5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import find_person
from idp.authentication.assurance import ACR_LEVELS, ACR_VALUES, acr_of, level_reached
from idp.clients.client import Client, find_client
from idp.protocol.claims_request import USERINFO, names_in, within_scopes
from idp.protocol.errors import BearerTokenError
from idp.protocol.scope import OPENID
from idp.protocol.sender import Sender
from idp.protocol.step_up import require_authentication
from idp.rights.claims import rights_claims
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken, read_access_token
from idp.tokens.binding import require_holder
from idp.tokens.claims import person_claims
from idp.tokens.family import DeadFamilyError, TokenFamily
from idp.tokens.presented import require_living_access_token
from idp.tokens.protection import protect, userinfo_protection
from idp.tokens.subject import subject_for
from idp.tokens.target import userinfo_resource
from idp.tokens.verified_claims import verified_claims


@dataclass(frozen=True)
class UserInfo:
    """The answer.

    :ivar client: who gets it. :ivar family_id: by which tokens.
    :ivar jwt: the claims signed, encrypted or both, if the client registered so: then nothing is told in clear.
    """

    claims: Mapping[str, Any]
    jwt: str | None
    client: Client
    family_id: str


def release_userinfo(
    session: Session, *, services: IdpServices, token: str, scheme: str, sender: Sender, now: datetime
) -> UserInfo:
    """Return the claims that the access token opens, and put on record which ones.

    :param scheme: of the ``Authorization`` header, in lower case.
    :raises BearerTokenError: ``invalid_token``, ``insufficient_scope``, ``insufficient_user_authentication``,
        ``invalid_dpop_proof``, ``use_dpop_nonce``; on record.
    :raises TokenError: if the answer is to be encrypted and the client has no key for that; on record.
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
    client = find_client(session, access.client_id)
    claims = userinfo_claims(session, services, client=client, family=family, access=access, now=now)
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
    return UserInfo(claims, _as_jwt(session, services, client, claims, now=now), client, family.id)


def userinfo_claims(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    family: TokenFamily,
    access: AccessToken,
    now: datetime,
) -> dict[str, Any]:
    """Return the claims that an access token of a living family opens."""
    claims = person_claims(
        find_person(session, family.person_id),
        access.scopes,
        names=_names(family, access),
        subject=subject_for(services, client, family.person_id),
    ) | rights_claims(
        session,
        person_id=family.person_id,
        client_id=client.client_id,
        chosen=family.terms.institution,
        names={*access.scopes, *_names(family, access)},
        now=now,
    )
    return claims | verified_claims(
        session, person_id=family.person_id, claims=_claims_kept(family, access), place=USERINFO, now=now
    )


def _names(family: TokenFamily, access: AccessToken) -> tuple[str, ...]:
    """Return the claims asked for by name, without those of scopes that this token was narrowed by (RFC 6749 §6)."""
    return names_in(_claims_kept(family, access), USERINFO)


def _claims_kept(family: TokenFamily, access: AccessToken) -> dict[str, Any]:
    left_out = set(family.scopes) - set(access.scopes)
    kept = [scope for scope in family.terms.claimed_scopes if scope not in left_out]
    return within_scopes(family.terms.claims, kept)


def _as_jwt(
    session: Session, services: IdpServices, client: Client, claims: dict[str, Any], *, now: datetime
) -> str | None:
    protection = userinfo_protection(client)
    if protection is None:
        return None
    # §5.3.2: a signed answer says who gives it and to whom. It does not expire: it is asked for when it is needed.
    addressed = {"iss": services.settings.issuer, "aud": client.client_id, **claims}
    return protect(session, services, client=client, claims=addressed, typ="JWT", protection=protection, now=now)


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
    client = find_client(session, access.client_id)
    require_holder(
        session,
        services,
        client=client,
        access=access,
        token=token,
        scheme=scheme,
        sender=sender,
        now=now,
    )
    if family is None or OPENID not in access.scopes:
        raise BearerTokenError("no_openid", code="insufficient_scope")
    # What the application accepts as a login today; a token of before may rest on less (RFC 9470 §3).
    require_authentication(
        acr=family.acr if family.acr in ACR_VALUES else acr_of(family.amr),
        authenticated_at=family.authenticated_at,
        known=ACR_VALUES,
        levels=ACR_LEVELS,
        level=level_reached(find_person(session, family.person_id).level, family.amr),
        required_acr=client.minimum_acr,
        now=now,
    )
    return family
