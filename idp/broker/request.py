"""On the way to another provider: a request of one browser, and the code that comes back for it.

``state``, ``nonce`` and the PKCE verifier are made for each request; the row knows the state's digest and has the
others sealed. An answer uses the row up before anything else is looked at, whoever brings it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from idp.broker.model import UpstreamRequestRow, UpstreamSessionRow
from idp.broker.provider import Provider
from idp.broker.unavailable import UpstreamUnavailableError
from idp.services import IdpServices
from idp.tokens.jws import sign_jwt
from kernel.clock import to_timestamp
from kernel.errors import Denied, NotFound
from kernel.identifiers import b64url, new_id, new_secret, sha256, sha256_hex
from keys.sealing import Sealer
from outgoing.errors import OutgoingError

LIFETIME = timedelta(minutes=10)
_SESSIONS_KEPT = timedelta(days=2)  # longer than a session of ours lasts
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class UsedRequest:
    """A request that has just been used up. :ivar person_id: who links an account, None for a login."""

    interaction_id: str | None
    person_id: str | None
    nonce: str
    verifier: str


def callback_address(services: IdpServices, provider: Provider) -> str:
    """Return our redirect URI at this provider: one for each, so that answers cannot be mixed up (RFC 9207 §4)."""
    return f"{services.settings.issuer}/broker/{provider.name}/callback"


def begin_request(
    session: Session,
    *,
    services: IdpServices,
    provider: Provider,
    browser_secret: str,
    interaction_id: str | None,
    person_id: str | None,
    now: datetime,
) -> str:
    """Write a request down and return the address to send the browser to."""
    state, nonce, verifier, row_id = new_secret(), new_secret(), new_secret(), new_id()
    values = json.dumps({"nonce": nonce, "verifier": verifier}).encode()
    session.add(
        UpstreamRequestRow(
            id=row_id,
            provider_id=provider.id,
            interaction_id=interaction_id,
            person_id=person_id,
            browser_sha256=sha256_hex(browser_secret),
            state_sha256=sha256_hex(state),
            sealed_values=_sealer(services).seal(values, bound_to=row_id),
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    parameters = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": callback_address(services, provider),
        "scope": provider.scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": b64url(sha256(verifier.encode())),
        "code_challenge_method": "S256",
    }
    address = provider.discovered.endpoints.authorization
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters, quote_via=quote)}"


def use_request(
    session: Session,
    *,
    services: IdpServices,
    provider: Provider,
    state: str,
    issuer: str | None,
    browser_secret: str | None,
    now: datetime,
) -> UsedRequest:
    """Use up the request that an answer names.

    :param issuer: the answer's ``iss``.
    :raises NotFound: (``upstream_state_unknown``) none, used before, too old, or of another provider.
    :raises Denied: ``upstream_foreign`` (another browser began it), ``upstream_mixed_up`` (RFC 9207 §2.4).
    """
    row = session.scalars(
        update(UpstreamRequestRow)
        .where(
            UpstreamRequestRow.state_sha256 == sha256_hex(state),
            UpstreamRequestRow.provider_id == provider.id,
            UpstreamRequestRow.used_at.is_(None),
            UpstreamRequestRow.expires_at > now,
            UpstreamRequestRow.interaction_id.is_not(None) | UpstreamRequestRow.person_id.is_not(None),
        )
        .values(used_at=now)
        .returning(UpstreamRequestRow)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such sign-in under way.", code="upstream_state_unknown")
    if not browser_secret or not compare_digest(row.browser_sha256, sha256_hex(browser_secret)):
        raise Denied("This sign-in was begun in another browser.", code="upstream_foreign")
    if issuer != provider.discovered.issuer and (issuer is not None or provider.discovered.names_itself):
        raise Denied("The answer is of another provider.", code="upstream_mixed_up")
    values = json.loads(_sealer(services).open(row.sealed_values, bound_to=row.id))
    return UsedRequest(
        interaction_id=row.interaction_id, person_id=row.person_id, nonce=values["nonce"], verifier=values["verifier"]
    )


def redeem(
    services: IdpServices, provider: Provider, *, code: str, verifier: str, now: datetime
) -> tuple[str, str | None]:
    """Redeem a code and return the ID token, and the access token beside it. Outside of any transaction.

    :raises UpstreamUnavailableError: if there is no answer, or another than one with an ID token.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback_address(services, provider),
        "code_verifier": verifier,
    }
    headers: dict[str, str] = {}
    if provider.secret:  # RFC 6749 §2.3.1: both are encoded as in a form first
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.secret.reveal(), safe='')}"
        headers["Authorization"] = "Basic " + _base64(pair)
    else:
        form |= {
            "client_id": provider.client_id,
            "client_assertion_type": _ASSERTION,
            "client_assertion": _assertion(services, provider, now=now),
        }
    try:
        answer = services.outgoing.send(
            provider.discovered.endpoints.token,
            body=urlencode(form).encode(),
            media_type="application/x-www-form-urlencoded",
            headers=headers,
        )
        document: Any = json.loads(answer.body)
    except OutgoingError as error:
        raise UpstreamUnavailableError(error.reason.value) from error
    except (ValueError, RecursionError) as error:
        raise UpstreamUnavailableError("not_json") from error
    tokens: Mapping[str, Any] = document if isinstance(document, dict) else {}
    id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
    if answer.status != 200 or not isinstance(id_token, str):
        raise UpstreamUnavailableError("code_refused")
    return id_token, access_token if isinstance(access_token, str) else None


def remove_old_requests(session: Session, *, now: datetime) -> None:
    """Forget requests that nobody can answer any more, and which session of ours rested on one that is long over."""
    session.execute(delete(UpstreamRequestRow).where(UpstreamRequestRow.expires_at <= now - LIFETIME))
    session.execute(delete(UpstreamSessionRow).where(UpstreamSessionRow.created_at <= now - _SESSIONS_KEPT))


def _assertion(services: IdpServices, provider: Provider, *, now: datetime) -> str:
    """RFC 7523 §3, by the key that our own tokens are signed with: it is published at our ``/jwks``."""
    claims = {
        "iss": provider.client_id,
        "sub": provider.client_id,
        "aud": provider.discovered.issuer,
        "jti": new_secret(16),
        "iat": to_timestamp(now),
        "exp": to_timestamp(now + _ASSERTION_LIFETIME),
    }
    with services.database.reading() as session:
        signer = services.token_keys.active_signer(session, "ES256")
    return sign_jwt(claims, signer=signer, typ="JWT")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "upstream-request")
