"""Which session here rests on which one at a provider, also while our own second step is still due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.broker.model import UpstreamSessionRow


def rest_on_upstream(
    session: Session, *, sid: str, provider_id: str, person_id: str, claims: Mapping[str, Any], now: datetime
) -> None:
    """Note that the session ``sid`` rests on the one of ``claims``.

    :param sid: of our session; of a login that waits for its second step, the interaction's id: see :func:`carry_over`.
    """
    upstream_sid = claims.get("sid")
    session.merge(
        UpstreamSessionRow(
            sid=sid,
            provider_id=provider_id,
            person_id=person_id,
            upstream_sid=upstream_sid[:255] if isinstance(upstream_sid, str) else None,
            created_at=now,
        )
    )


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
