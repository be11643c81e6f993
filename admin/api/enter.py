"""The door of the API: a token of a person, or a service, with a role of the console; as much as its scopes open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from admin.api.operation import Caller, Operation
from admin.api.scopes import opened_by
from admin.console_session import ABSOLUTE_LIFETIME, FRESH_LIFETIME
from admin.roles import powers_of
from admin.service_roles import service_actor, service_powers
from admin.services import AdminServices
from admin.sign_in import REQUIRED_ACR
from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication.assurance import satisfies
from idp.clients.own_apis import ADMINISTRATION
from idp.protocol.errors import BearerTokenError
from idp.protocol.sender import Sender
from idp.tokens.own_api import open_token
from kernel.errors import Denied, ServiceError
from kernel.origin import note_application


class LoginNeededError(Denied):
    """The person behind the token logs in again (RFC 9470). :ivar max_age: how old the login may be."""

    default_code = "insufficient_user_authentication"

    def __init__(self, public_detail: str, *, max_age: timedelta) -> None:
        super().__init__(public_detail)
        self.max_age = max_age


def enter(
    session: Session,
    *,
    services: AdminServices,
    operation: Operation,
    token: str,
    scheme: str,
    sender: Sender,
    now: datetime,
) -> Caller:
    """Return who calls, if token and roles open ``operation``; whoever they do not is on record.

    :raises BearerTokenError: ``invalid_token``, ``invalid_dpop_proof``, ``use_dpop_nonce``.
    :raises LoginNeededError: the login is too weak, or too old for this operation (RFC 9470).
    :raises Denied: ``insufficient_scope``, ``no_console_role``, ``missing_permission``.
    """
    person_id: str | None = None
    client_id: str | None = None
    try:
        opened = open_token(
            session, services=services.idp, token=token, scheme=scheme, sender=sender, audience=ADMINISTRATION, now=now
        )
        client_id = opened.client.client_id
        if opened.handed_on:
            raise BearerTokenError("handed_on")
        if opened.family is None:
            # It proved who it is for this token, which lives minutes: there is no login that could be old.
            actor, powers = service_actor(client_id), service_powers(session, client_id)
            if powers.are_none:
                raise BearerTokenError("of_no_person")
        else:
            actor = person_id = opened.family.person_id
            max_age = FRESH_LIFETIME if operation.fresh else ABSOLUTE_LIFETIME
            if not satisfies(opened.family.acr, REQUIRED_ACR) or now - opened.family.authenticated_at > max_age:
                raise LoginNeededError("Log in again, with two factors.", max_age=max_age)
            powers = powers_of(session, person_id, now=now)
        if powers.are_none:
            raise Denied("You have no role in the console.", code="no_console_role")
        scopes = opened_by(opened.scopes)
        if operation.permission not in scopes:
            raise Denied("No scope of the token opens this.", code="insufficient_scope")
        powers.require(operation.permission)
    except ServiceError as error:
        event = Event(
            type=EventType.CONSOLE_ACCESS_REFUSED,
            outcome=Outcome.REFUSED,
            reason=str(getattr(error, "reason", error.code))[:64],
            subject=person_id,
            client_id=client_id,
            details={"permission": operation.permission.value, "operation": operation.name},
        )
        services.journal.refuse(session, event, error, now=now)
    note_application(client_id)
    return Caller(actor=actor, client_id=client_id, powers=replace(powers, opened=scopes))
