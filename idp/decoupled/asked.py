"""What a request without a browser asks for, by the rules of the authorization endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from idp.clients.client import Client
from idp.protocol.acr import required_acr
from idp.protocol.authorization_details import PARAMETER as DETAILS
from idp.protocol.errors import RedirectableError, TokenError
from idp.protocol.parameters import Parameters
from idp.protocol.resource import PARAMETER as RESOURCE
from idp.protocol.resource import InvalidTargetError, requested_resources
from idp.protocol.scope import IDENTITY_SCOPES, requested_scopes
from idp.protocol.terms import Terms
from idp.services import IdpServices
from idp.tokens.target import userinfo_resource

CLAIMS = "claims"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an application wants to know and do, and how strongly the person must have logged in."""

    scopes: tuple[str, ...]
    terms: Terms
    required_acr: str | None

    @classmethod
    def read(cls, parameters: Parameters, *, client: Client, services: IdpServices) -> Self:
        """Return what ``scope``, ``resource`` and ``acr_values`` ask for.

        :raises TokenError: ``invalid_scope``, ``invalid_target``; ``invalid_authorization_details`` and
            ``invalid_request`` for what is asked at the authorization endpoint only.
        """
        _require_served(parameters)
        try:
            scopes = requested_scopes(parameters.get("scope"), allowed=client.scopes)
            resources = requested_resources(
                parameters.all(RESOURCE),
                registered=client.metadata.resources,
                userinfo=userinfo_resource(services.settings.issuer),
                needs_api=not set(scopes) <= set(IDENTITY_SCOPES),
            )
        except RedirectableError as error:
            raise TokenError(error.code, error.public_detail) from error
        except InvalidTargetError as error:
            raise TokenError("invalid_target", "A resource is not one that this client registered.") from error
        acr = required_acr(
            parameters.get("acr_values"),
            known=services.acr_values,
            levels=services.acr_levels,
            minimum=client.minimum_acr,
        )
        return cls(scopes=scopes, terms=Terms(resources=resources), required_acr=acr)


def _require_served(parameters: Parameters) -> None:
    """What a person would not be shown is refused: passed over, the application would take it for allowed."""
    named = parameters.values.keys() | parameters.lists.keys() | parameters.repeated
    if DETAILS in named:
        detail = "authorization_details is served at /authorize only."  # RFC 9396 §5
        raise TokenError("invalid_authorization_details", detail)
    if CLAIMS in named:
        raise TokenError("invalid_request", "claims is served at /authorize only; ask by scope.")
