"""Pushed authorization requests: sent to us by the client itself, used once by the browser (RFC 9126)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authorization.model import PushedRequestRow
from idp.authorization.request_check import check_request
from idp.authorization.request_object import PUSHED_PREFIX, read_request_object
from idp.clients.client import Client
from idp.protocol.authorization_request import ReturnAddress
from idp.protocol.errors import NotRedirectableError, RedirectableError, TokenError
from idp.protocol.parameters import Parameters
from idp.protocol.request_origin import RequestOrigin, contradictions, merged, merges
from idp.protocol.sender import Sender
from idp.services import IdpServices
from idp.tokens.binding import require_requested_key
from kernel.identifiers import new_secret, sha256_hex

# A used or expired request is remembered a little, so that its second use is seen for what it is.
KEPT_FOR = timedelta(hours=1)
# How the client authenticates is no part of what it asks for (RFC 9126 §2.1).
_CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True)
class PushedRequest:
    """The answer to a push. :ivar request_uri: unguessable, and not printed."""

    request_uri: str = field(repr=False)
    expires_in: int

    def to_document(self) -> dict[str, str | int]:
        """Return the answer of the endpoint (RFC 9126 §2.2)."""
        return {"request_uri": self.request_uri, "expires_in": self.expires_in}


def push_authorization_request(
    session: Session, *, services: IdpServices, client: Client, form: Parameters, sender: Sender, now: datetime
) -> PushedRequest:
    """Check the request as the authorization endpoint will, keep it, and return the reference to it.

    :param client: authenticated.
    :raises TokenError: with the code that the authorization endpoint would have sent; on record.
    """
    try:
        parameters, origin = _parameters(session, services, client, form, sender, now=now)
        address = ReturnAddress.parse(parameters, client=client)
        check_request(session, services, parameters, client=client, address=address, origin=origin)
    except (NotRedirectableError, RedirectableError, TokenError) as error:
        code = "invalid_request" if isinstance(error, NotRedirectableError) else error.code
        refusal = Event(
            type=EventType.AUTHORIZATION_REFUSED,
            outcome=Outcome.REFUSED,
            reason=error.code,
            actor=client.client_id,
            client_id=client.client_id,
            details={"pushed": True},
        )
        services.journal.refuse(session, refusal, TokenError(code, error.public_detail), now=now)
    lifetime = client.policy.pushed_request_lifetime
    secret = new_secret()
    session.add(
        PushedRequestRow(
            secret_sha256=sha256_hex(secret),
            client_id=client.client_id,
            parameters={"values": dict(parameters.values), "lists": {k: list(v) for k, v in parameters.lists.items()}},
            signed=origin.signed,
            jkt=origin.dpop_jkt,
            created_at=now,
            expires_at=now + lifetime,
            used_at=None,
            used_by=None,
        )
    )
    event = Event(
        type=EventType.AUTHORIZATION_PUSHED,
        actor=client.client_id,
        client_id=client.client_id,
        details={"signed": origin.signed, "bound": origin.dpop_jkt is not None},
    )
    services.journal.record(session, event, now=now)
    session.flush()
    return PushedRequest(f"{PUSHED_PREFIX}{secret}", int(lifetime.total_seconds()))


def find_pushed_request(
    session: Session, *, client: Client, request_uri: str, outer: Parameters, now: datetime
) -> tuple[Parameters, RequestOrigin]:
    """Return the request behind ``request_uri``: the client's own, not expired, not used.

    :param outer: what came beside it: nothing of it counts, and what contradicts it is an error.
    :raises RedirectableError: ``invalid_request_uri``.
    """
    row = session.get(PushedRequestRow, sha256_hex(request_uri.removeprefix(PUSHED_PREFIX)), populate_existing=True)
    # One answer to all: whoever guesses learns nothing.
    if row is None or row.client_id != client.client_id or row.expires_at <= now or row.used_at is not None:
        raise RedirectableError("invalid_request_uri", "The request_uri is unknown, expired or used.")
    lists = {name: tuple(values) for name, values in row.parameters["lists"].items()}
    inner = Parameters(values=row.parameters["values"], repeated=frozenset(), lists=lists)
    return inner, RequestOrigin(
        pushed=True,
        pushed_sha256=row.secret_sha256,
        signed=row.signed,
        contradicted=contradictions(inner, outer),
        dpop_jkt=row.jkt,
    )


def use_pushed_request(session: Session, *, pushed_sha256: str | None, used_by: str, now: datetime) -> None:
    """Use the pushed request up, now that its answer is given (RFC 9126 §4): looking at a page does not.

    :param pushed_sha256: None for a request that was not pushed.
    :param used_by: the interaction, which may be answered again when its form comes twice; else a new name.
    :raises NotRedirectableError: (``invalid_request_uri``) if another one has used it: the application was answered.
    """
    if pushed_sha256 is None:
        return
    used = session.execute(
        update(PushedRequestRow)
        .where(
            PushedRequestRow.secret_sha256 == pushed_sha256,
            PushedRequestRow.used_at.is_(None) | (PushedRequestRow.used_by == used_by),
        )
        .values(used_at=now, used_by=used_by)
        .returning(PushedRequestRow.secret_sha256)
    ).scalar_one_or_none()
    if used is None:
        raise NotRedirectableError("invalid_request_uri", "This request was answered before.")


def purge_pushed_requests(session: Session, *, now: datetime) -> int:
    """Delete pushed requests whose time is over and whose logins are too; return how many."""
    gone = session.execute(
        delete(PushedRequestRow)
        .where(PushedRequestRow.expires_at <= now - KEPT_FOR)
        .returning(PushedRequestRow.secret_sha256)
    )
    return len(gone.all())


def _parameters(
    session: Session, services: IdpServices, client: Client, form: Parameters, sender: Sender, *, now: datetime
) -> tuple[Parameters, RequestOrigin]:
    outer = Parameters(
        values={name: value for name, value in form.values.items() if name not in _CREDENTIALS},
        repeated=form.repeated,
        lists=form.lists,
    )
    if outer.get("request_uri") is not None:
        raise RedirectableError("invalid_request", "A pushed request has no request_uri.")  # RFC 9126 §2.1
    token = outer.get("request")
    if token is None:
        parameters, contradicted = outer, frozenset[str]()
    else:
        inner = read_request_object(session, services, client=client, token=token, now=now)
        contradicted = contradictions(inner, outer)
        parameters = merged(inner, outer) if merges(client) else inner
    jkt = require_requested_key(
        session, services=services, client=client, sender=sender, dpop_jkt=parameters.get("dpop_jkt"), now=now
    )
    return parameters, RequestOrigin(pushed=True, signed=token is not None, contradicted=contradicted, dpop_jkt=jkt)
