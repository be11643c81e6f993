"""How many mails the service lets itself be made to send: to one mailbox, and by one network.

A stranger cannot use up what a citizen needs to recover his account: each network has a share of its own in what one
mailbox gets, and the citizen's known devices and sessions have a budget that nobody else touches.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.authentication import throttle
from idp.services import IdpServices
from kernel.errors import Throttled


def count_mail(
    session: Session, services: IdpServices, recipient: str, *, now: datetime, owner: str | None = None
) -> None:
    """Count a mail to ``recipient``. :raises Throttled: (``too_many_tries``) on record.

    :param owner: id of the known device, or of the session's person, by which the caller has proved to be the
        recipient; ``None`` for anyone else, who is counted by network and by recipient.
    """
    network = throttle.network_of_caller()
    counters: tuple[tuple[throttle.Limit, tuple[str, ...]], ...] = (
        (throttle.MAIL_BY_RECIPIENT_AND_ADDRESS, (recipient, network)),
        (throttle.MAIL_BY_RECIPIENT, (recipient,)),
        (throttle.MAIL_BY_ADDRESS, (network,)),
    )
    if owner is not None:
        counters = ((throttle.MAIL_BY_OWNER, (recipient, owner)),)
    for limit, parts in counters:
        try:
            throttle.take_try(session, key=throttle.throttle_key(services, limit, *parts), limit=limit, now=now)
        except Throttled as error:
            event = Event(
                type=EventType.LOGIN_THROTTLED,
                outcome=Outcome.REFUSED,
                reason=error.code,
                details={"factor": "mail", "counter": limit.name},
            )
            services.journal.refuse(session, event, error, now=now)
