"""What the rules of an authorization request need to know of the client that sends it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class RequestPolicy(Protocol):
    """The part of its policy that is about requests."""

    @property
    def response_types(self) -> Collection[str]:
        """What it may ask for."""
        ...

    @property
    def pkce(self) -> bool:
        """Whether every request needs a challenge."""
        ...

    @property
    def pushed_requests(self) -> bool:
        """Whether every request is pushed before."""
        ...

    @property
    def signed_requests(self) -> bool:
        """Whether every request is a signed object."""
        ...

    @property
    def merges_request_objects(self) -> bool:
        """Whether what a request object leaves out is taken from beside it."""
        ...

    @property
    def signed_responses(self) -> bool:
        """Whether answers must be signed."""
        ...


class RegisteredMetadata(Protocol):
    """The registered metadata that is about requests."""

    @property
    def resources(self) -> tuple[str, ...]:
        """The APIs that it may ask tokens for."""
        ...

    @property
    def response_types(self) -> Collection[str]:
        """What it registered."""
        ...

    @property
    def require_pushed_authorization_requests(self) -> bool:
        """Whether it wants only pushed requests answered."""
        ...

    @property
    def require_signed_request_object(self) -> bool:
        """Whether it wants only signed requests answered."""
        ...

    @property
    def authorization_details_types(self) -> Collection[str]:
        """The types of details that it may ask for."""
        ...

    @property
    def default_max_age(self) -> int | None:
        """How old a login may be where the request does not say."""
        ...

    @property
    def dpop_bound_access_tokens(self) -> bool:
        """Whether its tokens are always bound to a key."""
        ...

    @property
    def tls_client_certificate_bound_access_tokens(self) -> bool:
        """Whether its tokens are always bound to its certificate."""
        ...


class RequestingClient(Protocol):
    """The client, as the rules see it."""

    @property
    def client_id(self) -> str:
        """Its name in the protocol."""
        ...

    @property
    def application_type(self) -> str:
        """``web`` or ``native``."""
        ...

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """Where answers may go."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """What it may ask for."""
        ...

    @property
    def grant_types(self) -> tuple[str, ...]:
        """How it may get tokens."""
        ...

    @property
    def minimum_acr(self) -> str | None:
        """The least strength of login it accepts."""
        ...

    @property
    def is_public(self) -> bool:
        """Whether it cannot keep a secret."""
        ...

    @property
    def policy(self) -> RequestPolicy:
        """The rules for its kind."""
        ...

    @property
    def metadata(self) -> RegisteredMetadata:
        """What else it registered."""
        ...
