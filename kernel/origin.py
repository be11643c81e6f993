"""Where a piece of work comes from: the request or command in progress, for evidence and logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Origin:
    """The source of the work in progress.

    :ivar request_id: names the request or command in logs and events.
    :ivar address: the caller's network address as text, empty for a command.
    :ivar user_agent: as sent, cut to 512 characters; empty for a command.
    :ivar channel: ``web``, ``command`` or ``worker``.
    :ivar client_method: how the calling application proved who it is, once it has; empty before.
    :ivar application: the application by which somebody acts through an API; empty for pages and commands.
    """

    request_id: str = ""
    address: str = ""
    user_agent: str = ""
    channel: str = "worker"
    client_method: str = ""
    application: str = ""


_NONE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=_NONE)


def note_client_proof(method: str) -> None:
    """Note that the calling application proved who it is: each event of this piece of work says by which method."""
    known = _current.get()
    _current.set(Origin(known.request_id, known.address, known.user_agent, known.channel, method, known.application))


def note_application(client_id: str) -> None:
    """Note by which application somebody acts: each event of this piece of work names it."""
    _current.set(replace(_current.get(), application=client_id))


def current_origin() -> Origin:
    """Return the origin of the work in progress."""
    return _current.get()


@contextmanager
def working_for(origin: Origin) -> Iterator[None]:
    """Declare ``origin`` as the source of everything done inside the ``with`` block."""
    token = begin_work(origin)
    try:
        yield
    finally:
        end_work(token)


def begin_work(origin: Origin) -> Token[Origin]:
    """Declare ``origin`` as :func:`working_for` does, for whoever calls :func:`end_work` himself."""
    return _current.set(origin)


def end_work(token: Token[Origin]) -> None:
    """Go back to what was in progress before."""
    _current.reset(token)
