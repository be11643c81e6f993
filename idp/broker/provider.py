"""Another provider as a value, and its discovery document made valid (OpenID Connect Discovery 1.0 §3, §4.3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from idp.authentication.assurance import ACR_1FA, ACR_2FA
from idp.rights.belonging import Source
from idp.rights.groups.source import GroupSource
from kernel.errors import Rejected
from kernel.secret_text import SecretText

#: Asymmetric ones alone: with a shared secret whoever holds it could write an ID token (RFC 8725 §3.2).
ALGORITHMS = ("ES256", "RS256", "PS256", "ES384", "EdDSA")
STRENGTHS = {"1fa": ACR_1FA, "2fa": ACR_2FA}
LEVELS = (1, 2)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,60}")
_CLAIM = re.compile(r"[A-Za-z0-9_:/.-]{1,100}")


@dataclass(frozen=True)
class Endpoints:
    """Where a provider is asked. All of them are https, or in the operator's own networks.

    :ivar userinfo: and ``end_session``: empty where it has none.
    """

    authorization: str
    token: str
    jwks: str
    userinfo: str = ""
    end_session: str = ""


@dataclass(frozen=True, kw_only=True)
class Discovered:
    """What a provider says about itself. :ivar names_itself: it puts ``iss`` into its answers (RFC 9207)."""

    issuer: str
    endpoints: Endpoints
    algorithms: tuple[str, ...]
    names_itself: bool


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider that people may sign in through.

    :ivar title: what people read. :ivar domains: of the mail addresses by which it is found.
    :ivar secret: empty where our own signing key proves who we are (``private_key_jwt``).
    :ivar scope: what it is asked for.
    :ivar cedula_claim: the claim with the cédula that the operator declares verified there; empty: none is believed.
    :ivar groups_claim: the claim with the person's groups or roles there, dots leading inwards; empty: none is read.
    :ivar logs_out_there: a logout here goes on to its own (RP-Initiated Logout 1.0).
    :ivar strengths: what an ``acr`` or ``amr`` of theirs is worth here; any other is worth one factor.
    :ivar level: of identity, at most, of whoever it vouches for.
    """

    id: str
    name: str
    title: str
    institution_id: str
    discovered: Discovered
    client_id: str
    secret: SecretText = field(default_factory=lambda: SecretText(""))
    scope: str = "openid profile email"
    domains: tuple[str, ...] = ()
    cedula_claim: str = ""
    strengths: Mapping[str, str] = field(default_factory=dict)
    level: int = 1
    creates_people: bool = False
    groups_claim: str = ""
    logs_out_there: bool = False
    active: bool = True

    @property
    def source(self) -> GroupSource:
        """As what it gives word of groups."""
        return GroupSource(kind=Source.PROVIDER, id=self.id, name=self.name, institution_id=self.institution_id)

    @property
    def origin(self) -> str:
        """Where the browser goes."""
        parts = urlsplit(self.discovered.endpoints.authorization)
        return f"{parts.scheme}://{parts.netloc}"


def parse_discovery(body: bytes, *, issuer: str) -> Discovered:
    """Return what the document at the issuer's well-known address says.

    :raises Rejected: (``bad_discovery``) for another issuer than was asked (§4.3: this is what a mix-up begins with),
        missing endpoints, or no algorithm, response type, or PKCE that we use.
    """
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _bad("The document is no JSON.") from error
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise _bad("The document is of another issuer.")
    offered = document.get("id_token_signing_alg_values_supported")
    algorithms = tuple(each for each in ALGORITHMS if isinstance(offered, list) and each in offered)
    if not algorithms:
        raise _bad("It signs ID tokens by no algorithm that is accepted here.")
    if "code" not in (document.get("response_types_supported") or ()):
        raise _bad("It gives no codes.")
    return Discovered(
        issuer=issuer,
        endpoints=Endpoints(
            _address(document, "authorization_endpoint"),
            _address(document, "token_endpoint"),
            _address(document, "jwks_uri"),
            userinfo=_address_or_none(document, "userinfo_endpoint"),
            end_session=_address_or_none(document, "end_session_endpoint"),
        ),
        algorithms=algorithms,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def parse_issuer(text: str) -> str:
    """Return an issuer (OpenID Connect Discovery 1.0 §3): no query, no fragment. :raises Rejected: ``bad_issuer``."""
    issuer = text.strip()
    parts = urlsplit(issuer)
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or len(issuer) > 300
    ):
        raise Rejected("Write the issuer, like https://sso.salud.gob.ec/realms/salud.", code="bad_issuer")
    return issuer


def parse_provider_name(text: str) -> str:
    """Return the name of a provider. :raises Rejected: ``bad_provider_name``."""
    if not _NAME.fullmatch(text.strip()):
        raise Rejected("A name has lower-case letters, digits and hyphens.", code="bad_provider_name")
    return text.strip()


def parse_claim(text: str) -> str:
    """Return the name of a claim, or nothing. :raises Rejected: ``bad_claim``."""
    if text and not _CLAIM.fullmatch(text):
        raise Rejected("This is no name of a claim.", code="bad_claim")
    return text


def parse_scope(extra: Sequence[str]) -> str:
    """Return what is asked for: the usual, and ``extra`` (RFC 6749 §3.3). :raises Rejected: ``bad_scope``."""
    if not all(_SCOPE.fullmatch(each) for each in extra) or len(extra) > 10:
        raise Rejected("A scope has printable characters without blanks.", code="bad_scope")
    return " ".join(dict.fromkeys(("openid", "profile", "email", *extra)))


def parse_strengths(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return the operator's table of what is worth what. :raises Rejected: ``bad_strength``."""
    if not all(worth in STRENGTHS and 0 < len(value) <= 200 for value, worth in pairs.items()):
        raise Rejected("Write VALUE=1fa or VALUE=2fa.", code="bad_strength")
    return {value: STRENGTHS[worth] for value, worth in pairs.items()}


def strength_words(strengths: Mapping[str, str]) -> dict[str, str]:
    """Return the operator's table as :func:`parse_strengths` reads it."""
    return {value: "2fa" if worth == ACR_2FA else "1fa" for value, worth in sorted(strengths.items())}


def extra_scopes(scope: str) -> tuple[str, ...]:
    """Return what is asked for beside the usual: :func:`parse_scope` makes ``scope`` of it again."""
    usual = parse_scope(()).split()
    return tuple(each for each in scope.split() if each not in usual)


def strength_of(provider: Provider, claims: Mapping[str, Any]) -> str:
    """Return what a login there is worth here: never more than the operator's table says of what they declare."""
    said = [claims.get("acr"), *(claims["amr"] if isinstance(claims.get("amr"), list) else ())]
    worth = {provider.strengths.get(each, ACR_1FA) for each in said if isinstance(each, str)}
    return ACR_2FA if ACR_2FA in worth else ACR_1FA


def _address(document: Mapping[str, Any], member: str) -> str:
    value = document.get(member)
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or len(value) > 2000 or "#" in value:
        raise _bad(f"Its {member} is no address.")
    return value


def _address_or_none(document: Mapping[str, Any], member: str) -> str:
    return _address(document, member) if document.get(member) is not None else ""


def _bad(detail: str) -> Rejected:
    return Rejected(detail, code="bad_discovery")
