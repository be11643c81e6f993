"""How a person hears that somebody asks for an approval. The page in the account is always there; channels point to it.

A channel brings a person to the page, or to the telephone, and no answer back: whoever approves has shown who he is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from idp.accounts.contact import Contact, ContactKind
from idp.accounts.person import Person
from idp.authentication.assurance import ACR_1FA, satisfies
from idp.notices.contacts import NOBODY, send_to
from idp.services import IdpServices
from idp.ussd.pin import has_pin

_TEMPLATE, _DIAL = "approval_requested", "approval_by_ussd"


class ApprovalChannel(Protocol):
    """A way to a person: mail or message, USSD; a push notification may come beside them."""

    def announce(
        self,
        session: Session,
        services: IdpServices,
        *,
        person: Person | None,
        asker: str,
        required_acr: str | None,
        now: datetime,
    ) -> None:
        """Tell the person, in the caller's transaction, that ``asker`` waits for an answer.

        :param person: None where nobody is to hear of it: the same work is done, so that its time tells nothing.
        """
        ...


class NoticeChannel:
    """A mail with the address of the page; for who has no address, a short message that says where it is.

    The application's own words are not in it: a message of ours carries none. Who approves by USSD, and may approve
    this so, is told what to dial: by a short message beside the mail. One of each is written in any case, to nobody
    where nobody is told, so that their number tells nothing.
    """

    def announce(
        self,
        session: Session,
        services: IdpServices,
        *,
        person: Person | None,
        asker: str,
        required_acr: str | None,
        now: datetime,
    ) -> None:
        """See :class:`ApprovalChannel`."""
        code = services.settings.ussd_code
        dials = bool(code and person and person.phone_verified and has_pin(session, person.id))
        dials = dials and satisfies(ACR_1FA, required_acr, level=1)
        for kind in ContactKind:
            contact = NOBODY[kind]
            if person is not None and kind is ContactKind.EMAIL and person.email:
                contact = Contact(kind, person.email)
            elif person is not None and kind is ContactKind.PHONE and person.phone_verified:
                contact = Contact(kind, person.phone) if dials or not person.email else contact
            send_to(
                session,
                services=services,
                contact=contact,
                locale=person.locale if person else "es",
                template=_DIAL if dials and kind is ContactKind.PHONE else _TEMPLATE,
                context={"name": person.given_names if person else "", "asker": asker, "dial": code},
                person_id=person.id if person else None,
                now=now,
            )


CHANNELS: tuple[ApprovalChannel, ...] = (NoticeChannel(),)
