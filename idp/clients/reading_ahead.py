"""Applications that are going to be asked for, with their secrets and the APIs that they call, read together.

An application is made into a value once in a process and for each version of it; that it is still that version is
asked of the database for each batch, with the secrets, which have no version.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from idp.clients.api import Api, api_of, read_apis
from idp.clients.client import Client, client_value, is_client_id
from idp.clients.model import ClientRow, ClientSecretRow
from kernel.prefetch import PlainRows, among, dialect_of, keep
from kernel.prepared import Prepared

_CLIENT_LIMIT = 10_000
_SECRETS = PlainRows(ClientSecretRow)


class KnownClients:
    """The applications that this process has met.

    :ivar read: a reader for :class:`kernel.prefetch.Want`, by ``client_id``.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, Client] = OrderedDict()

    def read(self, session: Session, client_ids: Sequence[str]) -> None:
        """Keep each client, or that there is none, and the APIs that it may call."""
        possible = [each for each in client_ids if is_client_id(each)]
        # Most are known from before: what they call is asked for with them.
        expected = {api for each in possible if each in self._known for api in self._known[each].metadata.resources}
        versions: dict[str, int] = {}
        secrets: dict[str, list[Any]] = {}
        given = {"keys": possible, "resources": sorted(expected)}
        for values in _STANDING.fetch(session, given):
            client_id, version = values[-2:]
            versions[client_id] = version
            (secret,) = _SECRETS.split(values)
            secrets.setdefault(client_id, []).extend([secret] if secret else [])
        self._renew(session, versions)
        found = {client_id: self._known[client_id] for client_id in versions}
        wanted: set[str] = set()
        for client_id in possible:
            client = found.get(client_id)
            keep(session, Client, client_id, client)
            keep(session, ClientSecretRow, client_id, secrets.get(client_id, []))
            wanted.update(client.metadata.resources if client else ())
        apis = {client.resource: api_of(client) for client in found.values() if client.resource and client.active}
        for resource in expected:
            keep(session, Api, resource, apis.get(resource))
        if wanted - expected:
            read_apis(session, sorted(wanted - expected))
        while len(self._known) > _CLIENT_LIMIT:
            self._known.popitem(last=False)

    def _renew(self, session: Session, versions: dict[str, int]) -> None:
        changed = [
            client_id
            for client_id, version in versions.items()
            if client_id not in self._known or self._known[client_id].version != version
        ]
        if changed:
            for row in session.scalars(_rows(dialect_of(session)), {"keys": changed}):
                self._known[row.client_id] = client_value(row)


def _standing(dialect: str) -> Any:
    return (
        select(*_SECRETS.columns, ClientRow.client_id, ClientRow.version)
        .select_from(ClientRow)
        .outerjoin(ClientSecretRow, ClientSecretRow.client_id == ClientRow.client_id)
        .where(or_(among(dialect, ClientRow.client_id), among(dialect, ClientRow.resource, "resources")))
    )


_STANDING = Prepared(_standing)


@lru_cache
def _rows(dialect: str) -> Any:
    return select(ClientRow).where(among(dialect, ClientRow.client_id))
