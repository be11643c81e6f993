"""Transactions: begun once, continued by whoever holds the last nonce, ended once (RFC 4210 §5.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from ca.cmp.failure import CmpError, Failure
from ca.cmp.message import Message
from ca.cmp.model import CmpTransaction
from ca.enrolment.party import Party
from kernel.identifiers import sha256_hex

_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Exchange:
    """A transaction as one message finds it."""

    id: str
    request_type: str
    request_id: str | None
    state: str


def begin(session: Session, message: Message, party: Party, *, now: datetime) -> str:
    """Write the transaction down; return its id. :raises CmpError: ``transactionIdInUse``: the message is a replay."""
    transaction_id = _id_of(message, party)
    if session.get(CmpTransaction, transaction_id, with_for_update=True) is not None:
        raise CmpError(Failure.TRANSACTION_ID_IN_USE, "This transaction exists; begin another.")
    session.add(
        CmpTransaction(
            id=transaction_id, sender=party.actor, request_type=message.body_type, state="begun", created_at=now
        )
    )
    session.flush()
    return transaction_id


def proceed(
    session: Session,
    transaction_id: str,
    *,
    state: str,
    nonce: bytes | None,
    request_id: str | None = None,
    sent_at: datetime | None = None,
) -> None:
    """Write down where it stands and which nonce the next message must answer.

    :param sent_at: when a certificate was sent that is to be confirmed.
    """
    row = session.get_one(CmpTransaction, transaction_id)
    row.sent_at = sent_at or row.sent_at
    row.state, row.nonce = state, nonce.hex() if nonce else None
    row.request_id = request_id or row.request_id


def take_up(session: Session, message: Message, party: Party, *, state: str) -> Exchange:
    """Return the transaction that the message continues; its nonce is spent by it, so a replay is refused.

    :raises CmpError: ``badRequest`` there is none in this state, ``badRecipientNonce``.
    """
    transaction_id = _id_of(message, party)
    row = session.get(CmpTransaction, transaction_id)
    if row is None or row.state != state:
        raise CmpError(Failure.BAD_REQUEST, "No transaction of yours waits for this message.")
    won = session.execute(
        update(CmpTransaction)
        .where(
            CmpTransaction.id == transaction_id,
            CmpTransaction.state == state,
            CmpTransaction.nonce == message.recipient_nonce.hex(),
        )
        .values(nonce=None)
        .returning(CmpTransaction.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if won is None:
        raise CmpError(Failure.BAD_RECIPIENT_NONCE, "The recipNonce is not that of our last message.")
    return Exchange(row.id, row.request_type, row.request_id, row.state)


def drop_old_transactions(session: Session, *, now: datetime) -> None:
    """Forget transactions older than a month; messages are dated, so none of that time is taken again."""
    session.execute(delete(CmpTransaction).where(CmpTransaction.created_at < now - _KEPT))


def _id_of(message: Message, party: Party) -> str:
    return sha256_hex(f"{party.actor}\0{message.transaction_id.hex()}")
