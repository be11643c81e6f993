"""Mails to people: written in the transaction that causes them, sealed until they are sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.accounts.person import Person
from idp.notices.model import StoredMailRow
from idp.notices.sms import send_sms
from idp.notices.sms_texts import sms_template_for
from idp.notices.texts import compose
from idp.services import IdpServices
from kernel.identifiers import new_id
from kernel.outbox import enqueue
from keys.sealing import Sealer

MAIL_TASK = "idp.mail"


@dataclass(frozen=True)
class Mail:
    """A composed mail: its text, from which the HTML form is made.

    :ivar language: that of the text.
    """

    id: str
    to: str
    subject: str
    body: str
    created_at: datetime
    language: str = "es"


def notify(
    session: Session,
    *,
    services: IdpServices,
    person: Person,
    template: str,
    context: Mapping[str, str],
    now: datetime,
) -> None:
    """Send ``person`` the mail ``template`` in the person's language.

    Who has no address gets a short message on his confirmed telephone.
    """
    if person.phone_verified and not person.email:
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
    if person.email:
        send_mail(
            session,
            services=services,
            to=person.email,
            locale=person.locale,
            template=template,
            context={"name": person.given_names, **context},
            person_id=person.id,
            now=now,
        )


def send_mail(
    session: Session,
    *,
    services: IdpServices,
    to: str,
    locale: str,
    template: str,
    context: Mapping[str, str],
    person_id: str | None,
    now: datetime,
) -> None:
    """Compose a mail and put it into the outbox with the caller's transaction; without a mail server, store it."""
    text = compose(template, locale=locale, context={**context, "issuer": services.settings.issuer}, now=now)
    mail_id = new_id()
    # The HTML form is made when it is sent: what waits is half as long, and a release before this one can read it.
    sealed = _sealer(services).seal(json.dumps([to, text.subject, text.body]).encode(), bound_to=mail_id)
    if services.settings.smtp_url:
        payload = {"mail_id": mail_id, "person_id": person_id, "template": template, "language": text.language}
        enqueue(session, MAIL_TASK, payload | {"sealed": base64.b64encode(sealed).decode()}, now=now)
    else:
        stored = StoredMailRow(id=mail_id, person_id=person_id, created_at=now, sealed=sealed, language=text.language)
        session.add(stored)


def send_to_nobody(
    session: Session,
    *,
    services: IdpServices,
    locale: str,
    template: str,
    context: Mapping[str, str],
    now: datetime,
) -> None:
    """Do the work of :func:`send_mail` for nobody to receive it.

    Where a mail would tell who has an account by the time that writing it takes, no mail takes the same.
    """
    send_mail(
        session,
        services=services,
        to="",
        locale=locale,
        template=template,
        context={"name": "", **context},
        person_id=None,
        now=now,
    )


def open_mail(services: IdpServices, *, mail_id: str, sealed: bytes, created_at: datetime, language: str) -> Mail:
    """Return a sealed mail in clear."""
    to, subject, body = json.loads(_sealer(services).open(sealed, bound_to=mail_id))
    return Mail(mail_id, to, subject, body, created_at, language)


def list_stored_mails(session: Session, *, services: IdpServices, limit: int = 30) -> list[Mail]:
    """Return stored mails, newest first."""
    rows = session.scalars(select(StoredMailRow).order_by(StoredMailRow.id.desc()).limit(limit))
    mails = (
        open_mail(services, mail_id=row.id, sealed=row.sealed, created_at=row.created_at, language=row.language)
        for row in rows
    )
    return [mail for mail in mails if mail.to]


def remove_mails_of(session: Session, *, person_id: str) -> None:
    """Delete stored mails to an erased person."""
    session.execute(delete(StoredMailRow).where(StoredMailRow.person_id == person_id))


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "mail")
