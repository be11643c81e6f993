"""How an authorization request reached us, and what that must be for this client (RFC 9101, RFC 9126)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from idp.protocol.errors import RedirectableError
from idp.protocol.parameters import Parameters
from idp.protocol.requesting_client import RequestingClient

# What only says where the request itself stands, or who sends it: never a part of it.
ENVELOPE = frozenset({"request", "request_uri", "client_id"})


@dataclass(frozen=True, kw_only=True)
class RequestOrigin:
    """Where the parameters of a request come from.

    :ivar pushed: whether the client sent them to us directly before (RFC 9126).
    :ivar pushed_sha256: digest of the ``request_uri`` of a pushed request, once it is used.
    :ivar signed: whether they stand in an object that the client signed (RFC 9101).
    :ivar contradicted: names of parameters that came beside the object with another value.
    :ivar dpop_jkt: the key that a pushed request proved (RFC 9449 §10.1), or the parameter.
    """

    pushed: bool = False
    pushed_sha256: str | None = None
    signed: bool = False
    contradicted: Collection[str] = ()
    dpop_jkt: str | None = None


FRONT_CHANNEL = RequestOrigin()


def require_origin(origin: RequestOrigin, *, client: RequestingClient) -> None:
    """Check that the request came as the client's policy and registration say.

    :raises RedirectableError: ``invalid_request``.
    """
    policy, known = client.policy, client.metadata
    if not origin.pushed and (policy.pushed_requests or known.require_pushed_authorization_requests):
        raise RedirectableError("invalid_request", "This client pushes its requests first (RFC 9126).")
    if not origin.signed and (policy.signed_requests or known.require_signed_request_object):
        raise RedirectableError("invalid_request", "This client signs its requests (RFC 9101).")
    if origin.contradicted:
        names = ", ".join(sorted(origin.contradicted)).encode("ascii", "replace").decode()
        raise RedirectableError("invalid_request", f"The request and what came beside it differ: {names}.")


def contradictions(inner: Parameters, outer: Parameters) -> frozenset[str]:
    """Return what came beside a request object, or a pushed request, with another value than in it, or twice.

    RFC 9101 §6.3 has us use the object alone; a difference is nobody's good intention, so it is refused.
    """
    differing = (
        name
        for name, value in outer.values.items()
        if name not in ENVELOPE
        and (name in inner.values or name in inner.lists)
        and (inner.all(name) != outer.all(name) if inner.all(name) else inner.get(name) != value)
    )
    return outer.repeated | frozenset(differing)


def merges(client: RequestingClient) -> bool:
    """Tell whether what a request object leaves out counts from beside it (OpenID Connect Core §6.1).

    Never where the requests must be signed (RFC 9101 §10.5): what stands beside the object is not.
    """
    return client.policy.merges_request_objects and not (
        client.policy.signed_requests or client.metadata.require_signed_request_object
    )


def merged(inner: Parameters, outer: Parameters) -> Parameters:
    """Return the object's parameters, and what it leaves out from beside it (OpenID Connect Core §6.1)."""
    rest = {name: value for name, value in outer.values.items() if name not in ENVELOPE}
    return Parameters(
        values={**rest, **inner.values},
        repeated=frozenset(outer.repeated - set(inner.values) - ENVELOPE),
        lists={**outer.lists, **inner.lists},
    )
