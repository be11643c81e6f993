"""What nearly every signed request needs, done for all that are answered together by one statement for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Executable, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from ca.acme.model import Account, Authorization, Credential, Order, SpentNonce
from kernel.prefetch import UNKNOWN, PlainRows, Reading, Want, among, dialect_of, keep, kept
from kernel.prepared import Ask, Prepared

_ACCOUNT = PlainRows(Account, Credential)
_AUTHORIZATION, _ORDER = PlainRows(Authorization), PlainRows(Order)


def wants_nonce(nonce: str, *, kept_until: datetime) -> Want:
    """Return the wish to use a nonce up; whether it was fresh is asked by :func:`is_fresh`."""
    return Want(_spend_nonces, (nonce, kept_until.astimezone(UTC).isoformat()))


def wants_account(account_id: str) -> Want:
    """Return the wish to read an account with its credential."""
    return Want(_read_accounts, account_id)


def wants_authorization(authorization_id: str, *, lock: bool = False) -> Want:
    """Return the wish to read an authorization. :param lock: because it is going to be changed."""
    return Want(_lock_authorizations if lock else _read_authorizations, authorization_id)


def wants_order(order_id: str) -> Want:
    """Return the wish to lock an order."""
    return Want(_lock_orders, order_id)


def wants_authorizations_of(order_id: str) -> Want:
    """Return the wish to read which authorizations an order has."""
    return Want(_read_names, order_id)


def authorizations_read(session: Session, order_id: str) -> list[str] | None:
    """Return the ids of an order's authorizations, in the order of its names; None if they were not read ahead."""
    ids = kept(session, Order, (order_id, "authorizations"))
    return None if ids is UNKNOWN else list(ids)


def is_fresh(session: Session, nonce: str) -> bool:
    """Tell, once, whether this transaction used the nonce up: of two that bring the same, one."""
    fresh = kept(session, SpentNonce, nonce)
    if fresh is UNKNOWN:
        raise LookupError("the nonce was not wanted")
    keep(session, SpentNonce, nonce, False)
    return bool(fresh)


def _spend_nonces(session: Session, keys: Sequence[tuple[str, str]]) -> Reading:
    if dialect_of(session) == "postgresql":
        fresh = {row[0] for row in (yield _spending_of(keys))}
    else:
        fresh = spend(session, keys)
    for nonce, _ in keys:
        keep(session, SpentNonce, nonce, nonce in fresh)


def spend(session: Session, keys: Sequence[tuple[str, str]]) -> set[str]:
    """Write nonces down as used; return those that were not before.

    :param keys: each with the time until which it is kept, as text.
    """
    if dialect_of(session) == "postgresql":
        ask = _spending_of(keys)
        return {row[0] for row in ask.statement.fetch(session, ask.given)}
    values = [{"nonce": nonce, "expires_at": datetime.fromisoformat(until)} for nonce, until in keys]
    statement = sqlite.insert(SpentNonce).values(values).on_conflict_do_nothing().returning(SpentNonce.nonce)
    return set(session.execute(statement).scalars())


def _spending_of(keys: Sequence[tuple[str, str]]) -> Ask:
    return Ask(_SPENDING, {"nonces": [each for each, _ in keys], "times": [each for _, each in keys]})


def _spending(_dialect: str) -> Executable:
    return text(
        "INSERT INTO ca_acme_nonce_spent (nonce, expires_at) "
        "SELECT * FROM unnest(CAST(:nonces AS text[]), CAST(:times AS timestamptz[])) "
        "ON CONFLICT DO NOTHING RETURNING nonce"
    )


def _read_accounts(session: Session, ids: Sequence[str]) -> Reading:
    found = set()
    for values in (yield Ask(_ACCOUNTS, {"keys": ids})):
        account, credential = _ACCOUNT.split(values)
        keep(session, Account, account.id, account)
        keep(session, Credential, credential.id, credential)
        found.add(account.id)
    for account_id in set(ids) - found:
        keep(session, Account, account_id, None)


def _read_authorizations(session: Session, ids: Sequence[str]) -> Reading:
    _keep_rows(session, Authorization, _AUTHORIZATION, (yield Ask(_AUTHORIZATIONS, {"keys": ids})), ids)


def _lock_authorizations(session: Session, ids: Sequence[str]) -> Reading:
    _keep_rows(session, Authorization, _AUTHORIZATION, (yield Ask(_LOCKED_AUTHORIZATIONS, {"keys": ids})), ids)


def _lock_orders(session: Session, ids: Sequence[str]) -> Reading:
    _keep_rows(session, Order, _ORDER, (yield Ask(_LOCKED_ORDERS, {"keys": ids})), ids)


def _read_names(session: Session, ids: Sequence[str]) -> Reading:
    of_order: dict[str, list[str]] = {order_id: [] for order_id in ids}
    for order_id, authorization_id in (yield Ask(_OF_ORDERS, {"keys": ids})):
        of_order[order_id].append(authorization_id)
    for order_id, found in of_order.items():
        keep(session, Order, (order_id, "authorizations"), found)


def _keep_rows(
    session: Session, entity: type[Any], kind: PlainRows, rows: Sequence[Sequence[Any]], ids: Sequence[str]
) -> None:
    found = {row.id: row for values in rows for row in kind.split(values)}
    for each in ids:
        keep(session, entity, each, found.get(each))


def _accounts(dialect: str) -> Any:
    return (
        select(*_ACCOUNT.columns)
        .select_from(Account)
        .join(Credential, Credential.id == Account.credential_id)
        .where(among(dialect, Account.id))
    )


def _rows(kind: PlainRows, entity: Any, *, lock: bool) -> Prepared:
    def build(dialect: str) -> Any:
        statement = select(*kind.columns).where(among(dialect, entity.id)).order_by(entity.id)
        return statement.with_for_update() if lock else statement

    return Prepared(build)


def _of_orders(dialect: str) -> Any:
    rows = select(Authorization.order_id, Authorization.id)
    return rows.where(among(dialect, Authorization.order_id)).order_by(Authorization.id)


_SPENDING, _ACCOUNTS, _OF_ORDERS = Prepared(_spending), Prepared(_accounts), Prepared(_of_orders)
_AUTHORIZATIONS = _rows(_AUTHORIZATION, Authorization, lock=False)
_LOCKED_AUTHORIZATIONS = _rows(_AUTHORIZATION, Authorization, lock=True)
_LOCKED_ORDERS = _rows(_ORDER, Order, lock=True)
