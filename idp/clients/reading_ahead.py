"""Applications that are going to be asked for, with their secrets and the APIs that they call, read together."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.api import read_apis
from idp.clients.client import Client, client_value, is_client_id
from idp.clients.model import ClientRow, ClientSecretRow
from kernel.prefetch import among, keep


def read_clients(session: Session, client_ids: Sequence[str]) -> None:
    """Keep each client, or that there is none."""
    possible = [each for each in client_ids if is_client_id(each)]
    rows = session.execute(
        select(ClientRow, ClientSecretRow)
        .outerjoin(ClientSecretRow, ClientSecretRow.client_id == ClientRow.client_id)
        .where(among(session, ClientRow.client_id, possible))
    ).all()
    clients = {row.client_id: row for row, _ in rows}
    secrets: dict[str, list[ClientSecretRow]] = {client_id: [] for client_id in clients}
    for row, secret in rows:
        if secret is not None:
            secrets[row.client_id].append(secret)
    apis: set[str] = set()
    for client_id in possible:
        client = client_value(clients[client_id]) if client_id in clients else None
        keep(session, Client, client_id, client)
        keep(session, ClientSecretRow, client_id, secrets.get(client_id, []))
        apis.update(client.metadata.resources if client else ())
    if apis:
        read_apis(session, sorted(apis))
