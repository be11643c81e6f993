"""The credential for an application's receiver of security events: given once, kept sealed, shown to that receiver."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from idp.clients.model import EventAuthorizationRow
from idp.clients.registration.client_registration import ClientRegistration
from kernel.errors import Fault
from kernel.secret_text import SecretText
from keys.sealing import Sealer


def store_event_authorization(
    session: Session,
    registration: ClientRegistration,
    *,
    client_id: str,
    former_uri: str | None,
    sealing_secret: bytes | None,
    now: datetime,
) -> bool:
    """Keep, replace or drop the credential as the registration says; return whether anything changed.

    One that is not given again stays, for nobody can read it to give it again; but never for another address: it would
    tell the new receiver what the old one trusts.

    :param former_uri: ``event_delivery_uri`` before; None for a new application.
    :raises Fault: (``no_sealing_secret``) there is something to seal and the caller has nothing to seal it with.
    """
    given, uri = registration.event_authorization, registration.metadata.event_delivery_uri
    row = session.get(EventAuthorizationRow, client_id)
    if given:
        sealer = _sealer(sealing_secret)
        if row is not None and uri == former_uri and _open(sealer, row) == given:
            return False
        sealed = sealer.seal(given.reveal().encode("ascii"), bound_to=client_id)
        session.merge(EventAuthorizationRow(client_id=client_id, sealed=sealed, set_at=now))
        return True
    if row is None or (given is None and uri == former_uri):
        return False
    drop_event_authorization(session, client_id=client_id)
    return True


def find_event_authorization(session: Session, *, client_id: str, sealing_secret: bytes) -> SecretText | None:
    """Return the value of the ``Authorization`` header for the receiver, if the application registered one."""
    row = session.get(EventAuthorizationRow, client_id)
    return _open(_sealer(sealing_secret), row) if row is not None else None


def drop_event_authorization(session: Session, *, client_id: str) -> None:
    """Forget the credential, if there is one."""
    session.execute(delete(EventAuthorizationRow).where(EventAuthorizationRow.client_id == client_id))


def _open(sealer: Sealer, row: EventAuthorizationRow) -> SecretText:
    return SecretText(sealer.open(row.sealed, bound_to=row.client_id).decode("ascii"))


def _sealer(sealing_secret: bytes | None) -> Sealer:
    if sealing_secret is None:
        raise Fault("event_delivery_authorization needs what seals it.", code="no_sealing_secret")
    return Sealer(sealing_secret, "event-authorization")
