"""Which session here rests on which one at a provider, also while our own second step is still due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.authentication.assurance import AMR_FEDERATED, AMR_PASSWORD
from idp.broker.model import UpstreamSessionRow
from idp.broker.provider import Provider
from idp.services import IdpServices
from keys.sealing import Sealer

# A longer one could not travel in an address; the provider then asks the person itself.
_LONGEST_HINT = 6_000


def rest_on_upstream(
    session: Session,
    *,
    services: IdpServices,
    sid: str,
    provider: Provider,
    person_id: str,
    claims: Mapping[str, Any],
    id_token: str,
    now: datetime,
) -> None:
    """Note that the session ``sid`` rests on the one of ``claims``.

    :param sid: of our session; of a login that waits for its second step, the interaction's id: see :func:`carry_over`.
    """
    upstream_sid = claims.get("sid")
    session.merge(
        UpstreamSessionRow(
            sid=sid,
            provider_id=provider.id,
            person_id=person_id,
            upstream_sid=upstream_sid[:255] if isinstance(upstream_sid, str) else None,
            sealed_id_token=hint_sealer(services).seal(id_token.encode(), bound_to=person_id)
            if provider.logs_out_there and len(id_token) <= _LONGEST_HINT
            else None,
            created_at=now,
        )
    )


def hint_sealer(services: IdpServices) -> Sealer:
    """Return what seals ID tokens that are kept; they are bound to the person's id."""
    return Sealer(services.sealing_secret, "upstream-id-token")


def first_method(session: Session, interaction_id: str, person_id: str) -> str:
    """Return what the first step of a login that waits for its second was: a password here, or a login elsewhere."""
    found = select(UpstreamSessionRow.sid).where(
        UpstreamSessionRow.sid == interaction_id, UpstreamSessionRow.person_id == person_id
    )
    return AMR_PASSWORD if session.scalar(found) is None else AMR_FEDERATED


def rest_on_nothing(session: Session, *, interaction_id: str) -> None:
    """Forget where a login began that begins anew."""
    session.execute(delete(UpstreamSessionRow).where(UpstreamSessionRow.sid == interaction_id))


def carry_over(session: Session, *, interaction_id: str, sid: str, person_id: str) -> None:
    """Let the session that a login opened rest on what the login rested on; nothing for a login of our own."""
    row = session.scalars(
        select(UpstreamSessionRow).where(
            UpstreamSessionRow.sid == interaction_id, UpstreamSessionRow.person_id == person_id
        )
    ).one_or_none()
    if row is not None:
        session.execute(delete(UpstreamSessionRow).where(UpstreamSessionRow.sid == sid))
        row.sid = sid
        session.flush()
