"""The worker's part: a chosen challenge is looked at, a few times, and the outcome written down once."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account import actor_of
from ca.acme.addresses import Addresses
from ca.acme.caa import Asked
from ca.acme.model import Account, Authorization, Order
from ca.acme.perspectives import Prover
from ca.acme.proof import Claim, NotProvedError
from ca.acme.reading_ahead import wants_authorization, wants_order
from ca.acme.state import INVALID, PENDING, READY, VALID
from ca.services import CaServices
from kernel.errors import Unavailable
from kernel.late_rows import change_row
from kernel.outbox import wants_withdrawn, withdraw
from kernel.prefetch import hold_row

#: Looks at one challenge, at 0, 2, 6 and 14 seconds: a change that was just made takes a moment to be seen.
MOST_LOOKS = 4


class LookAgainError(Unavailable):
    """The proof was not seen yet; the outbox tries again."""

    default_code = "acme_look_again"


class Looked(Enum):
    """What became of a look."""

    SEEN = "seen"
    NOT_SEEN = "not seen"
    NOT_YET = "not yet"


class Look(NamedTuple):
    """A look that is over.

    :ivar row: the authorization as it was written down; None if its outcome was there before.
    """

    became: Looked
    row: Authorization | None


def prove_control(services: CaServices, prover: Prover, *, authorization_id: str, looks: int) -> None:
    """Look at the chosen challenge of an authorization and write down what was seen. Repeatable.

    :param looks: which look this is, from 1.
    :raises LookAgainError: if it was not seen and looking again may help; what was wrong stands in the challenge.
    """
    now = services.clock.now()
    with services.database.reading() as session:
        claim = _read_claim(session, services, authorization_id, now=now)
    if claim is None:
        return
    look = prove_claim(services, prover, claim, authorization_id=authorization_id, last=looks >= MOST_LOOKS)
    if look.became is Looked.NOT_YET:
        raise LookAgainError("The proof was not seen yet.")


def prove_claim(
    services: CaServices,
    prover: Prover,
    claim: Claim,
    *,
    authorization_id: str,
    order_id: str | None = None,
    last: bool = False,
    task_id: str | None = None,
) -> Look:
    """Look once at what an account says that it has prepared, and write down what was seen.

    :param order_id: of the authorization, where the caller knows it: it is read together with it.
    :param last: whether this is the last look, so that not to see it settles the matter.
    :param task_id: what the worker would do, taken back with an outcome.
    """
    wants = [wants_authorization(authorization_id, lock=True)]
    try:
        seen = prover.look(claim)
    except NotProvedError as error:
        problem, final = error, error.final or last

        def write_failure(session: Session) -> Authorization | None:
            now = services.clock.now()
            row = _write_failure(session, services, authorization_id, problem, final=final, now=now)
            if final and task_id is not None:
                withdraw(session, task_id)
            return row

        failed = services.database.together(write_failure, wants)
        return Look(Looked.NOT_SEEN if final else Looked.NOT_YET, failed)

    def write_success(session: Session) -> Authorization | None:
        return _write_success(session, services, authorization_id, seen=seen, now=services.clock.now())

    wants += [wants_order(order_id)] if order_id else []
    wants += [wants_withdrawn(task_id)] if task_id else []
    proved = services.database.together(write_success, wants)
    return Look(Looked.SEEN, proved)


def caa_identities(services: CaServices) -> tuple[str, ...]:
    """Return the names by which CAA records may name us."""
    host = (urlsplit(services.settings.issuer).hostname or "").lower()
    return services.settings.acme_caa_identities or (host,)


def _read_claim(session: Session, services: CaServices, authorization_id: str, *, now: datetime) -> Claim | None:
    row = session.get(Authorization, authorization_id)
    if row is None or row.status != PENDING or row.tried is None or row.thumbprint is None or row.expires_at <= now:
        return None
    account = session.get_one(Account, row.account_id)
    if account.status != VALID:
        return None
    return claim_of(row, services)


def claim_of(row: Authorization, services: CaServices) -> Claim:
    """Return what the account of an authorization, whose challenge was chosen, says that it has prepared."""
    assert row.tried is not None and row.thumbprint is not None
    return Claim(
        name=row.name,
        type=row.tried,
        token=row.challenge,
        thumbprint=row.thumbprint,
        caa=Asked(
            wildcard=row.wildcard,
            identities=caa_identities(services),
            method=row.tried,
            account_uri=Addresses(services.settings.issuer).account(row.account_id),
        ),
    )


def _write_success(
    session: Session, services: CaServices, authorization_id: str, *, seen: int, now: datetime
) -> Authorization | None:
    row = _settle(session, authorization_id, status=VALID, validated_at=now, problem=None)
    if row is None:
        return None
    # The order's row is the lock: of two last proofs at once, the second finds that all are valid.
    order = hold_row(session, Order, row.order_id)
    if order is not None and order.status == PENDING and not _waits_for_others(session, order):
        change_row(session, Order, order, status=READY)
        placed = services.orders_placed.find(order.id)
        if placed is not None:
            services.orders_ready.note(order.id, placed)
    services.journal.record(session, _event(row, EventType.ACME_CONTROL_PROVED, views=seen), now=now)
    return row


def _waits_for_others(session: Session, order: Order) -> bool:
    if len(order.names) == 1:
        return False
    # Asked through the mapped class, so that what this transaction has changed is written first.
    query = select(Authorization.id).where(Authorization.order_id == order.id, Authorization.status != VALID)
    return session.scalar(query.limit(1)) is not None


def _write_failure(
    session: Session, services: CaServices, authorization_id: str, error: NotProvedError, *, final: bool, now: datetime
) -> Authorization | None:
    problem = {"type": error.kind.urn, "detail": error.detail}
    if not final:
        return _settle(session, authorization_id, problem=problem)
    row = _settle(session, authorization_id, status=INVALID, problem=problem)
    if row is None:
        return None
    session.execute(
        update(Order)
        .where(Order.id == row.order_id, Order.status == PENDING)
        .values(status=INVALID, problem=problem | {"identifier": {"type": "dns", "value": row.name}})
    )
    event = _event(row, EventType.ACME_CONTROL_NOT_PROVED, outcome=Outcome.FAILURE, reason=error.kind.value)
    services.journal.record(session, event, now=now)
    return row


def _settle(session: Session, authorization_id: str, **values: object) -> Authorization | None:
    row = hold_row(session, Authorization, authorization_id)
    if row is None or row.status != PENDING:
        return None
    return change_row(session, Authorization, row, **values)


def _event(
    row: Authorization,
    kind: EventType,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str | None = None,
    views: int | None = None,
) -> Event:
    return Event(
        type=kind,
        outcome=outcome,
        reason=reason,
        actor=actor_of(row.account_id),
        object_id=row.id,
        details={"name": row.name, "wildcard": row.wildcard, "method": row.tried, "views": views},
    )
