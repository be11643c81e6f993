"""What an application would be told of a person: made by the code that makes the real tokens, signed by nothing.

The person stands in no table, the login never was, and the session is one that is rolled back. The signature of what is
made is zero and names a key that is nobody's: no library accepts it, and this service does not know it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.authentication.assurance import AMR_CERTIFICATE, AMR_OTP, AMR_PASSWORD, acr_of, level_reached, with_methods
from idp.clients.client import Client
from idp.clients.environment import new_test_person_id
from idp.clients.policy import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from idp.developer.token_reading import ReadToken, read_token
from idp.directory.institutions import find_institution
from idp.protocol.acr import is_reached, required_acr, stated_acr
from idp.protocol.claims_request import parse_claims_request, within_scopes
from idp.protocol.errors import RedirectableError, TokenError
from idp.protocol.scope import OFFLINE_ACCESS, OPENID
from idp.protocol.terms import Terms
from idp.rights.belonging import Belonging
from idp.rights.catalog import list_roles
from idp.rights.holdings import Holding
from idp.services import IdpServices
from idp.tokens.access_token import AccessToken, access_token_of, issue_access_token
from idp.tokens.confirmation import Confirmation
from idp.tokens.family import TokenFamily
from idp.tokens.id_token import issue_id_token
from idp.tokens.introspection import told_of_access_token
from idp.tokens.key_ring import KeyRing
from idp.tokens.service_token import service_target
from idp.tokens.target import Target, target_for_person, userinfo_resource
from idp.tokens.token_set import issue_family_access_token
from idp.tokens.userinfo import userinfo_claims
from kernel.errors import Rejected
from kernel.identifiers import b64url, new_id, sha256
from kernel.prefetch import keep
from keys.signer import Algorithm

#: How the described person logs in, weakest first.
LOGINS: Mapping[str, tuple[str, ...]] = {
    "password": (AMR_PASSWORD,),
    "two": (AMR_PASSWORD, AMR_OTP),
    "certificate": (AMR_CERTIFICATE,),
}
#: How a token is bound, to a key that is nobody's (RFC 9449, RFC 8705).
BINDINGS: Mapping[str, Confirmation] = {
    "dpop": Confirmation(jkt=b64url(sha256("a key of nobody's"))),
    "certificate": Confirmation(x5t_s256=b64url(sha256("a certificate of nobody's"))),
}
KEY_ID = "preview-signed-by-nothing"
_OCTETS = 256


@dataclass(frozen=True, kw_only=True)
class Described:
    """A person as a developer describes one. Empty: the person has none.

    :ivar roles: names of what the person holds in the application; ``works``: at the application's institution, as
        whoever holds a role does.
    """

    level: int = 1
    given_names: str = "Persona"
    surnames: str = "de Ejemplo"
    cedula: str = ""
    email: str = ""
    phone: str = ""
    birth_date: str = ""
    locale: str = "es"
    roles: tuple[str, ...] = ()
    works: bool = False


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the application would ask for.

    :ivar login: one of :data:`LOGINS`. :ivar resource: empty: UserInfo alone.
    :ivar bound: the key that its token request proves, one of :data:`BINDINGS`; empty: none.
    """

    scopes: tuple[str, ...] = (OPENID,)
    acr_values: str = ""
    claims: str = ""
    resource: str = ""
    nonce: str = ""
    login: str = "password"
    bound: str = ""


@dataclass(frozen=True)
class Preview:
    """What the application would get.

    :ivar refused: the OAuth error that it would get instead, if it would; then all else is empty.
    :ivar userinfo: None where the access token does not open it.
    :ivar opaque: whether the access token would be a reference: then its content is what introspection tells.
    :ivar encrypted: whether the ID token would be encrypted to the application besides.
    """

    refused: str = ""
    id_token: ReadToken | None = None
    access_token: ReadToken | None = None
    userinfo: Mapping[str, Any] | None = None
    introspection: Mapping[str, Any] | None = None
    opaque: bool = False
    encrypted: bool = False
    refresh: bool = False
    response: Mapping[str, Any] = field(default_factory=dict)


def preview_tokens(
    services: IdpServices, *, client: Client, person: Described, wanted: Wanted, now: datetime
) -> Preview:
    """Return what ``client`` would get if such a person logged in and allowed everything. Nothing is kept.

    :raises Rejected: ``unknown_scope``, ``unknown_login``, ``bad_claims``, ``unknown_resource``, ``unknown_level``,
        ``unknown_binding``, ``unknown_role``.
    """
    _require_sensible(client, person, wanted)
    blind = replace(services, token_keys=cast(KeyRing, _NobodysKeys()))
    with services.database.reading() as session:
        if AUTHORIZATION_CODE not in client.grant_types:
            return _of_a_service(session, blind, client, wanted, now=now)
        return _of_a_person(session, blind, client, person, wanted, now=now)


def _require_sensible(client: Client, person: Described, wanted: Wanted) -> None:
    if not set(wanted.scopes) <= set(client.scopes):
        raise Rejected("The application has no such scope.", code="unknown_scope")
    if wanted.login not in LOGINS:
        raise Rejected("There is no such way to log in.", code="unknown_login")
    if person.level not in (1, 2, 3):
        raise Rejected("Levels are 1, 2 and 3.", code="unknown_level")
    if wanted.resource and wanted.resource not in client.metadata.resources:
        raise Rejected("The application has not registered this API.", code="unknown_resource")
    if wanted.bound not in bindings_for(client):
        raise Rejected("The application's tokens are not bound like that.", code="unknown_binding")


def bindings_for(client: Client) -> tuple[str, ...]:
    """Return how the tokens of ``client`` may be bound; the empty name, first where it may be, is of bearer tokens."""
    known = client.metadata
    if known.dpop_bound_access_tokens:
        return ("dpop",)
    if known.tls_client_certificate_bound_access_tokens or client.policy.sender_constrained:
        return ("dpop", "certificate")
    return ("", "dpop")


def _of_a_person(
    session: Session, services: IdpServices, client: Client, person: Described, wanted: Wanted, *, now: datetime
) -> Preview:
    try:
        claims = parse_claims_request(wanted.claims or None)
        amr = with_methods((), LOGINS[wanted.login])
        # Level 3 is level 2 and a certificate in this login.
        level = level_reached(min(person.level, 2), amr)
        vocabulary = {"known": services.acr_values, "levels": services.acr_levels}
        required = required_acr(
            wanted.acr_values or None,
            minimum=client.minimum_acr,
            claims=claims,
            **vocabulary,  # type: ignore[arg-type]
        )
    except RedirectableError as error:
        if error.code == "invalid_request":
            raise Rejected("The claims parameter is an object with userinfo or id_token.", code="bad_claims") from error
        return Preview(refused=error.code)
    strength = acr_of(amr)
    if not is_reached(required, acr=strength, level=level, **vocabulary):  # type: ignore[arg-type]
        return Preview(refused="unmet_authentication_requirements")
    acr = stated_acr(
        strength,
        minimum=client.minimum_acr,
        claims=claims,
        required=required,
        level=level,
        **vocabulary,  # type: ignore[arg-type]
    )
    family = _family(session, client, person, wanted, claims, acr=acr, amr=amr, now=now)
    _describe_rights(session, client, person, family.person_id)
    try:
        named = [wanted.resource] if wanted.resource else []
        target = target_for_person(session, services, client=client, family=family, named=named, scopes=family.scopes)
    except TokenError as error:
        return Preview(refused=error.code)
    open_target = replace(target, access_token_format="jwt")
    plain = _unencrypted(client)
    text = issue_family_access_token(session, services, client=plain, family=family, target=open_target, now=now)
    id_text, _ = issue_id_token(
        session,
        services,
        client=plain,
        family=family,
        access_token=text,
        nonce=wanted.nonce or None,
        txn=f"{new_id()}.preview",
        told=False,
        now=now,
    )
    access = _access(text)
    userinfo = None
    if target.identifier == userinfo_resource(services.settings.issuer) and OPENID in access.scopes:
        userinfo = userinfo_claims(session, services, client=client, family=family, access=access, now=now)
    return Preview(
        id_token=read_token(id_text),
        access_token=read_token(text),
        userinfo=userinfo,
        introspection=told_of_access_token(session, services, client, access, family, now=now),
        opaque=target.access_token_format == "opaque",
        encrypted=client.metadata.id_token_encrypted_response_alg is not None,
        refresh=family.offline,
        response=_response(target, wanted),
    )


def _describe_rights(session: Session, client: Client, person: Described, person_id: str) -> None:
    """Have at hand in this session, and nowhere else, where the person works and what he holds."""
    institution = find_institution(session, client.institution_id) if client.institution_id else None
    declared = {role.name: role for role in list_roles(session, client_id=client.client_id) if not role.retired}
    if not set(person.roles) <= set(declared) or (institution is None and (person.roles or person.works)):
        raise Rejected("The application has declared no such role.", code="unknown_role")
    works = institution is not None and bool(person.works or person.roles)
    keep(session, Belonging, person_id, [institution.id] if institution and works else [])
    held = [
        Holding(
            assignment_id=new_id(),
            person_id=person_id,
            role=name,
            permissions=declared[name].permissions,
            institution_id=institution.id,
            institution_ruc=institution.ruc,
            institution_name=institution.name,
            last_used_at=None,
        )
        for name in sorted(person.roles)
        if institution is not None
    ]
    keep(session, Holding, (person_id, client.client_id), held)


def _of_a_service(session: Session, services: IdpServices, client: Client, wanted: Wanted, *, now: datetime) -> Preview:
    try:
        named = [wanted.resource] if wanted.resource else []
        scope = " ".join(wanted.scopes) or None
        target = service_target(session, client, CLIENT_CREDENTIALS, scope, named)
    except TokenError as error:
        return Preview(refused=error.code)
    text = issue_access_token(
        session,
        services,
        subject=client.client_id,
        client=client,
        audience=target.identifier,
        scopes=target.scopes,
        confirmation=BINDINGS.get(wanted.bound),
        access_token_alg=target.access_token_alg,
        extra={},
        now=now,
    )
    return Preview(
        access_token=read_token(text),
        introspection=told_of_access_token(session, services, client, _access(text), None, now=now),
        opaque=target.access_token_format == "opaque",
        response=_response(target, wanted),
    )


def _family(
    session: Session,
    client: Client,
    person: Described,
    wanted: Wanted,
    claims: Mapping[str, Any],
    *,
    acr: str,
    amr: tuple[str, ...],
    now: datetime,
) -> TokenFamily:
    row = PersonRow(
        id=new_test_person_id(),
        cedula=person.cedula or None,
        passport=None,
        given_names=person.given_names,
        surnames=person.surnames,
        email=person.email or None,
        email_verified_at=now if person.email else None,
        phone=person.phone or None,
        phone_verified_at=now if person.phone else None,
        birth_date=person.birth_date or None,
        locale=person.locale,
        status="active",
        level=min(person.level, 2),
        is_test=True,
        created_at=now,
        updated_at=now,
    )
    # At hand for whoever looks the person up in this session, and nowhere else: it is not added to it.
    keep(session, PersonRow, row.id, row)
    return TokenFamily(
        id=new_id(),
        grant_type=AUTHORIZATION_CODE,
        client_id=client.client_id,
        person_id=row.id,
        sid=new_id(),
        scopes=wanted.scopes,
        terms=Terms(
            resources=(wanted.resource,) if wanted.resource else (), claims=within_scopes(claims, client.scopes)
        ),
        confirmation=BINDINGS.get(wanted.bound),
        session_x5t_s256=None,
        authenticated_at=now,
        acr=acr,
        amr=amr,
        offline=OFFLINE_ACCESS in wanted.scopes,
        created_at=now,
        expires_at=now,
        revoked=False,
    )


def _unencrypted(client: Client) -> Client:
    open_answers = replace(client.metadata, id_token_encrypted_response_alg=None)
    return replace(client, metadata=open_answers)


def _access(text: str) -> AccessToken:
    return access_token_of(read_token(text).claims or {})


def _response(target: Target, wanted: Wanted) -> Mapping[str, Any]:
    bound = BINDINGS.get(wanted.bound)
    token_type = bound.token_type if bound else "Bearer"
    return {"token_type": token_type, "scope": " ".join(target.scopes)}


class _NobodysKeys:
    """In the place of the keys that sign tokens: what it gives signs nothing."""

    def active_signer(self, _session: Session, algorithm: str) -> _NobodysSigner:
        return _NobodysSigner(Algorithm(algorithm))


@dataclass(frozen=True)
class _NobodysSigner:
    algorithm: Algorithm
    key_id: str = KEY_ID

    def sign(self, _data: bytes) -> bytes:
        """Return zeros: no key has made them, and no key verifies them (FIPS 186-5 §6.4.2: r and s are not zero)."""
        if self.algorithm in (Algorithm.ES256, Algorithm.ES384, Algorithm.ES512):
            return encode_dss_signature(0, 0)
        return bytes(_OCTETS)


def as_text(document: Mapping[str, Any]) -> str:
    """Return the document as people read JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False)
