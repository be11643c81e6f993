"""The answer to an authorization request, and the errors that travel to the application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from idp.protocol.authorization_request import ReturnAddress
from idp.protocol.errors import RedirectableError


@dataclass(frozen=True)
class AuthorizationAnswer:
    """What the browser is to carry to the application.

    :ivar response_mode: ``query`` or ``form_post``.
    :ivar parameters: with ``iss`` always (RFC 9207 §2) and ``state`` as it came. They may hold a code: not printed.
    """

    redirect_uri: str
    response_mode: str
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class PersonIsNeeded:
    """The browser is to go on at ``path`` of ours: to log in, or to decide."""

    path: str


def answer_with_code(address: ReturnAddress, *, issuer: str, code: str) -> AuthorizationAnswer:
    """Return the successful answer (RFC 6749 §4.1.2)."""
    return _answer(address, {"code": code}, issuer)


def answer_with_error(address: ReturnAddress, *, issuer: str, error: RedirectableError) -> AuthorizationAnswer:
    """Return the answer that says why not (RFC 6749 §4.1.2.1)."""
    return _answer(address, {"error": error.code, "error_description": error.public_detail}, issuer)


def _answer(address: ReturnAddress, parameters: dict[str, str], issuer: str) -> AuthorizationAnswer:
    if address.state is not None:
        parameters["state"] = address.state
    parameters["iss"] = issuer
    return AuthorizationAnswer(address.redirect_uri, address.response_mode, parameters)
