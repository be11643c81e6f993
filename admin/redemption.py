"""What came back from the provider, redeemed in process: the code for an ID token, and the token for who logged in.

The console sends no request to itself: it calls the use case that the token endpoint calls, as the client that only
this process can be (``in_process``). It then reads the ID token as any relying application must.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from admin.services import AdminServices
from admin.sign_in import CLIENT_ID, REQUIRED_ACR, SignIn, redirect_uri
from idp.authentication.assurance import satisfies
from idp.authorization.redemption import redeem_authorization_code
from idp.clients.client import find_client
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.jose import JwtError, text_claim, time_claim, verify_jwt
from idp.tokens.session_name import session_behind
from kernel.clock import from_timestamp, to_timestamp
from kernel.errors import Denied


@dataclass(frozen=True)
class Login:
    """A login that the provider vouches for.

    :ivar sid: the provider's session, with which the console's ends.
    """

    person_id: str
    sid: str
    authenticated_at: datetime
    acr: str


def redeem_sign_in(services: AdminServices, *, sign_in: SignIn, code: str, now: datetime) -> Login:
    """Redeem ``code`` for this sign-in and return who logged in.

    :raises ServiceError: what redemption raises (on record); Denied (``sign_in_not_trusted``, ``sign_in_too_weak``).
    """
    provider = services.idp
    with services.database.transaction() as session:
        tokens = redeem_authorization_code(
            session,
            services=provider,
            client=find_client(session, CLIENT_ID),
            code=code or None,
            code_verifier=sign_in.code_verifier,
            redirect_uri=redirect_uri(services.settings.issuer),
            resources=(),
            now=now,
        )
    with services.database.reading() as session:
        try:
            return verify_login(
                session, services=services, id_token=tokens.id_token or "", expected_nonce=sign_in.nonce, now=now
            )
        except JwtError as error:
            raise Denied("The provider's answer does not fit this login.", code="sign_in_not_trusted") from error


def verify_login(
    session: Session, *, services: AdminServices, id_token: str, expected_nonce: str, now: datetime
) -> Login:
    """Verify an ID token (OpenID Connect Core §3.1.3.7) and return who logged in.

    :raises JwtError: the token is not ours, not for the console, not of this login, or expired.
    :raises Denied: (``sign_in_too_weak``) a login without the second factor.
    """
    published = services.idp.token_keys.published(session)
    claims = verify_jwt(id_token, keys=published.key_set, algorithms=TOKEN_ALGORITHMS).claims
    if claims.get("iss") != services.settings.issuer:
        raise JwtError("wrong_issuer")
    if claims.get("aud") != CLIENT_ID:
        raise JwtError("wrong_audience")
    if claims.get("nonce") != expected_nonce:
        raise JwtError("wrong_nonce")
    if time_claim(claims, "exp") <= to_timestamp(now):
        raise JwtError("expired")
    acr = text_claim(claims, "acr")
    if not satisfies(acr, REQUIRED_ACR):
        raise Denied("The console needs a login with a second factor.", code="sign_in_too_weak")
    return Login(
        person_id=text_claim(claims, "sub"),
        sid=_session_of(services, text_claim(claims, "sid")),
        authenticated_at=from_timestamp(time_claim(claims, "auth_time")),
        acr=acr,
    )


def _session_of(services: AdminServices, name: str) -> str:
    try:
        return session_behind(services.idp, CLIENT_ID, name)
    except ValueError as error:
        raise JwtError("wrong_session") from error
