"""Deliveries: made at each attempt, sent outside any transaction, repeated, given up, on record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.model import AuditEvent
from composition import Composition
from idp.deliveries.delivery import Message, deliver
from idp.deliveries.queue import count_given_up, drop_old_deliveries, list_deliveries, queue_delivery, repeat_delivery
from kernel.clock import ManualClock
from kernel.errors import Conflict, NotFound
from kernel.outbox import MAX_ATTEMPTS, OutboxTask, Task, run_due
from outgoing.answer import Answer
from outgoing.errors import OutgoingError, OutgoingReason

KIND = "idp.test"


class Receiver:
    """Stands in for the network: answers as the test says."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.answers: Callable[[str], Answer] = lambda url: Answer(200, {}, b"")

    def send(self, url: str, *, body: bytes, **_more: object) -> Answer:
        self.sent.append((url, body))
        return self.answers(url)


@pytest.fixture
def receiver(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """What the provider sends goes here."""
    receiver = Receiver()
    monkeypatch.setattr(composition.outgoing, "send", receiver.send)
    return receiver


def _compose(session: Session, task: Task, now: datetime) -> Message | None:
    if task.payload.get("gone"):
        return None
    return Message(url=task.payload["url"], body=f"attempt {task.attempts}".encode(), media_type="text/plain")


def _queue(composition: Composition, *, client_id: str = "portal", host: str = "portal.example", **more: str) -> str:
    url = f"https://{host}/out"
    with composition.database.transaction() as session:
        return queue_delivery(
            session,
            kind=KIND,
            client_id=client_id,
            url=url,
            payload={"url": url, **more},
            person_id="p" * 26,
            sid="s",
            now=composition.clock.now(),
        )


def _run(composition: Composition, *, at_once: int = 1) -> int:
    handlers = {KIND: deliver(composition.idp, _compose)}
    return run_due(composition.database, handlers, now=composition.clock.now(), at_once=at_once)


def _events(composition: Composition) -> list[AuditEvent]:
    with composition.database.reading() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.type.startswith("idp:delivery:")).order_by(AuditEvent.id)
        ).all()
        session.expunge_all()
        return list(events)


def _answering(status: int) -> Callable[[str], Answer]:
    return lambda url: Answer(status, {}, b"")


def test_a_delivery_that_arrives_is_on_record_and_gone(composition: Composition, receiver: Receiver) -> None:
    """With what it was about: person, application, session, kind and host, never the message."""
    delivery_id = _queue(composition)
    assert _run(composition) == 1
    assert receiver.sent == [("https://portal.example/out", b"attempt 1")]
    (event,) = _events(composition)
    assert (event.type, event.client_id, event.session_id) == ("idp:delivery:delivered", "portal", "s")
    assert event.object_id == delivery_id
    with composition.database.reading() as session:
        assert list_deliveries(session, kinds=[KIND], limit=10) == []


def test_what_there_is_no_message_for_any_more_is_dropped(composition: Composition, receiver: Receiver) -> None:
    """The application was removed meanwhile."""
    _queue(composition, gone="yes")
    assert _run(composition) == 1
    assert receiver.sent == []
    assert _events(composition) == []


@pytest.mark.parametrize("status", [302, 401, 404, 429, 500, 503])
def test_a_failure_that_may_pass_is_tried_again_with_a_message_made_anew(
    composition: Composition, receiver: Receiver, clock: ManualClock, status: int
) -> None:
    """A token of the first attempt would have expired."""
    _queue(composition)
    receiver.answers = _answering(status)
    assert _run(composition) == 0
    receiver.answers = _answering(204)
    clock.advance(timedelta(seconds=5))
    assert _run(composition) == 1
    assert [body for _url, body in receiver.sent] == [b"attempt 1", b"attempt 2"]


@pytest.mark.parametrize("status", [400, 410])
def test_a_refusal_is_final(composition: Composition, receiver: Receiver, clock: ManualClock, status: int) -> None:
    """Back-Channel Logout 1.0 §2.8: 400 says that the token is not accepted; the same one again is not, either."""
    _queue(composition)
    receiver.answers = _answering(status)
    assert _run(composition) == 0
    clock.advance(timedelta(days=1))
    assert _run(composition) == 0
    (event,) = _events(composition)
    assert (event.type, event.outcome) == ("idp:delivery:undeliverable", "failure")
    with composition.database.reading() as session:
        (kept,) = list_deliveries(session, kinds=[KIND], limit=10)
        assert (kept.last_error, kept.next_attempt_at) == (f"receiver_answered_{status}", None)
        assert count_given_up(session, kinds=[KIND]) == 1


def test_the_last_attempt_is_the_end_and_on_record(
    composition: Composition, receiver: Receiver, clock: ManualClock
) -> None:
    """A host that is down for long: given up, kept for the administrator."""

    def refuse(url: str) -> Answer:
        raise OutgoingError(OutgoingReason.UNREACHABLE)

    _queue(composition)
    receiver.answers = refuse
    for _ in range(MAX_ATTEMPTS + 3):
        _run(composition)
        clock.advance(timedelta(hours=2))
    assert len(receiver.sent) == MAX_ATTEMPTS
    assert [event.type for event in _events(composition)] == ["idp:delivery:undeliverable"]
    with composition.database.reading() as session:
        (kept,) = list_deliveries(session, kinds=[KIND], limit=10)
    assert kept.last_error == "outgoing_unreachable"


def test_the_administrator_has_it_tried_again(composition: Composition, receiver: Receiver, clock: ManualClock) -> None:
    """With all attempts before it; on record under his name."""
    delivery_id = _queue(composition)
    receiver.answers = _answering(400)
    _run(composition)
    receiver.answers = _answering(200)

    def repeat(wanted: str) -> None:
        with composition.database.transaction() as session:
            repeat_delivery(
                session,
                journal=composition.journal,
                delivery_id=wanted,
                kinds=[KIND],
                actor="a" * 26,
                now=clock.now(),
            )

    repeat(delivery_id)
    assert _run(composition) == 1
    assert sorted(event.type for event in _events(composition)) == [
        "idp:delivery:delivered",
        "idp:delivery:repeated",
        "idp:delivery:undeliverable",
    ]
    with pytest.raises(NotFound):
        repeat(delivery_id)


def test_a_delivery_on_its_way_is_not_doubled(composition: Composition, receiver: Receiver, clock: ManualClock) -> None:
    """The administrator presses while the worker sends."""
    delivery_id = _queue(composition)

    def press(url: str) -> Answer:
        with pytest.raises(Conflict, match="task_in_progress"), composition.database.transaction() as session:
            repeat_delivery(
                session, journal=composition.journal, delivery_id=delivery_id, kinds=[KIND], actor="a", now=clock.now()
            )
        return Answer(200, {}, b"")

    receiver.answers = press
    assert _run(composition) == 1


def test_a_host_that_fails_is_left_alone_for_a_while(
    composition: Composition, receiver: Receiver, clock: ManualClock
) -> None:
    """Fifty notices to a dead host are one attempt, not fifty; another application's go on, on the same host too."""
    for _ in range(5):
        _queue(composition, client_id="dead", host="dead.example")
    _queue(composition, client_id="alive", host="dead.example")

    def answer(url: str) -> Answer:
        if len(receiver.sent) == 1:
            raise OutgoingError(OutgoingReason.TIMED_OUT)
        return Answer(200, {}, b"")

    receiver.answers = answer
    assert _run(composition) == 1
    assert len(receiver.sent) == 2
    with composition.database.reading() as session:
        waiting = session.scalars(select(OutboxTask.due_at)).all()
    assert len(waiting) == 5
    assert all(due_at > clock.now() for due_at in waiting)
    clock.advance(timedelta(seconds=10))
    assert _run(composition) == 5


def test_slow_hosts_are_sent_to_side_by_side(composition: Composition, receiver: Receiver) -> None:
    """Four at once meet at a barrier that one after the other would never pass."""
    barrier = threading.Barrier(4)
    for number in range(4):
        _queue(composition, client_id=f"portal-{number}")

    def meet(url: str) -> Answer:
        barrier.wait(60)
        return Answer(200, {}, b"")

    receiver.answers = meet
    assert _run(composition, at_once=4) == 4


def test_many_that_fail_at_once_on_one_host_do_not_wait_for_each_other(
    composition: Composition, receiver: Receiver
) -> None:
    """Each pauses the others of the host in its own transaction: no deadlock, and each failure is counted."""
    barrier = threading.Barrier(8)
    for _ in range(30):
        _queue(composition)

    def fail(url: str) -> Answer:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(1)
        raise OutgoingError(OutgoingReason.UNREACHABLE)

    receiver.answers = fail
    assert _run(composition, at_once=8) == 0
    with composition.database.reading() as session:
        rows = session.scalars(select(OutboxTask)).all()
        session.expunge_all()
    assert sum(row.attempts for row in rows) == len(receiver.sent)
    assert all(row.due_at > composition.clock.now() and row.leased_until is None for row in rows)


def test_what_nobody_repeats_is_deleted_after_a_month(
    composition: Composition, receiver: Receiver, clock: ManualClock
) -> None:
    """Its event stays."""
    _queue(composition)
    receiver.answers = _answering(400)
    _run(composition)
    for days, left in ((29, 1), (2, 0)):
        clock.advance(timedelta(days=days))
        with composition.database.transaction() as session:
            drop_old_deliveries(session, kinds=[KIND], before=clock.now() - timedelta(days=30))
            assert count_given_up(session, kinds=[KIND]) == left
