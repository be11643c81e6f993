"""What is registered, as it is compared: its digest, what may be changed at the console, and what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from idp.clients.client import Client
from idp.clients.policy import REFRESH_TOKEN
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.protocol.scope import IDENTITY_SCOPES, OFFLINE_ACCESS, OPENID
from kernel.errors import Rejected
from kernel.identifiers import sha256_hex

#: Members that whoever looks after an application changes. The others say which API it is or what it may call back, and
#: are the service's to say (``sau client``, ``sau config apply``); secrets and keys have a page of their own.
CHANGEABLE = frozenset(
    {
        "client_name",
        "redirect_uris",
        "post_logout_redirect_uris",
        "contacts",
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "initiate_login_uri",
        "scope",
        "optional_scope",
        "grant_types",
        "policy",
        "default_acr_values",
        "default_max_age",
        "require_auth_time",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
        "require_pushed_authorization_requests",
        "dpop_bound_access_tokens",
        "id_token_signed_response_alg",
        "resources",
    }
)

_SPACED = ("scope", "optional_scope")
#: What follows from them and is written down with them.
CONSEQUENCES = frozenset({"response_types"})


@dataclass(frozen=True)
class Differing:
    """A member that differs: its values before, its values after, in their order; a single value is a list of one.

    :ivar several: whether it is a list of values, of which each comes and goes by itself.
    """

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    several: bool

    @property
    def removed(self) -> tuple[str, ...]:
        """What is there no longer."""
        return tuple(value for value in self.before if value not in self.after)

    @property
    def added(self) -> tuple[str, ...]:
        """What was not there."""
        return tuple(value for value in self.after if value not in self.before)

    @property
    def kept(self) -> tuple[str, ...]:
        """What stays."""
        return tuple(value for value in self.before if value in self.after)


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the digest of everything that is registered: what an approver saw is what he approves."""
    return sha256_hex(json.dumps(document, sort_keys=True))


def document_digest(client: Client) -> str:
    """Return the digest of what this application registered."""
    return digest_of(registration_document(client))


def client_after(client: Client, registration: ClientRegistration) -> Client:
    """Return the application as it would be with this registration."""
    return replace(
        client,
        name=registration.name,
        application_type=registration.application_type,
        redirect_uris=registration.redirect_uris,
        post_logout_redirect_uris=registration.post_logout_redirect_uris,
        auth_method=registration.auth_method,
        jwks=registration.jwks,
        id_token_alg=registration.id_token_alg,
        grant_types=registration.grant_types,
        scopes=registration.scopes,
        optional_scopes=registration.optional_scopes,
        minimum_acr=registration.minimum_acr,
        resource=registration.resource,
        policy=registration.policy,
        metadata=registration.metadata,
    )


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Differing]:
    """Return what differs between two sets of members, by name."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [
        Differing(
            name,
            _values(name, before.get(name)),
            _values(name, after.get(name)),
            several=name in _SPACED or isinstance(before.get(name) or after.get(name), list),
        )
        for name in names
    ]


def require_changeable(changes: Mapping[str, Any]) -> None:
    """:raises Rejected: (``member_not_changeable``) a member that is not changed so."""
    if foreign := changes.keys() - CHANGEABLE:
        raise Rejected(f"{min(foreign)} is not changed here.", code="member_not_changeable")


def with_scopes(client: Client, scopes: Sequence[str]) -> dict[str, Any]:
    """Return the members that change if the application asks for these scopes instead of those it has.

    The scope of access without the person and the grant type of refresh tokens go together.
    """
    wanted = tuple(dict.fromkeys(scopes))
    if OPENID in client.scopes:
        wanted = tuple(dict.fromkeys((OPENID, *wanted)))
    grants = [grant for grant in client.grant_types if grant != REFRESH_TOKEN]
    return {
        "scope": " ".join(wanted),
        "optional_scope": " ".join(each for each in client.optional_scopes if each in wanted),
        "grant_types": [*grants, *([REFRESH_TOKEN] if OFFLINE_ACCESS in wanted else [])],
    }


def foreign_scopes(client: Client) -> list[str]:
    """Return its scopes that are of APIs, not about who the person is."""
    return [scope for scope in client.scopes if scope not in IDENTITY_SCOPES]


def _values(name: str, value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return tuple(value.split()) if name in _SPACED else (value,)
    if isinstance(value, list):
        return tuple(each if isinstance(each, str) else _text(each) for each in value)
    return (_text(value),)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
