"""The worker's part: a chosen challenge is looked at, a few times, and the outcome written down once."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account import actor_of
from ca.acme.addresses import Addresses
from ca.acme.caa import Asked
from ca.acme.model import Account, Authorization, Order
from ca.acme.perspectives import Prover
from ca.acme.proof import Claim, NotProvedError
from ca.acme.state import INVALID, PENDING, READY, VALID
from ca.services import CaServices
from kernel.errors import Unavailable

#: Looks at one challenge, at 0, 2, 6 and 14 seconds: a change that was just made takes a moment to be seen.
MOST_LOOKS = 4


class LookAgainError(Unavailable):
    """The proof was not seen yet; the outbox tries again."""

    default_code = "acme_look_again"


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
    try:
        seen = prover.look(claim)
    except NotProvedError as error:
        final = error.final or looks >= MOST_LOOKS
        with services.database.transaction() as session:
            _write_failure(session, services, authorization_id, error, final=final, now=services.clock.now())
        if not final:
            raise LookAgainError(error.detail) from error
        return
    with services.database.transaction() as session:
        _write_success(session, services, authorization_id, seen=seen, now=services.clock.now())


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
    return Claim(
        name=row.name,
        type=row.tried,
        token=row.challenge,
        thumbprint=row.thumbprint,
        caa=Asked(
            wildcard=row.wildcard,
            identities=caa_identities(services),
            method=row.tried,
            account_uri=Addresses(services.settings.issuer).account(account.id),
        ),
    )


def _write_success(session: Session, services: CaServices, authorization_id: str, *, seen: int, now: datetime) -> None:
    row = _settle(session, authorization_id, status=VALID, validated_at=now, problem=None)
    if row is None:
        return
    # The order's row is the lock: of two last proofs at once, the second finds that all are valid.
    order = session.scalar(
        select(Order).where(Order.id == row.order_id).with_for_update().execution_options(populate_existing=True)
    )
    waiting = session.scalar(
        select(func.count()).where(Authorization.order_id == row.order_id, Authorization.status != VALID)
    )
    if order is not None and order.status == PENDING and not waiting:
        order.status = READY
    session.flush()
    services.journal.record(session, _event(row, EventType.ACME_CONTROL_PROVED, views=seen), now=now)


def _write_failure(
    session: Session, services: CaServices, authorization_id: str, error: NotProvedError, *, final: bool, now: datetime
) -> None:
    problem = {"type": error.kind.urn, "detail": error.detail}
    if not final:
        session.execute(
            update(Authorization)
            .where(Authorization.id == authorization_id, Authorization.status == PENDING)
            .values(problem=problem)
        )
        return
    row = _settle(session, authorization_id, status=INVALID, problem=problem)
    if row is None:
        return
    session.execute(
        update(Order)
        .where(Order.id == row.order_id, Order.status == PENDING)
        .values(status=INVALID, problem=problem | {"identifier": {"type": "dns", "value": row.name}})
    )
    event = _event(row, EventType.ACME_CONTROL_NOT_PROVED, outcome=Outcome.FAILURE, reason=error.kind.value)
    services.journal.record(session, event, now=now)


def _settle(session: Session, authorization_id: str, **values: object) -> Authorization | None:
    won = session.execute(
        update(Authorization)
        .where(Authorization.id == authorization_id, Authorization.status == PENDING)
        .values(**values)
        .returning(Authorization.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return session.get(Authorization, won, populate_existing=True) if won else None


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
