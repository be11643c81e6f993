"""The rules of :mod:`idp.protocol.authorization_request`, asked with what is registered and served here."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.authorization.id_token_hint import read_hinted_subject
from idp.clients.api import find_details_types
from idp.clients.client import Client
from idp.protocol.authorization_details import PARAMETER as DETAILS
from idp.protocol.authorization_request import AuthorizationRequest, ReturnAddress
from idp.protocol.parameters import Parameters
from idp.protocol.request_origin import RequestOrigin
from idp.services import IdpServices
from idp.tokens.target import userinfo_resource


def check_request(
    session: Session,
    services: IdpServices,
    parameters: Parameters,
    *,
    client: Client,
    address: ReturnAddress,
    origin: RequestOrigin,
) -> tuple[AuthorizationRequest, str | None]:
    """Return the valid request, and the subject that its ``id_token_hint`` names, pushed or not.

    :raises RedirectableError: with the code for the application.
    """
    asked_in_detail = parameters.get(DETAILS) is not None
    request = AuthorizationRequest.parse(
        parameters,
        client=client,
        address=address,
        known_acr=services.acr_values,
        acr_levels=services.acr_levels,
        userinfo=userinfo_resource(services.settings.issuer),
        details_types=find_details_types(session, client.metadata.resources) if asked_in_detail else {},
        origin=origin,
    )
    return request, read_hinted_subject(session, services, request)
