"""What surrounds every request of the protocol: its signature and nonce checked, a new nonce with every answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

from flask import Blueprint, Response, request, session
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
from web.in_progress import application
from web.ready_answer import ReadyAnswer

T = TypeVar("T")
MEDIA_TYPE = "application/jose+json"


class Asked(NamedTuple):
    """A request as it came, on Flask's way or before it.

    :ivar address: path and query, as they were asked for. :ivar media_type: of the body, in lower case.
    """

    address: str
    media_type: str
    octets: bytes


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


def asked() -> Asked:
    """Return the request of Flask's that is at hand."""
    request.max_content_length = MOST_OCTETS
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    octets = request.get_data(cache=False) if request.mimetype == MEDIA_TYPE else b""
    return Asked(request.path + query, request.mimetype, octets)


def received(given: Asked, *, by_key: bool = False) -> Signed:
    """Return the signed request.

    :param by_key: whether it must bring its key (newAccount); otherwise it must name its account.
    :raises AcmeProblem: whatever is wrong with it.
    """
    message = _parsed(given)
    # Before the key is looked at: finding weaknesses costs more than a stranger should be able to ask for.
    if by_key and message.jwk is None:
        raise malformed("This request brings its key: jwk, not kid.")
    if not by_key and message.kid is None:
        raise malformed("This request names its account: kid, not jwk.")
    return _verified(message, strong=True)


def received_by_either(given: Asked) -> Signed:
    """Return the signed request, by an account or by a key that it brings, whose strength does not matter."""
    return _verified(_parsed(given), strong=False)


def _parsed(given: Asked) -> SignedMessage:
    if given.media_type != MEDIA_TYPE:
        raise AcmeProblem(Kind.WRONG_MEDIA_TYPE, f"Requests are of the media type {MEDIA_TYPE}.")
    return parse_message(given.octets, expected_url=services().settings.issuer + given.address)


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
    document: Mapping[str, Any] | None,
    status: int = 200,
    *,
    location: str | None = None,
    up: str | None = None,
    retry_after: int | None = None,
) -> ReadyAnswer:
    """Return a JSON answer. :param up: the resource that this one belongs to. :param retry_after: seconds."""
    more = []
    if location is not None:
        more.append(("Location", location))
    if up is not None:
        more.append(("Link", f'<{up}>;rel="up"'))
    if retry_after is not None:
        more.append(("Retry-After", str(retry_after)))
    body = b"" if document is None else json.dumps(document).encode()
    return ReadyAnswer.made(status, "application/json", body, more)


def around() -> list[tuple[str, str]]:
    """Return the headers that every answer to a POST carries: a nonce, and the way to the directory."""
    return [
        ("Replay-Nonce", nonce()),
        ("Cache-Control", "no-store"),
        ("Link", f'<{addresses().directory}>;rel="index"'),
    ]


def wrap(blueprint: Blueprint) -> None:
    """Give every answer of ``blueprint`` a nonce and the way to the directory, and every error the protocol's form."""
    blueprint.register_error_handler(ServiceError, problem_response)
    blueprint.register_error_handler(HTTPException, http_problem)
    blueprint.after_request(_finish)


def _finish(response: Response) -> Response:
    if request.method == "POST":
        response.headers.extend(around())
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    return response


def known_keys() -> KnownKeys:
    """Return the keys of accounts that this process has met."""
    return cast(KnownKeys, application().extensions["ca.acme.keys"])


def _nonce_secret() -> bytes:
    return cast("Callable[[], bytes]", application().extensions["ca.acme.nonce"])()
