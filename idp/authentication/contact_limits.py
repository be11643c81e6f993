"""Messages to contacts are counted before they are written, each kind by its own limits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.contact import ContactKind
from idp.authentication.mail_limits import count_mail
from idp.authentication.sms_limits import count_sms
from idp.services import IdpServices


def count_message(
    session: Session,
    services: IdpServices,
    kind: ContactKind,
    recipient: str,
    *,
    now: datetime,
    owner: str | None = None,
    unconfirmed: str | None = None,
) -> None:
    """Count a message to ``recipient``; parameters as those of :func:`idp.authentication.sms_limits.count_sms`.

    :param unconfirmed: the contact itself where nobody has confirmed it yet; of a telephone it is counted.
    :raises Throttled: (``too_many_tries``, ``sms_day_used_up``) on record.
    """
    if kind is ContactKind.PHONE:
        count_sms(session, services, recipient, owner=owner, unconfirmed=unconfirmed, now=now)
    else:
        count_mail(session, services, recipient, owner=owner, now=now)
