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
    """An account for lists.

    :ivar certificates: how many it was given, those whose order is still kept.
    :ivar last_ordered_at: of the orders that are kept.
    """

    id: str
    institution_ruc: str
    credential: str
    status: str
    thumbprint: str
    contacts: tuple[str, ...]
    certificates: int
    created_at: datetime
    closed_at: datetime | None
    last_ordered_at: datetime | None


def list_accounts(
    session: Session,
    *,
    institution_ruc: str | None = None,
    credential: str | None = None,
    account_id: str | None = None,
    limit: int = 500,
) -> list[AccountRecord]:
    """Return the newest accounts, of one institution or all, of one credential, or one alone."""
    given = select(func.count()).where(Order.account_id == Account.id, Order.status == VALID).scalar_subquery()
    ordered = select(func.max(Order.created_at)).where(Order.account_id == Account.id).scalar_subquery()
    query = (
        select(Account, Credential.institution_ruc, given, ordered)
        .join(Credential, Credential.id == Account.credential_id)
        .order_by(Account.created_at.desc(), Account.id.desc())
        .limit(limit)
    )
    if institution_ruc is not None:
        query = query.where(Credential.institution_ruc == institution_ruc)
    if credential is not None:
        query = query.where(Account.credential_id == credential)
    if account_id is not None:
        query = query.where(Account.id == account_id)
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
            last_ordered_at=last_ordered_at,
        )
        for row, ruc, certificates, last_ordered_at in session.execute(query)
    ]
