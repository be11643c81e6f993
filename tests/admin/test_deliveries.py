"""Deliveries to applications on the screen: seen by administrator and auditor, repeated by the administrator alone."""

from __future__ import annotations

import pytest

import idp.jobs
from admin.permissions import Role
from admin.web.deliveries import KINDS, error_words
from composition import Composition
from idp.deliveries.queue import queue_delivery
from kernel.clock import ManualClock
from kernel.outbox import OutboxTask
from outgoing.errors import OutgoingError, OutgoingReason


@pytest.fixture
def delivery_id(composition: Composition, clock: ManualClock) -> str:
    """A logout notice that was given up."""
    with composition.database.transaction() as session:
        made = queue_delivery(
            session,
            kind="idp.backchannel_logout",
            client_id="portal",
            url="https://portal.example:8443/out?secret=x",
            payload={},
            now=clock.now(),
        )
        session.flush()
        row = session.get_one(OutboxTask, made)
        row.attempts, row.last_error, row.given_up_at = 12, "receiver_answered_503", clock.now()
    return made


def test_every_kind_and_every_reason_has_words(app, composition: Composition) -> None:
    """No code on the screen."""
    assert set(KINDS) == set(idp.jobs.deliveries(composition.idp))
    with app.test_request_context():
        for reason in OutgoingReason:
            if reason not in (OutgoingReason.BAD_STATUS, OutgoingReason.BAD_MEDIA_TYPE):  # of what is fetched
                assert OutgoingError(reason).code not in error_words(OutgoingError(reason).code)
        assert error_words("receiver_answered_503") == "El servidor respondió 503 Service Unavailable"
        assert error_words("receiver_answered_799") == "El servidor respondió 799"
        assert "KeyError" in error_words("KeyError")
        assert error_words(None) == ""


def test_the_list_says_what_waits_where_and_why(make_operator, delivery_id: str) -> None:
    """The host, never the path, which may hold a secret of the application."""
    shown = make_operator(Role.AUDITOR).get("/admin/deliveries").get_data(as_text=True)
    for text in (
        "1 envío abandonado",
        "Aviso de salida",
        "portal.example:8443",
        "503 Service Unavailable",
        "Abandonado",
    ):
        assert text in shown
    assert "secret=x" not in shown
    assert "Intentar ahora" not in shown


def test_the_administrator_repeats_one(make_operator, events, composition: Composition, delivery_id: str) -> None:
    """By a form; on record under his name. A second press finds it waiting, and that is no error."""
    operator = make_operator(Role.ADMINISTRATOR)
    for _ in range(2):
        answer = operator.post(f"/admin/deliveries/{delivery_id}/repeat", page="/admin/deliveries")
        assert (answer.status_code, answer.location) == (303, "/admin/deliveries")
    with composition.database.reading() as session:
        row = session.get_one(OutboxTask, delivery_id)
    assert (row.attempts, row.given_up_at) == (0, None)
    (first, _second) = [event for event in events() if event.type == "idp:delivery:repeated"]
    assert (first.actor, first.client_id, first.object_id) == (operator.person.id, "portal", delivery_id)


def test_what_is_done_or_no_delivery_is_not_repeated(
    make_operator, composition: Composition, clock: ManualClock, delivery_id: str
) -> None:
    """A mail's task is nobody's to push here."""
    operator = make_operator(Role.ADMINISTRATOR)
    with composition.database.transaction() as session:
        session.add(OutboxTask(id="m" * 26, kind="idp.mail", payload={}, due_at=clock.now(), created_at=clock.now()))
    for wanted in ("m" * 26, "0" * 26):
        answer = operator.post(f"/admin/deliveries/{wanted}/repeat", page="/admin/deliveries")
        assert answer.status_code == 404
        assert "Ese envío ya no está pendiente" in answer.get_data(as_text=True)
