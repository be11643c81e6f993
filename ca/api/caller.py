"""What a caller of the API may do, and what is its own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, or_

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.issuance.model import Certificate
from ca.ports import ApiCaller, PresentedToken
from ca.requests.model import CertificateRequest
from ca.services import CaServices
from kernel.errors import Denied, ServiceError

PREFIX = "/pki/api/v1"
NAME = "api"
#: The resource identifier (RFC 8707) under which the API is registered at the provider: the ``aud`` of its tokens.
AUDIENCE = "urn:sau:pki-api:v1"


class Scope(StrEnum):
    """What a token may open."""

    READ = "pki:read"
    REQUEST = "pki:request"
    REVOKE = "pki:revoke"


def actor_of(caller: ApiCaller) -> str:
    """Return how requests and events name the caller."""
    return f"{NAME}:{caller.client_id}"[:64]


def enter_api(services: CaServices, presented: PresentedToken, *, scope: Scope, now: datetime) -> ApiCaller:
    """Return who calls, if the token opens this.

    :raises Denied: ``invalid_token``, ``insufficient_scope``; on record.
    """
    with services.database.transaction() as session:
        try:
            caller = services.api_tokens.caller(session, presented, audience=AUDIENCE, now=now)
            if scope not in caller.scopes:
                raise Denied(f"The token has not the scope {scope}.", code="insufficient_scope")
        except ServiceError as error:
            reason = str(getattr(error, "reason", error.code))
            event = Event(
                type=EventType.ENROLMENT_REFUSED,
                outcome=Outcome.REFUSED,
                reason=reason[:64],
                details={"protocol": NAME, "scope": scope.value},
            )
            services.journal.refuse(session, event, error, now=now)
    return caller


def own_requests(query: Select[Any], caller: ApiCaller, services: CaServices) -> Select[Any]:
    """Narrow to the institution's; of people's only what this client asked for."""
    return query.where(
        CertificateRequest.institution_ruc == caller.institution_ruc,
        or_(
            CertificateRequest.profile.not_in(_personal(services)), CertificateRequest.requested_by == actor_of(caller)
        ),
    )


def own_certificates(query: Select[Any], caller: ApiCaller, services: CaServices) -> Select[Any]:
    """Narrow likewise."""
    return query.where(
        Certificate.institution_ruc == caller.institution_ruc,
        Certificate.certificate_der.is_not(None),
        Certificate.profile.not_in(_personal(services)),
    )


def _personal(services: CaServices) -> list[str]:
    return [profile.name for profile in services.profiles.list() if profile.is_personal]
