"""Short messages to people: written in the transaction that causes them, sealed until they are sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.notices.model import StoredSmsRow
from idp.notices.sms_texts import compose_sms
from idp.services import IdpServices
from kernel.identifiers import new_id
from kernel.outbox import enqueue
from keys.sealing import Sealer

SMS_TASK = "idp.sms"
#: What the tasks have in common: after one has failed the others wait as long as it does.
GATEWAY = "sms-gateway"
# A code that comes after it has died only costs.
_CODE_LIFETIME = timedelta(minutes=15)
_NOTICE_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class Sms:
    """A composed message. :ivar to: E.164."""

    id: str
    to: str
    text: str
    created_at: datetime


def send_sms(
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
    """Compose a message and put it into the outbox with the caller's transaction; without a gateway, store it.

    The caller has counted it (:func:`idp.authentication.sms_limits.count_sms`): each one costs money.

    :param to: E.164; empty: nobody, so that its being written tells nothing.
    """
    text = compose_sms(template, locale=locale, context=context, now=now)
    sms_id = new_id()
    sealed = _sealer(services).seal(json.dumps([to, text]).encode(), bound_to=sms_id)
    if services.settings.sms_url:
        lifetime = _CODE_LIFETIME if template.endswith("_code") else _NOTICE_LIFETIME
        payload = {
            "sms_id": sms_id,
            "person_id": person_id,
            "template": template,
            "until": (now + lifetime).isoformat(),
            "sealed": base64.b64encode(sealed).decode(),
        }
        enqueue(session, SMS_TASK, payload, now=now, destination=GATEWAY)
    else:
        session.add(StoredSmsRow(id=sms_id, person_id=person_id, created_at=now, sealed=sealed))


def open_sms(services: IdpServices, *, sms_id: str, sealed: bytes, created_at: datetime) -> Sms:
    """Return a sealed message in clear."""
    to, text = json.loads(_sealer(services).open(sealed, bound_to=sms_id))
    return Sms(sms_id, to, text, created_at)


def list_stored_sms(session: Session, *, services: IdpServices, limit: int = 30) -> list[Sms]:
    """Return stored messages, newest first."""
    rows = session.scalars(select(StoredSmsRow).order_by(StoredSmsRow.id.desc()).limit(limit))
    found = (open_sms(services, sms_id=row.id, sealed=row.sealed, created_at=row.created_at) for row in rows)
    return [sms for sms in found if sms.to]


def remove_sms_of(session: Session, *, person_id: str) -> None:
    """Delete stored messages to an erased person."""
    session.execute(delete(StoredSmsRow).where(StoredSmsRow.person_id == person_id))


def _sealer(services: IdpServices) -> Sealer:
    return Sealer(services.sealing_secret, "sms")
