"""An operation as data: routes, the permission check, the description and the tests come from this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from admin.api.paging import Wanted
from admin.permissions import Permission
from admin.roles import Powers
from admin.services import AdminServices

#: Octets of a body, unless an operation says otherwise.
MOST_OCTETS = 128 * 1024


class Document(BaseModel):
    """What comes in or goes out. Unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Document):
    """A body without members: what is done is said by the address. It may be left out."""


@dataclass(frozen=True)
class Caller:
    """Who stands behind a token. :ivar actor: as use cases and events name him."""

    actor: str
    client_id: str
    powers: Powers


@dataclass(frozen=True)
class Call:
    """One call, let in: the permission was asked, the reach is asked where the thing is found.

    :ivar body: of a change: its document, of the operation's ``body``.
    :ivar prepared: what the operation's ``prepare`` made, before the transaction.
    """

    services: AdminServices
    caller: Caller
    session: Session
    now: datetime
    wanted: Wanted
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    prepared: Any = None


@dataclass(frozen=True)
class Before:
    """A change before its transaction. Whatever it asks of others, it asks after the reach of ``caller``."""

    services: AdminServices
    caller: Caller
    path: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Done:
    """A change that is committed, for what follows it. :ivar document: what it answered."""

    services: AdminServices
    caller: Caller
    now: datetime
    body: Any
    document: Any


@dataclass(frozen=True)
class Lines:
    """One page of a list. :ivar next_key: of its last line where more follow; empty on the last page."""

    items: Sequence[Document]
    next_key: str


@dataclass(frozen=True)
class Operation:
    """An operation.

    :ivar path: below the API's address, parameters in braces.
    :ivar item: what it answers; of a list, what each line is.
    :ivar key: of a list: the member that orders it and that cursors stand for; empty: one thing is answered.
    :ivar filters: parameters of the query beside ``cursor`` and ``limit``.
    :ivar paged: the handler cuts the page itself (:class:`Lines`): for lists that are too long to be read whole.
    :ivar recorded: looking is itself an event.
    :ivar pages: the console's endpoints that show, or do, the same.
    :ivar method: ``GET`` for what is read; every other one changes something, in one transaction.
    :ivar body: what a change takes.
    :ivar fresh: the person behind the token logged in in the last quarter of an hour.
    :ivar shown_by: the handler that reads what is changed: its entity tag is what ``If-Match`` names. ``PATCH``,
        ``PUT`` and ``DELETE`` of such a thing need it.
    :ivar lock: holds what is changed before it is read, where a transaction by itself does not.
    :ivar prepare: slow work before the transaction.
    :ivar after: what follows the commit and may be repeated; it answers the document anew.
    :ivar fields: which member of the body a refusal's code is about.
    :ivar status: of the answer when it is done.
    :ivar most_octets: of the body.
    """

    name: str
    path: str
    summary: str
    permission: Permission
    item: type[Document]
    handler: Callable[[Call], Any]
    key: str = ""
    filters: tuple[str, ...] = ()
    paged: bool = False
    recorded: bool = False
    pages: tuple[str, ...] = ()
    method: str = "GET"
    body: type[Document] = Nothing
    fresh: bool = False
    shown_by: Callable[[Call], Document] | None = None
    lock: Callable[[Call], None] | None = None
    prepare: Callable[[Before], Any] | None = None
    after: Callable[[Done], Document] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    most_octets: int = MOST_OCTETS

    @property
    def changes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    @property
    def needs_match(self) -> bool:
        """Whether ``If-Match`` must be there."""
        return self.shown_by is not None and self.method in ("PATCH", "PUT", "DELETE")
