"""What credentials brought: how many requests came by each, and when the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ca.enrolment.credential import Credential
from ca.requests.model import CertificateRequest


@dataclass(frozen=True)
class Use:
    """Requests that came by one credential."""

    requests: int
    last_at: datetime


def uses_of(session: Session, credentials: Sequence[Credential]) -> dict[str, Use]:
    """Return what came by each of them, by its id; one that brought nothing is not there."""
    actors = {actor_of(each): each.id for each in credentials}
    rows = session.execute(
        select(CertificateRequest.requested_by, func.count(), func.max(CertificateRequest.created_at))
        .where(CertificateRequest.requested_by.in_(sorted(actors)))
        .group_by(CertificateRequest.requested_by)
    )
    return {actors[actor]: Use(requests, last_at) for actor, requests, last_at in rows}


def actor_of(credential: Credential) -> str:
    """Return the name under which a credential's holder acts in requests and events."""
    return f"{credential.protocol}:{credential.id}"
