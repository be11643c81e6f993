"""What an application is, in plain words, and the registration that follows from it (RFC 7591 §2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.clients.auth_method import AuthMethod
from idp.clients.policy import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from idp.clients.registration.uris import require_registrable_redirect_uri
from idp.protocol.scope import OFFLINE_ACCESS, OPENID
from kernel.errors import Rejected


@dataclass(frozen=True)
class Kind:
    """A kind of application.

    :ivar method: how one of this kind proves who it is, if nothing else is chosen.
    :ivar has_people: whether people log in to it.
    """

    policy: str
    method: AuthMethod
    native: bool = False
    has_people: bool = True


KINDS: Mapping[str, Kind] = {
    "web": Kind("web", AuthMethod.CLIENT_SECRET_BASIC),
    "page": Kind("public", AuthMethod.NONE),
    "native": Kind("public", AuthMethod.NONE, native=True),
    "service": Kind("service", AuthMethod.CLIENT_SECRET_BASIC, has_people=False),
    "classic": Kind("classic", AuthMethod.CLIENT_SECRET_POST),
    "high": Kind("fapi2", AuthMethod.PRIVATE_KEY_JWT),
}


def registration_of(
    kind: str,
    *,
    name: str,
    redirect_uris: Sequence[str] = (),
    post_logout_redirect_uris: Sequence[str] = (),
    scopes: Sequence[str] = (),
    method: str = "",
    jwks_uri: str = "",
    resources: Sequence[str] = (),
    contacts: Sequence[str] = (),
    policy_uri: str = "",
) -> dict[str, Any]:
    """Return the metadata to register; :class:`ClientRegistration` says whether they are valid.

    :param scopes: what is asked beside ``openid``; of a service the scopes of the APIs in ``resources``.
    :raises Rejected: (``unknown_kind``).
    """
    if kind not in KINDS:
        raise Rejected("There is no such kind of application.", code="unknown_kind")
    chosen = KINDS[kind]
    metadata: dict[str, Any] = {
        "client_name": name,
        "policy": chosen.policy,
        "application_type": "native" if chosen.native else "web",
        "token_endpoint_auth_method": method or chosen.method.value,
        "jwks_uri": jwks_uri or None,
        "contacts": list(contacts),
        "policy_uri": policy_uri or None,
        "resources": list(resources) or None,
    }
    if not chosen.has_people:
        return metadata | {"grant_types": [CLIENT_CREDENTIALS], "scope": " ".join(scopes)}
    grants = [AUTHORIZATION_CODE, *([REFRESH_TOKEN] if OFFLINE_ACCESS in scopes else [])]
    return metadata | {
        "grant_types": grants,
        "redirect_uris": list(redirect_uris),
        "post_logout_redirect_uris": list(post_logout_redirect_uris),
        "scope": " ".join(dict.fromkeys((OPENID, *scopes))),
    }


def address_problems(uris: Sequence[str], *, native: bool) -> list[tuple[str, str]]:
    """Return each address that cannot be registered as typed, with why."""
    found = []
    for uri in uris:
        try:
            require_registrable_redirect_uri(uri, native=native)
        except Rejected as error:
            found.append((uri, str(error)))
    return found
