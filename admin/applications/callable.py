"""Which APIs an application may be registered to call."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.clients.api import find_apis
from idp.clients.environment import Place, may_call
from idp.clients.registration.client_registration import ClientRegistration
from kernel.errors import Rejected


def require_callable(session: Session, registration: ClientRegistration, place: Place) -> None:
    """Nobody has approved what stands in a sandbox: it calls what its institution tries out there, and nothing else.

    Asked again for every token (``idp.tokens.target``): this says it in time. :raises Rejected: (``api_outside``).
    """
    apis = find_apis(session, registration.metadata.resources)
    for identifier in registration.metadata.resources:
        if not may_call(place, apis[identifier].place if identifier in apis else None):
            raise Rejected("An application of a sandbox calls APIs of its institution's sandbox.", code="api_outside")
