"""What surrounds every request of the protocol: its signature and nonce checked, a new nonce with every answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, current_app, request, session
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from ca.acme.account import load_account
from ca.acme.account_key import AccountKey, read_account_key, read_jwk
from ca.acme.addresses import Addresses
from ca.acme.jws import MOST_OCTETS, SignedMessage, parse_message, require_signature
from ca.acme.model import Account
from ca.acme.nonce import bad_nonce, new_nonce, require_own_nonce, spend_nonce
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.web.acme.problems import http_problem, problem_response
from ca.web.services import services
from kernel.errors import ServiceError

T = TypeVar("T")
_MEDIA_TYPE = "application/jose+json"


@dataclass(frozen=True)
class Signed:
    """A request whose signature is good and whose nonce is spent.

    :ivar account_id: whose key signed it, by its address; None if it brought ``key``.
    """

    message: SignedMessage
    account_id: str | None
    key: AccountKey | None

    @property
    def document(self) -> dict[str, Any]:
        """The payload. :raises AcmeProblem: ``malformed``, also for the empty one of a POST-as-GET."""
        return self.message.document()

    def read(self, work: Callable[[Session, Account], T]) -> T:
        """Run ``work`` with the account, reading. The request must be a POST-as-GET (§6.3)."""
        if not self.message.is_reading:
            raise malformed("This is read by a POST-as-GET: an empty payload.")
        with services().database.reading() as reading:
            return work(reading, load_account(reading, self.account_id))

    def write(self, work: Callable[[Session, Account], T]) -> T:
        """Run ``work`` with the account in a transaction that it may share with others."""
        return services().database.together(lambda writing: work(writing, load_account(writing, self.account_id)))


def addresses() -> Addresses:
    """Return the protocol's addresses."""
    return Addresses(services().settings.issuer)


def nonce() -> str:
    """Return a fresh nonce."""
    return new_nonce(_nonce_secret(), now=services().clock.now())


def received(*, by_key: bool = False, strong: bool = True) -> Signed:
    """Return the signed request at hand, its nonce used up.

    :param by_key: whether it must bring its key (newAccount); otherwise it must name its account.
    :param strong: whether a key that it brings is checked for weaknesses.
    :raises AcmeProblem: whatever is wrong with it.
    """
    signed = received_by_either(strong=strong)
    if by_key and signed.key is None:
        raise malformed("This request brings its key: jwk, not kid.")
    if not by_key and signed.account_id is None:
        raise malformed("This request names its account: kid, not jwk.")
    return signed


def received_by_either(*, strong: bool = True) -> Signed:
    """Return the signed request at hand, by an account or by a key that it brings; see :func:`received`."""
    if request.mimetype != _MEDIA_TYPE:
        raise AcmeProblem(Kind.WRONG_MEDIA_TYPE, f"Requests are of the media type {_MEDIA_TYPE}.")
    request.max_content_length = MOST_OCTETS
    now = services().clock.now()
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    expected_url = services().settings.issuer + request.path + query
    message = parse_message(request.get_data(cache=False), expected_url=expected_url)
    if message.nonce is None:
        raise bad_nonce()
    expires_at = require_own_nonce(_nonce_secret(), message.nonce, now=now)
    if message.kid is not None:
        account_id = addresses().account_id(message.kid)
        with services().database.reading() as reading:
            jwk = dict(load_account(reading, account_id).jwk)
        key, brought = read_jwk(jwk), None
    else:
        account_id = None
        key = brought = read_account_key(message.jwk) if strong else read_jwk(message.jwk)
    require_signature(message, key)
    spent: str = message.nonce
    services().database.together(lambda writing: spend_nonce(writing, spent, expires_at=expires_at))
    return Signed(message, account_id, brought)


def answer(
    document: Mapping[str, Any] | None, status: int = 200, *, location: str | None = None, up: str | None = None
) -> Response:
    """Return a JSON answer. :param up: the resource that this one belongs to."""
    body = b"" if document is None else json.dumps(document).encode()
    response = Response(body, status, mimetype="application/json")
    if location is not None:
        response.headers["Location"] = location
    if up is not None:
        response.headers.add("Link", f'<{up}>;rel="up"')
    return response


def wrap(blueprint: Blueprint) -> None:
    """Give every answer of ``blueprint`` a nonce and the way to the directory, and every error the protocol's form."""
    blueprint.register_error_handler(ServiceError, problem_response)
    blueprint.register_error_handler(HTTPException, http_problem)
    blueprint.after_request(_finish)


def _finish(response: Response) -> Response:
    if request.method == "POST":
        response.headers["Replay-Nonce"] = nonce()
        response.headers["Cache-Control"] = "no-store"
        response.headers.add("Link", f'<{addresses().directory}>;rel="index"')
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    return response


def _nonce_secret() -> bytes:
    return cast(bytes, current_app.extensions["ca.acme.nonce"])
