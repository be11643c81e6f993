"""How many mails the service lets itself be made to send: to one mailbox, and by one network."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication import throttle
from idp.services import IdpServices
from kernel.errors import Throttled


def count_mail(session: Session, services: IdpServices, email: str, *, now: datetime) -> None:
    """Count a mail to ``email`` asked for from the caller's network. :raises Throttled: on record."""
    for limit, who in (
        (throttle.MAIL_BY_RECIPIENT, email),
        (throttle.MAIL_BY_ADDRESS, throttle.network_of_caller()),
    ):
        key = throttle.throttle_key(services, limit, who)
        try:
            throttle.take_try(session, key=key, limit=limit, now=now)
        except Throttled as error:
            event = Event(
                type=EventType.LOGIN_THROTTLED,
                outcome=Outcome.REFUSED,
                reason=error.code,
                details={"factor": "mail", "counter": limit.name},
            )
            services.journal.refuse(session, event, error, now=now)
