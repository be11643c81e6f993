"""Tokens that open an API of this service itself: what any API checks (RFC 9068 §4), from our own records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp.clients.client import Client, find_client
from idp.directory.institutions import find_institution
from idp.protocol.dpop import DpopError
from idp.protocol.errors import BearerTokenError
from idp.protocol.sender import Sender
from idp.services import IdpServices
from idp.tokens.access_token import read_access_token
from idp.tokens.binding import require_holder
from idp.tokens.family import DeadFamilyError, TokenFamily
from idp.tokens.presented import require_living_access_token


@dataclass(frozen=True)
class CallingService:
    """An institution's application that acts for itself. :ivar institution_ruc: 13 digits."""

    client_id: str
    institution_ruc: str
    scopes: tuple[str, ...]


def open_own_api(
    session: Session, *, services: IdpServices, token: str, scheme: str, sender: Sender, audience: str, now: datetime
) -> CallingService:
    """Return which service holds the token: in force, for this audience, of nobody's session, its key proven.

    :param scheme: of the ``Authorization`` header, in lower case.
    :raises BearerTokenError: (``invalid_token``), with the reason for the record.
    """
    client, scopes = open_service_token(
        session, services=services, token=token, scheme=scheme, sender=sender, audience=audience, now=now
    )
    if client.institution_id is None:
        raise BearerTokenError("no_institution")
    institution = find_institution(session, client.institution_id)
    if not institution.active:
        raise BearerTokenError("institution_closed")
    return CallingService(client.client_id, institution.ruc, scopes)


def open_service_token(
    session: Session, *, services: IdpServices, token: str, scheme: str, sender: Sender, audience: str, now: datetime
) -> tuple[Client, tuple[str, ...]]:
    """Return the application that holds the token, whoever answers for it, and the token's scopes.

    :raises BearerTokenError: as :func:`open_own_api`.
    """
    opened = open_token(
        session, services=services, token=token, scheme=scheme, sender=sender, audience=audience, now=now
    )
    if opened.family is not None:
        raise BearerTokenError("of_a_person")
    return opened.client, opened.scopes


@dataclass(frozen=True)
class OpenedToken:
    """A token in force.

    :ivar family: what a person allowed; None: the application acts for itself.
    :ivar handed_on: whether another application got it first (RFC 8693).
    """

    client: Client
    scopes: tuple[str, ...]
    family: TokenFamily | None
    handed_on: bool


def open_token(
    session: Session, *, services: IdpServices, token: str, scheme: str, sender: Sender, audience: str, now: datetime
) -> OpenedToken:
    """Return the token, a service's own or a person's: in force with all that it rests on, its key proven.

    :param scheme: of the ``Authorization`` header, in lower case.
    :raises BearerTokenError: (``invalid_token``, ``invalid_dpop_proof``, ``use_dpop_nonce``), with the reason.
    """
    try:
        access = read_access_token(session, services, token=token, now=now)
        if access.audience != audience:
            raise BearerTokenError("wrong_audience")
        family = require_living_access_token(session, services, access, now=now)
        client = find_client(session, access.client_id)
        require_holder(
            session, services, client=client, access=access, token=token, scheme=scheme, sender=sender, now=now
        )
    except (DeadFamilyError, DpopError) as error:
        raise BearerTokenError(error.reason) from error
    handed_on = "act" in access.claims or (family is not None and family.client_id != access.client_id)
    return OpenedToken(client, access.scopes, family, handed_on)
