"""Accounts as the operator sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ca.acme.model import Account, Credential, Order
from ca.acme.state import VALID


@dataclass(frozen=True)
class AccountRecord:
    """An account for lists. :ivar certificates: how many it was given, those whose order is still kept."""

    id: str
    institution_ruc: str
    credential: str
    status: str
    thumbprint: str
    contacts: tuple[str, ...]
    certificates: int
    created_at: datetime
    closed_at: datetime | None


def list_accounts(session: Session, *, institution_ruc: str | None = None, limit: int = 500) -> list[AccountRecord]:
    """Return the newest accounts, of one institution or all."""
    given = select(func.count()).where(Order.account_id == Account.id, Order.status == VALID).scalar_subquery()
    query = (
        select(Account, Credential.institution_ruc, given)
        .join(Credential, Credential.id == Account.credential_id)
        .order_by(Account.created_at.desc(), Account.id.desc())
        .limit(limit)
    )
    if institution_ruc is not None:
        query = query.where(Credential.institution_ruc == institution_ruc)
    return [
        AccountRecord(
            id=row.id,
            institution_ruc=ruc,
            credential=row.credential_id,
            status=row.status,
            thumbprint=row.thumbprint,
            contacts=tuple(row.contacts),
            certificates=certificates,
            created_at=row.created_at,
            closed_at=row.closed_at,
        )
        for row, ruc, certificates in session.execute(query)
    ]
