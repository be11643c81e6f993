"""Telling a person what happened to his account: by one contact, or by all that he has confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.person import Person
from idp.notices.mail import notify
from idp.notices.sms import send_sms
from idp.notices.sms_texts import sms_template_for
from idp.services import IdpServices


def notify_everywhere(
    session: Session,
    *,
    services: IdpServices,
    person: Person,
    template: str,
    context: Mapping[str, str],
    now: datetime,
) -> None:
    """Send ``person`` the mail ``template`` to the address, and a short message to the confirmed telephone.

    The message is the one of that name in ``sms_templates``, else one that says that there was a change. For what must
    not be missed: a change of contacts, of factors, a recovery at a desk.
    """
    notify(session, services=services, person=person, template=template, context=context, now=now)
    if person.phone_verified and person.email:
        send_sms(
            session,
            services=services,
            to=person.phone,
            locale=person.locale,
            template=sms_template_for(template),
            context={"name": person.given_names, **context},
            person_id=person.id,
            now=now,
        )
