"""One way for everything that is sent to an application: queue ids, make the message at each attempt, send, record.

A kind of delivery is a function that makes the message (``Compose``) and, if its specification judges answers in a way
of its own, one that judges them. :func:`deliver` makes the outbox's handler of it; a room offers its handlers in its
``jobs.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.services import IdpServices
from kernel.errors import ServiceError, Unavailable
from kernel.outbox import GiveUp, Handler, Task
from outgoing.answer import Answer
from outgoing.errors import OutgoingError

# It was understood and refused, or the address is gone for good: the same message again changes nothing.
_FINAL_STATUSES = frozenset({400, 410})


@dataclass(frozen=True)
class Message:
    """What is sent by POST. ``headers`` may hold credentials, hence no repr."""

    url: str
    body: bytes = field(repr=False)
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Undelivered(Unavailable):
    """The receiver answered, and not with success. Its code is ``receiver_answered_`` and the status.

    :ivar permanent: whether sending it again cannot help.
    """

    def __init__(self, status: int, *, permanent: bool) -> None:
        super().__init__("The receiver did not take the delivery.", code=f"receiver_answered_{status}")
        self.permanent = permanent


Compose = Callable[[Session, Task, datetime], Message | None]
"""Makes the message of a task; None if there is nothing to send any more (the application is gone, wants it no
more)."""
Judge = Callable[[Answer], None]
"""Returns if the receiver took the delivery; raises :class:`Undelivered` if not."""


def deliver(services: IdpServices, compose: Compose, *, judge: Judge | None = None) -> Handler:
    """Return the outbox's handler that makes, sends and records one kind of delivery.

    The handler holds no transaction while it sends. A success is on record as ``idp:delivery:delivered``, the end of
    all tries as ``idp:delivery:undeliverable``.
    """

    def handle(task: Task) -> None:
        try:
            with services.database.reading() as session:
                message = compose(session, task, services.clock.now())
            if message is None:
                return
            answer = services.outgoing.send(
                message.url, body=message.body, media_type=message.media_type, headers=message.headers
            )
            (judge or require_success)(answer)
        except ServiceError as error:
            if task.is_last_attempt or _is_final(error):
                _record(services, task, EventType.DELIVERY_GIVEN_UP, error.code)
                raise GiveUp(error.code) from error
            raise
        _record(services, task, EventType.DELIVERY_MADE, None)

    return handle


def require_success(answer: Answer) -> None:
    """Require a status of success.

    :raises Undelivered: for any other; 400 and 410 are final, everything else may pass.
    """
    if not answer.succeeded:
        raise Undelivered(answer.status, permanent=answer.status in _FINAL_STATUSES)


def _is_final(error: ServiceError) -> bool:
    return isinstance(error, OutgoingError | Undelivered) and error.permanent


def _record(services: IdpServices, task: Task, kind: EventType, reason: str | None) -> None:
    event = Event(
        type=kind,
        outcome=Outcome.FAILURE if reason else Outcome.SUCCESS,
        reason=reason,
        subject=task.payload["person_id"],
        actor="worker",
        client_id=task.payload["client_id"],
        session_id=task.payload["sid"],
        object_id=task.id,
        details={"kind": task.kind, "host": task.payload["host"], "attempt": task.attempts},
    )
    with services.database.transaction() as session:
        services.journal.record(session, event, now=services.clock.now())
