"""A message to a contact, whichever kind it is of; and as much work for nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.contact import Contact, ContactKind
from idp.notices.mail import send_mail
from idp.notices.sms import send_sms
from idp.services import IdpServices

NOBODY: Mapping[ContactKind, Contact] = {kind: Contact(kind, "") for kind in ContactKind}


def send_to(
    session: Session,
    *,
    services: IdpServices,
    contact: Contact,
    locale: str,
    template: str,
    context: Mapping[str, str],
    person_id: str | None,
    now: datetime,
) -> None:
    """Send ``template`` to ``contact``: one of :data:`NOBODY` costs the same, so that its being written tells nothing.

    The caller has counted it.
    """
    send = send_sms if contact.kind is ContactKind.PHONE else send_mail
    send(
        session,
        services=services,
        to=contact.address,
        locale=locale,
        template=template,
        context=context,
        person_id=person_id,
        now=now,
    )
