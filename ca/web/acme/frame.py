"""What surrounds every request of the protocol: its signature and nonce checked, a new nonce with every answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, current_app, request, session
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from ca.acme.account import load_account
from ca.acme.account_key import AccountKey, read_account_key, read_jwk
from ca.acme.addresses import Addresses
from ca.acme.jws import MOST_OCTETS, SignedMessage, parse_message, require_signature
from ca.acme.known_keys import KnownKeys, require_current_key
from ca.acme.model import Account
from ca.acme.nonce import (
    bad_nonce,
    new_nonce,
    require_fresh_nonce,
    require_own_nonce,
    spend_nonce,
    wants_nonce_spent,
)
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.reading_ahead import wants_account
from ca.web.acme.problems import http_problem, problem_response
from ca.web.services import services
from kernel.errors import ServiceError
from kernel.prefetch import Want

T = TypeVar("T")
_MEDIA_TYPE = "application/jose+json"


@dataclass(frozen=True)
class Signed:
    """A request whose signature is good. Its nonce is used up by the transaction that does what it asks for.

    :ivar account_id: whose key signed it; None if it brought its key.
    """

    message: SignedMessage
    account_id: str | None
    key: AccountKey
    nonce: str
    nonce_expires_at: datetime

    @property
    def document(self) -> dict[str, Any]:
        """The payload. :raises AcmeProblem: ``malformed``, also for the empty one of a POST-as-GET."""
        return self.message.document()

    def read(self, work: Callable[[Session, Account], T], *wants: Want) -> T:
        """Run ``work``, which writes nothing, with the account. The request must be a POST-as-GET (§6.3)."""
        if not self.message.is_reading:
            raise malformed("This is read by a POST-as-GET: an empty payload.")
        return self.write(work, *wants)

    def write(self, work: Callable[[Session, Account], T], *wants: Want) -> T:
        """Run ``work`` with the account in a transaction that it may share with others.

        :param wants: what it is going to look up.
        """
        account_id = self._own()

        def with_account(session: Session) -> T:
            account = load_account(session, account_id)
            require_current_key(account, self.key)
            return work(session, account)

        return self.write_by_key(with_account, wants_account(account_id), *wants)

    def write_by_key(self, work: Callable[[Session], T], *wants: Want) -> T:
        """Run ``work`` for whoever signed, as :meth:`write` does."""

        def spend_and_work(session: Session) -> T:
            require_fresh_nonce(session, self.nonce)
            return work(session)

        database = services().database
        wanted = wants_nonce_spent(self.nonce, expires_at=self.nonce_expires_at)
        try:
            return database.together(spend_and_work, [wanted, *wants])
        except ServiceError:
            # What had to be undone was undone with the nonce: it is used up all the same.
            database.together(lambda session: spend_nonce(session, self.nonce, expires_at=self.nonce_expires_at))
            raise

    def _own(self) -> str:
        if self.account_id is None:
            raise malformed("This request names its account: kid, not jwk.")
        return self.account_id


def addresses() -> Addresses:
    """Return the protocol's addresses."""
    return Addresses(services().settings.issuer)


def nonce() -> str:
    """Return a fresh nonce."""
    return new_nonce(_nonce_secret(), now=services().clock.now())


def received(*, by_key: bool = False) -> Signed:
    """Return the signed request at hand.

    :param by_key: whether it must bring its key (newAccount); otherwise it must name its account.
    :raises AcmeProblem: whatever is wrong with it.
    """
    message = _parsed()
    # Before the key is looked at: finding weaknesses costs more than a stranger should be able to ask for.
    if by_key and message.jwk is None:
        raise malformed("This request brings its key: jwk, not kid.")
    if not by_key and message.kid is None:
        raise malformed("This request names its account: kid, not jwk.")
    return _verified(message, strong=True)


def received_by_either() -> Signed:
    """Return the signed request at hand, by an account or by a key that it brings, whose strength does not matter."""
    return _verified(_parsed(), strong=False)


def _parsed() -> SignedMessage:
    if request.mimetype != _MEDIA_TYPE:
        raise AcmeProblem(Kind.WRONG_MEDIA_TYPE, f"Requests are of the media type {_MEDIA_TYPE}.")
    request.max_content_length = MOST_OCTETS
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    expected_url = services().settings.issuer + request.path + query
    return parse_message(request.get_data(cache=False), expected_url=expected_url)


def _verified(message: SignedMessage, *, strong: bool) -> Signed:
    now = services().clock.now()
    if message.nonce is None:
        raise bad_nonce()
    expires_at = require_own_nonce(_nonce_secret(), message.nonce, now=now)
    account_id: str | None = None
    if message.kid is not None:
        account_id, key = _signed_by_account(message)
    else:
        key = read_account_key(message.jwk) if strong else read_jwk(message.jwk)
        require_signature(message, key)
    return Signed(message, account_id, key, message.nonce, expires_at)


def _signed_by_account(message: SignedMessage) -> tuple[str, AccountKey]:
    """Return which account signed the message, and by which key; whether both still stand is asked when it acts."""
    known = known_keys()
    account_id = addresses().account_id(message.kid or "")
    key = known.find(account_id) if account_id else None
    if account_id is not None and key is not None:
        with suppress(AcmeProblem):
            require_signature(message, key)
            return account_id, key
    with services().database.reading() as reading:
        account = load_account(reading, account_id)
    key = read_jwk(account.jwk)
    require_signature(message, key)
    known.note(account.id, key)
    return account.id, key


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


def known_keys() -> KnownKeys:
    """Return the keys of accounts that this process has met."""
    return cast(KnownKeys, current_app.extensions["ca.acme.keys"])


def _nonce_secret() -> bytes:
    return cast("Callable[[], bytes]", current_app.extensions["ca.acme.nonce"])()
