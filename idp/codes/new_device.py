"""Whether a login from a device that nobody knows asks for a code by mail too."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.authentication.known_device import find_known_device
from idp.codes.code_factor import find_code_factor, has_confirmed_mail
from idp.codes.sent_code import Channel
from idp.services import IdpServices


def is_code_due(
    session: Session, *, services: IdpServices, person_id: str, device_secret: str | None, now: datetime
) -> bool:
    """Tell whether who has proved his password, and has no second factor, is asked for a code by mail.

    That is so on a device that is not his yet, if he switched it on or the operator did for all
    (``SAU_EMAIL_CODE_ON_NEW_DEVICE``), and only where his address is confirmed.
    """
    wanted = services.settings.email_code_on_new_device or find_code_factor(session, person_id, Channel.EMAIL)
    if not wanted or not has_confirmed_mail(session, person_id):
        return False
    return find_known_device(session, person_id=person_id, secret=device_secret, now=now) is None
