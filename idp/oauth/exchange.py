"""Requests and answers of the token, revocation and introspection endpoints, free of Flask and of Authlib."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.protocol.client_authentication import PresentedCredentials
from idp.protocol.errors import InvalidClientError
from idp.protocol.parameters import Parameters
from idp.protocol.sender import Sender
from idp.services import IdpServices


@dataclass(frozen=True, kw_only=True)
class EndpointCall:
    """One request, with the transaction that it is answered in.

    :ivar endpoint: ``token``, ``introspect`` or ``revoke``.
    :ivar authorization: the ``Authorization`` header. ``presented``: how the client presents itself in it or the form.
    :ivar wants_jwt: whether the answer is asked for as a JWT (RFC 9701 §4).
    :ivar sender: what else came beside the form: DPoP proofs, a client certificate.
    """

    services: IdpServices
    session: Session
    endpoint: str
    authorization: str | None = field(repr=False)
    presented: PresentedCredentials | InvalidClientError = field(repr=False)
    sender: Sender
    form: Parameters = field(repr=False)
    now: datetime
    wants_jwt: bool = False


@dataclass(frozen=True)
class EndpointAnswer:
    """One answer: a status, a JSON document or a JWT, headers."""

    status: int
    document: dict[str, Any] | str = field(repr=False)
    headers: dict[str, str]
