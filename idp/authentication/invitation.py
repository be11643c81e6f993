"""Who was invited by a one-time link and has no account yet: the first administrator, until he enrolls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.model import EnrollmentLinkRow


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """An invitation that nobody redeemed.

    :ivar name: what the link's holder said he is called; empty before he did.
    :ivar email: his address, as he typed it; empty before he did.
    :ivar expires_at: until when the newest link counts; it may be past.
    """

    name: str
    email: str
    expires_at: datetime


def find_invitation(session: Session, person_id: str) -> Invitation | None:
    """Return the newest invitation of somebody who is to have the id ``person_id``, or nothing."""
    row = session.scalars(
        select(EnrollmentLinkRow)
        .where(
            EnrollmentLinkRow.person_id == person_id,
            EnrollmentLinkRow.redeemed_at.is_(None),
            EnrollmentLinkRow.superseded_at.is_(None),
        )
        .order_by(EnrollmentLinkRow.created_at.desc(), EnrollmentLinkRow.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    name = f"{row.given_names or ''} {row.surnames or ''}".strip()
    return Invitation(name=name, email=row.email or "", expires_at=row.expires_at)
