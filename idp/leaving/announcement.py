"""The one place that hears of a session's end, whatever its reason, and queues what applications are told of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.deliveries.queue import queue_delivery
from idp.leaving.participants import participants

BACKCHANNEL_LOGOUT_TASK = "idp.backchannel_logout"


def announce_end(session: Session, *, sid: str, person_id: str, now: datetime) -> None:
    """Queue a logout notice to every participant with a ``backchannel_logout_uri``, in the caller's transaction.

    Called where the session's row is ended, and nowhere else: so no reason for its end can be forgotten, and no notice
    leaves for an end that was rolled back.
    """
    for client in participants(session, sid=sid):
        uri = client.metadata.backchannel_logout_uri
        if uri is not None:
            queue_delivery(
                session,
                kind=BACKCHANNEL_LOGOUT_TASK,
                client_id=client.client_id,
                url=uri,
                payload={},
                person_id=person_id,
                sid=sid,
                now=now,
            )
