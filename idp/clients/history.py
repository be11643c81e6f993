"""Every change of an application, before and after: rows of their own beside the register, written with the change.

The audit log says that a change happened and shortens what it was; these rows have it whole, for whoever looks after
the application to read and to undo. They hold no secret: keys are public, and a secret's digest is no member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.clients.client import Client
from idp.clients.model import ClientChangeRow
from idp.clients.registration.document import registration_document
from idp.clients.registration.metadata import CERTIFICATE_NAMES

REGISTERED, CHANGED, PLACED = "registered", "changed", "placed"
DISABLED, ENABLED, DELETED = "disabled", "enabled", "deleted"
#: By which an application proves who it is: what was once replaced may be in strange hands, and is not put back.
CREDENTIALS = frozenset({"jwks", "jwks_uri", "token_endpoint_auth_method"})
#: Whatever says by which it does, names of certificates too: who gave it one of these may act as the application.
PROOFS = CREDENTIALS | set(CERTIFICATE_NAMES)


@dataclass(frozen=True)
class Change:
    """One change.

    :ivar version: of the application after it. :ivar before: the members that differ; what was absent is left out.
    :ivar undoes: the version whose change this one took back.
    """

    version: int
    kind: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    undoes: int | None
    changed_by: str | None
    approved_by: str | None
    changed_at: datetime

    @property
    def members(self) -> dict[str, Any]:
        """What to register to take it back: the values before, None for those that were absent."""
        return {name: self.before.get(name) for name in sorted(self.before.keys() | self.after.keys())}

    @property
    def is_undoable(self) -> bool:
        """Whether what it changed can be put back."""
        return self.kind == CHANGED and bool(self.members) and not CREDENTIALS & self.members.keys()


def described(client: Client) -> dict[str, Any]:
    """Return everything of an application that a change may differ in, by its registered names and three of ours."""
    document = registration_document(client)
    document |= {"environment": client.environment.value, "active": client.active}
    return document | ({"institution_id": client.institution_id} if client.institution_id else {})


def note_change(
    session: Session,
    *,
    kind: str,
    before: Mapping[str, Any],
    after: Client,
    undoes: int | None = None,
    changed_by: str | None,
    approved_by: str | None = None,
    now: datetime,
) -> None:
    """Write down what differs between ``before`` and the application as it is; in the transaction of the change.

    :param before: as :func:`described` said it; empty when it is registered.
    """
    is_now = described(after)
    names = {name for name in before.keys() | is_now.keys() if before.get(name) != is_now.get(name)}
    session.add(
        ClientChangeRow(
            client_id=after.client_id,
            version=after.version,
            kind=kind,
            before={name: before[name] for name in sorted(names & before.keys())},
            after={name: is_now[name] for name in sorted(names & is_now.keys())},
            undoes=undoes,
            changed_by=changed_by,
            approved_by=approved_by,
            changed_at=now,
        )
    )
    session.flush()


def list_changes(session: Session, client_id: str, *, limit: int = 100) -> list[Change]:
    """Return the changes, the newest first."""
    rows = session.scalars(
        select(ClientChangeRow)
        .where(ClientChangeRow.client_id == client_id)
        .order_by(ClientChangeRow.version.desc())
        .limit(limit)
    )
    return [
        Change(
            version=row.version,
            kind=row.kind,
            before=row.before,
            after=row.after,
            undoes=row.undoes,
            changed_by=row.changed_by,
            approved_by=row.approved_by,
            changed_at=row.changed_at,
        )
        for row in rows
    ]
