"""Mails through the outbox to a real SMTP server, and what is kept of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller

import idp.jobs
from audit.model import AuditEvent
from audit.vocabulary import EventType
from composition import Composition
from idp.notices.mail import list_stored_mails, send_mail
from idp.notices.texts import compose
from kernel.clock import ManualClock
from kernel.outbox import OutboxTask, run_due
from kernel.settings import Settings


@dataclass
class Inbox:
    """Takes mails; refuses them while ``broken``."""

    letters: list[Any] = field(default_factory=list)
    broken: bool = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.broken:
            return "451 try again later"
        self.letters.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    """A mail server on a free port."""
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


def _send(composition: Composition) -> None:
    with composition.database.transaction() as session:
        send_mail(
            session,
            services=composition.idp,
            to="maría@correo.test".replace("í", "i"),
            locale="es",
            template="sign_up_code",
            context={"code": "12345678"},
            person_id=None,
            now=composition.clock.now(),
        )


def test_a_mail_goes_through_the_outbox_to_smtp_sealed_on_the_way(
    settings: Settings, clock: ManualClock, inbox: tuple[Inbox, int]
) -> None:
    """Nothing readable waits in the table; a failed delivery is tried again; both are events."""
    server, port = inbox
    composition = Composition(settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"}), clock=clock)
    _send(composition)
    with composition.database.reading() as session:
        payload = str(session.query(OutboxTask).one().payload)
    assert "12345678" not in payload
    assert "correo.test" not in payload
    server.broken = True
    handlers = idp.jobs.handlers(composition.idp)
    assert run_due(composition.database, handlers, now=clock.now()) == 0
    server.broken = False
    clock.advance(timedelta(minutes=1))
    assert run_due(composition.database, handlers, now=clock.now()) == 1
    text = server.letters[0].content.decode()
    assert server.letters[0].rcpt_tos == ["maria@correo.test"]
    assert "12345678" in text
    assert "Auto-Submitted: auto-generated" in text
    with composition.database.reading() as session:
        types = [event.type for event in session.query(AuditEvent)]
    assert EventType.MAIL_FAILED.value in types
    assert EventType.MAIL_SENT.value in types
    composition.database.dispose()


def test_without_a_mail_server_mails_stay_sealed_in_the_database(composition: Composition) -> None:
    """The demo shows them; the table does not."""
    from idp.notices.model import StoredMailRow

    _send(composition)
    with composition.database.reading() as session:
        assert b"12345678" not in session.query(StoredMailRow).one().sealed
        assert "12345678" in list_stored_mails(session, services=composition.idp)[0].body


@pytest.mark.parametrize("locale", ["es", "en", "qu"])
@pytest.mark.parametrize(
    "template",
    ["sign_up_code", "sign_up_exists", "reset_code", "new_device", "password_changed", "second_factor_changed"],
)
def test_every_mail_has_a_subject_and_a_text_in_each_language(template: str, locale: str, clock: ManualClock) -> None:
    """Kichwa readers get the Spanish text until there is one; a line break in a value cannot forge a header."""
    context = {
        "issuer": "https://sau.test",
        "name": "Ana\r\nBcc: x@y.test",
        "code": "12345678",
        "device": "",
        "address": "",
        "change": "added",
    }
    subject, body = compose(template, locale=locale, context=context, now=clock.now())
    assert subject
    assert "12345678" not in subject
    assert "\n" not in subject
    assert "\nBcc" not in body
