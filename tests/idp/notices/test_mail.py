"""Mails through the outbox to a real SMTP server, and what is kept of them."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import idp.jobs
from audit.model import AuditEvent
from audit.vocabulary import EventType
from composition import Composition
from idp.notices.mail import list_stored_mails, send_mail
from kernel.clock import ManualClock
from kernel.outbox import OutboxTask, run_due
from kernel.settings import Settings
from tests.servers.mail import MailServer


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
    settings: Settings, clock: ManualClock, mail_server: MailServer
) -> None:
    """Nothing readable waits in the table; a failed delivery is tried again; both are events."""
    composition = Composition(settings.model_copy(update={"smtp_url": mail_server.url}), clock=clock)
    _send(composition)
    with composition.database.reading() as session:
        payload = str(session.query(OutboxTask).one().payload)
    assert "12345678" not in payload
    assert "correo.test" not in payload
    mail_server.refusing = True
    handlers = idp.jobs.letters(composition.idp)
    assert run_due(composition.database, handlers, now=clock.now()) == 0
    mail_server.refusing = False
    clock.advance(timedelta(minutes=1))
    assert run_due(composition.database, handlers, now=clock.now()) == 1
    letter = mail_server.messages[0]
    assert letter["To"] == "maria@correo.test"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Language"] == "es"
    assert letter.get_content_type() == "multipart/alternative"
    forms = [part.get_content_type() for part in letter.iter_parts()]
    assert forms == ["text/plain", "text/html"]
    for form in letter.iter_parts():
        assert isinstance(form, EmailMessage)
        assert "12345678" in form.get_content()
        assert form.get_content_charset() == "utf-8"
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
