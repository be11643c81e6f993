"""How a person hears that somebody asks for an approval. The page in the account is always there; channels point to it.

A channel brings a person to the page, and never an answer back: whoever approves has logged in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from idp.accounts.person import Person
from idp.notices.mail import notify, send_to_nobody
from idp.services import IdpServices

_TEMPLATE = "approval_requested"


class ApprovalChannel(Protocol):
    """A way to a person: mail today; SMS, USSD or a push notification may come beside it."""

    def announce(
        self, session: Session, services: IdpServices, *, person: Person | None, asker: str, now: datetime
    ) -> None:
        """Tell the person, in the caller's transaction, that ``asker`` waits for an answer.

        :param person: None where nobody is to hear of it: the same work is done, so that its time tells nothing.
        """
        ...


class MailChannel:
    """A mail with the address of the page. The application's own words are not in it: a mail of ours carries none."""

    def announce(
        self, session: Session, services: IdpServices, *, person: Person | None, asker: str, now: datetime
    ) -> None:
        """See :class:`ApprovalChannel`."""
        context = {"asker": asker}
        if person is None:
            send_to_nobody(session, services=services, locale="es", template=_TEMPLATE, context=context, now=now)
        else:
            notify(session, services=services, person=person, template=_TEMPLATE, context=context, now=now)


CHANNELS: tuple[ApprovalChannel, ...] = (MailChannel(),)
