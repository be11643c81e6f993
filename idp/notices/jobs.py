"""The outbox's work of this room: sending mails and short messages."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.notices.mail import MAIL_TASK, open_mail
from idp.notices.sms import SMS_TASK, open_sms
from idp.notices.sms_gateway import hand_over
from idp.notices.sms_taken import SmsNotTaken
from idp.notices.smtp import deliver
from idp.services import IdpServices
from kernel.outbox import GiveUp, Handler, Task


def handlers(services: IdpServices) -> Mapping[str, Handler]:
    """Return what does the outbox's tasks of this room, by kind."""

    def send(task: Task) -> None:
        _send(services, task)

    def send_short(task: Task) -> None:
        _send_short(services, task)

    return {MAIL_TASK: send, SMS_TASK: send_short}


def _send(services: IdpServices, task: Task) -> None:
    now, payload = services.clock.now(), task.payload
    mail = open_mail(
        services,
        mail_id=payload["mail_id"],
        sealed=base64.b64decode(payload["sealed"]),
        created_at=now,
        language=payload.get("language", "es"),
    )
    if not mail.to:
        return  # written for nobody, so that its being written tells nothing
    try:
        deliver(
            mail,
            smtp_url=services.settings.smtp_url,
            sender=services.settings.sender,
            issuer=services.settings.issuer,
        )
    except OSError as error:
        _record(services, task, EventType.MAIL_FAILED, Outcome.FAILURE, type(error).__name__)
        raise
    _record(services, task, EventType.MAIL_SENT, Outcome.SUCCESS, None)


def _send_short(services: IdpServices, task: Task) -> None:
    now, payload = services.clock.now(), task.payload
    sms = open_sms(services, sms_id=payload["sms_id"], sealed=base64.b64decode(payload["sealed"]), created_at=now)
    if not sms.to:
        return
    if now >= datetime.fromisoformat(payload["until"]):
        _record(services, task, EventType.SMS_FAILED, Outcome.FAILURE, "sms_too_late")
        raise GiveUp("sms_too_late")
    try:
        hand_over(services, sms)
    except SmsNotTaken as error:
        _record(services, task, EventType.SMS_FAILED, Outcome.FAILURE, error.code)
        if error.permanent:
            raise GiveUp(error.code) from error
        raise
    _record(services, task, EventType.SMS_SENT, Outcome.SUCCESS, None)


def _record(services: IdpServices, task: Task, kind: EventType, outcome: Outcome, reason: str | None) -> None:
    event = Event(
        type=kind,
        outcome=outcome,
        reason=reason,
        subject=task.payload["person_id"],
        actor="worker",
        object_id=task.payload.get("mail_id") or task.payload.get("sms_id"),
        details={"template": task.payload["template"], "attempt": task.attempts},
    )
    with services.database.transaction() as session:
        services.journal.record(session, event, now=services.clock.now())
