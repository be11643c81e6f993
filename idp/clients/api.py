"""APIs: applications that others call with tokens of this service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from idp.clients.client import Client, client_value
from idp.clients.environment import Place
from idp.clients.model import ClientRow
from idp.clients.own_apis import ADMINISTRATION, ADMINISTRATION_NAME, ADMINISTRATION_SCOPES
from idp.clients.registration.authorization_details import details_types
from idp.protocol.authorization_details import DetailsType
from kernel.prefetch import UNKNOWN, among, dialect_of, keep, kept


@dataclass(frozen=True)
class Api:
    """An API.

    :ivar identifier: its resource indicator, the ``aud`` of tokens for it.
    :ivar scopes: what can be allowed there, with the words that people read; empty: it tells none apart.
    :ivar details: types of authorization details that it declares.
    :ivar access_token_format: ``jwt`` or ``opaque``.
    :ivar access_token_alg: what JWTs for it are signed by.
    :ivar place: where it stands, and whose it is.
    """

    identifier: str
    client_id: str
    name: str
    scopes: Mapping[str, str]
    details: Mapping[str, DetailsType]
    access_token_format: str
    access_token_alg: str
    place: Place


@dataclass(frozen=True)
class Permission:
    """Something that an application may do at an API, in the words of the API.

    :ivar words: empty where it is the API as such.
    """

    api_name: str
    words: str


def find_permissions(session: Session, identifiers: Iterable[str]) -> dict[str, Permission]:
    """Return what can be allowed at the APIs, by scope; an API as such by its identifier."""
    wanted = list(identifiers)
    apis = find_apis(session, wanted)
    permissions = {identifier: Permission(identifier, "") for identifier in wanted}
    for api in apis.values():
        permissions[api.identifier] = Permission(api.name, "")
        permissions |= {scope: Permission(api.name, words) for scope, words in api.scopes.items()}
    if ADMINISTRATION in permissions and ADMINISTRATION not in apis:
        permissions[ADMINISTRATION] = Permission(ADMINISTRATION_NAME, "")
        permissions |= {scope: Permission(ADMINISTRATION_NAME, words) for scope, words in ADMINISTRATION_SCOPES.items()}
    return permissions


def find_details_types(session: Session, identifiers: Iterable[str]) -> dict[str, DetailsType]:
    """Return the types of authorization details that the APIs declare. Of two of one name the first API's counts."""
    wanted = list(identifiers)
    apis = find_apis(session, wanted)
    types: dict[str, DetailsType] = {}
    for identifier in wanted:
        if identifier in apis:
            types = {**apis[identifier].details, **types}
    return types


def list_details_types(session: Session) -> tuple[str, ...]:
    """Return the names of all types of authorization details that active APIs declare."""
    rows = session.scalars(select(ClientRow).where(ClientRow.resource.is_not(None), ClientRow.status == "active"))
    return tuple(sorted({name for row in rows for name in client_value(row).metadata.resource_details}))


def find_apis(session: Session, identifiers: Iterable[str]) -> dict[str, Api]:
    """Return the active ones among ``identifiers`` that are registered here; others verify tokens by themselves."""
    wanted = list(identifiers)
    known = {identifier: kept(session, Api, identifier) for identifier in wanted}
    missing = [identifier for identifier, api in known.items() if api is UNKNOWN]
    if missing:
        active = select(ClientRow).where(ClientRow.resource.in_(missing), ClientRow.status == "active")
        known |= dict.fromkeys(missing) | _apis(session.scalars(active))
    return {identifier: api for identifier, api in known.items() if api is not None}


def read_apis(session: Session, identifiers: Sequence[str]) -> None:
    """Read ahead what :func:`find_apis` is going to be asked for."""
    found = _apis(session.scalars(_registered(dialect_of(session)), {"keys": identifiers}))
    for identifier in identifiers:
        keep(session, Api, identifier, found.get(identifier))


@lru_cache
def _registered(dialect: str) -> Select[ClientRow]:
    return select(ClientRow).where(among(dialect, ClientRow.resource), ClientRow.status == "active")


def _apis(rows: Iterable[ClientRow]) -> dict[str, Api]:
    found = map(api_of, map(client_value, rows))
    return {api.identifier: api for api in found}


def api_of(client: Client) -> Api:
    """Return the API that the client is registered as."""
    identifier = client.resource or ""
    return Api(
        identifier=identifier,
        client_id=client.client_id,
        name=client.name,
        scopes=client.metadata.resource_scopes,
        details=details_types(client.metadata.resource_details, resource=identifier, api_name=client.name),
        access_token_format=client.metadata.access_token_format,
        access_token_alg=client.metadata.access_token_signed_response_alg,
        place=client.place,
    )
