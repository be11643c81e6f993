"""Downloading a certificate with its chain (RFC 8555 §7.4.2)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.acme.model import Account, Order
from ca.acme.problem import AcmeProblem, Kind
from ca.issuance.delivery import certificate_chain_pem


def chains_of(session: Session, *, account: Account, serial: str) -> list[str]:
    """Return the chains (PEM, the root left out) of a certificate that the account ordered, the first one preferred.

    :raises AcmeProblem: ``malformed`` (not found), another account's likewise.
    """
    ordered = select(Order.id).where(Order.serial == serial, Order.account_id == account.id)
    if session.scalar(ordered) is None:
        raise AcmeProblem(Kind.NOT_FOUND, "This account has no such certificate.")
    return [certificate_chain_pem(session, serial)]
