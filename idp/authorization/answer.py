"""The answer to an authorization request, and the errors that travel to the application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.protocol.authorization_request import ReturnAddress
from idp.protocol.errors import RedirectableError
from idp.protocol.response_mode import carrier_of, is_signed
from idp.services import IdpServices
from idp.tokens.response_object import sign_response


@dataclass(frozen=True)
class AuthorizationAnswer:
    """What the browser is to carry to the application.

    :ivar response_mode: ``query``, ``fragment`` or ``form_post``.
    :ivar parameters: with ``iss`` always (RFC 9207 §2) and ``state`` as it came, or both within the one signed
        ``response``. They may hold codes and tokens: not printed.
    :ivar failed: whether it says why not.
    :ivar browser_state: what the browser is to show to the page at ``check_session_iframe`` from now on.
    """

    redirect_uri: str
    response_mode: str
    parameters: Mapping[str, str] = field(repr=False)
    failed: bool = False
    browser_state: str | None = None


@dataclass(frozen=True)
class PersonIsNeeded:
    """The browser is to go on at ``path`` of ours: to log in, or to decide."""

    path: str


def answer_with(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    address: ReturnAddress,
    parameters: Mapping[str, str],
    now: datetime,
) -> AuthorizationAnswer:
    """Return the successful answer: what was asked for, ``state`` and ``iss``, signed where the request says so."""
    document = {**parameters, **({} if address.state is None else {"state": address.state})}
    document["iss"] = services.settings.issuer
    if is_signed(address.response_mode):
        document = {"response": sign_response(session, services, client=client, parameters=document, now=now)}
    return AuthorizationAnswer(address.redirect_uri, carrier_of(address.response_mode), document)


def answer_with_error(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    address: ReturnAddress,
    error: RedirectableError,
    now: datetime,
) -> AuthorizationAnswer:
    """Return the answer that says why not (RFC 6749 §4.1.2.1)."""
    parameters = {"error": error.code, "error_description": error.public_detail}
    answer = answer_with(session, services, client=client, address=address, parameters=parameters, now=now)
    return AuthorizationAnswer(answer.redirect_uri, answer.response_mode, answer.parameters, failed=True)
