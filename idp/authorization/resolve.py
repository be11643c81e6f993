"""Where the parameters of a request stand: in the address, in a request object, or pushed before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.authorization.pushed_request import find_pushed_request
from idp.authorization.request_object import (
    PUSHED_PREFIX,
    FetchedObject,
    read_referenced_object,
    read_request_object,
)
from idp.clients.client import Client
from idp.protocol.errors import RedirectableError
from idp.protocol.parameters import Parameters
from idp.protocol.request_origin import RequestOrigin, contradictions, merged, merges
from idp.services import IdpServices


def resolve_request(
    session: Session,
    services: IdpServices,
    *,
    client: Client,
    outer: Parameters,
    fetched: FetchedObject | None,
    now: datetime,
) -> tuple[Parameters, RequestOrigin]:
    """Return the parameters that count, and where they come from.

    RFC 9101 §6.3: those of a request object count alone. Only a policy for older libraries takes what the object leaves
    out from beside it, as OpenID Connect Core §6.1 has it.

    :param outer: what the browser brought.
    :param fetched: what stands at its ``request_uri``, fetched before.
    :raises RedirectableError: ``invalid_request``, ``invalid_request_uri``, ``invalid_request_object``.
    """
    request_uri, token = outer.get("request_uri"), outer.get("request")
    if {"request", "request_uri"} & outer.repeated or (request_uri is not None and token is not None):
        raise RedirectableError("invalid_request", "A request has one request object.")  # RFC 9101 §5
    if request_uri is not None and request_uri.startswith(PUSHED_PREFIX):
        return find_pushed_request(session, client=client, request_uri=request_uri, outer=outer, now=now)
    if request_uri is not None:
        inner = read_referenced_object(
            session, services, client=client, request_uri=request_uri, fetched=fetched, now=now
        )
    elif token is not None:
        inner = read_request_object(session, services, client=client, token=token, now=now)
    else:
        return outer, RequestOrigin(dpop_jkt=outer.get("dpop_jkt"))
    parameters = merged(inner, outer) if merges(client) else inner
    return parameters, RequestOrigin(
        signed=True, contradicted=contradictions(inner, outer), dpop_jkt=parameters.get("dpop_jkt")
    )
