"""Orders: placed, shown, listed (RFC 8555 §7.4, §7.1.2.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn, cast

from sqlalchemy import ColumnClause, Executable, String, Table, bindparam, func, literal_column, select, text, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from ca.acme.account import actor_of
from ca.acme.identifier import MOST_NAMES, allowed_domains, base_name, is_wildcard, requested_names
from ca.acme.model import Account, Authorization, Order
from ca.acme.problem import AcmeProblem, Kind, malformed
from ca.acme.profiles import choose_profile
from ca.acme.reading_ahead import authorizations_read
from ca.acme.renewal import already_replaced, require_replaceable
from ca.acme.state import INVALID, ORDER_LIFETIME, PENDING, READY
from ca.acme.view import OrderView, view_order
from ca.services import CaServices
from kernel.column_types import UtcDateTime
from kernel.identifiers import new_id, new_secret
from kernel.late_rows import insert_later
from kernel.prefetch import UNKNOWN, Reading, Want, among, dialect_of, find_row, hold_row, keep, kept
from kernel.prepared import Ask, Prepared


class PlacedOrder(NamedTuple):
    """What never changes of an order."""

    account_id: str
    profile: str
    names: tuple[str, ...]
    institution_ruc: str


PAGE = 100
#: Of one account: orders that wait, and failed proofs of one name in an hour.
MOST_OPEN, MOST_FAILURES = 300, 10
_FAILURE_WINDOW = timedelta(hours=1)
_ORDERS, _AUTHORIZATIONS = cast(Table, Order.__table__), cast(Table, Authorization.__table__)


def place_order(
    session: Session, *, services: CaServices, account: Account, request: Mapping[str, Any], now: datetime
) -> OrderView:
    """Store an order with one authorization for each of its names. A refusal is on record.

    :param request: the payload of newOrder.
    :raises AcmeProblem: ``malformed``, ``rejectedIdentifier``, ``unsupportedIdentifier``, ``compound``,
        ``invalidProfile``, ``alreadyReplaced``, ``unauthorized``, ``rateLimited``.
    """
    try:
        return _place(session, services=services, account=account, request=request, now=now)
    except AcmeProblem as error:
        _refuse(session, services, account, error, now=now)


def find_order(session: Session, *, account: Account, order_id: str, now: datetime) -> OrderView:
    """Return an order of the account. :raises AcmeProblem: ``malformed`` (not found), another account's likewise."""
    row = own_order(session, account=account, order_id=order_id)
    return view_order(row, authorizations_of(session, row), now=now)


def own_order(session: Session, *, account: Account, order_id: str, lock: bool = False) -> Order:
    """Return the row of the account's order, locked if it is going to be changed.

    :raises AcmeProblem: ``malformed`` (not found).
    """
    row = hold_row(session, Order, order_id) if lock else find_row(session, Order, order_id, anew=True)
    if row is None or row.account_id != account.id:
        raise AcmeProblem(Kind.NOT_FOUND, "This account has no such order.")
    return row


def authorizations_of(session: Session, row: Order) -> list[str]:
    """Return the ids of an order's authorizations, in the order of its names."""
    known = authorizations_read(session, row.id)
    if known is not None:
        return known
    query = select(Authorization.id).where(Authorization.order_id == row.id).order_by(Authorization.id)
    return list(session.scalars(query))


def list_orders(session: Session, *, account: Account, before: str | None) -> tuple[list[str], str | None]:
    """Return a page of the account's order ids, newest first, and what the next page begins before, if there is one."""
    query = select(Order.id).where(Order.account_id == account.id, Order.status != INVALID)
    if before is not None:
        query = query.where(Order.id < before)
    ids = list(session.scalars(query.order_by(Order.id.desc()).limit(PAGE + 1)))
    return ids[:PAGE], ids[PAGE - 1] if len(ids) > PAGE else None


def _place(
    session: Session, *, services: CaServices, account: Account, request: Mapping[str, Any], now: datetime
) -> OrderView:
    if "notBefore" in request or "notAfter" in request:
        raise malformed("The profile decides on the dates; leave notBefore and notAfter out.")
    profile = choose_profile(services, request.get("profile"))
    institution, domains = allowed_domains(session, services=services, account=account)
    names = requested_names(request.get("identifiers"), domains=domains, wildcards=profile.names.wildcards)
    replaces = require_replaceable(session, member=request.get("replaces"), account_id=account.id, names=names)
    _require_moderation(session, account, names, now=now)
    order: dict[str, Any] = {
        "id": new_id(),
        "account_id": account.id,
        "status": PENDING,
        "profile": profile.name,
        "profile_named": "profile" in request,
        "names": list(names),
        "replaces": replaces,
        "replaced_once": replaces,
        "problem": None,
        "request_id": None,
        "serial": None,
        "created_at": now,
        "expires_at": now + ORDER_LIFETIME,
        "delivered_at": None,
    }
    _insert(session, order)
    services.orders_placed.note(order["id"], PlacedOrder(account.id, profile.name, names, institution.ruc))
    ids = sorted(new_id() for _ in names)
    for authorization_id, name in zip(ids, names, strict=True):
        insert_later(
            session,
            _AUTHORIZATIONS,
            {
                "id": authorization_id,
                "order_id": order["id"],
                "account_id": account.id,
                "name": base_name(name),
                "wildcard": is_wildcard(name),
                "status": PENDING,
                "challenge": new_secret(),
                "expires_at": order["expires_at"],
            },
        )
    event = Event(
        type=EventType.ACME_ORDER_PLACED,
        actor=actor_of(account.id),
        object_id=order["id"],
        details={
            "institution_ruc": institution.ruc,
            "profile": profile.name,
            "names": list(names),
            "replaces": replaces,
        },
    )
    services.journal.record(session, event, now=now)
    return view_order(SimpleNamespace(**order), ids, now=now)


def _insert(session: Session, order: dict[str, Any]) -> None:
    """Store the order. Of two at once that replace the same certificate the database takes one."""
    if order["replaced_once"] is None:
        insert_later(session, _ORDERS, order)
        return
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    stored = insert(Order).values(**order).on_conflict_do_nothing().returning(Order.id)
    if session.execute(stored).scalar_one_or_none() is None:
        raise already_replaced()


def _require_moderation(session: Session, account: Account, names: tuple[str, ...], *, now: datetime) -> None:
    given = {"account": account.id, "since": now - _FAILURE_WINDOW, "now": now}
    bases = sorted({base_name(name) for name in names})
    known = kept(session, Order, (account.id, tuple(bases)))
    (_, waiting), *failed = _MODERATION.fetch(session, {**given, "keys": bases}) if known is UNKNOWN else known
    if waiting >= MOST_OPEN:
        raise AcmeProblem(
            Kind.RATE_LIMITED, f"{MOST_OPEN} orders of this account wait; finish those.", retry_after=_FAILURE_WINDOW
        )
    for name, count in failed:
        if count >= MOST_FAILURES:
            raise AcmeProblem(
                Kind.RATE_LIMITED,
                f"{name} was not proved {count} times within the hour; mend that first, and wait.",
                retry_after=_FAILURE_WINDOW,
            )


def wants_moderation(account_id: str, request: Mapping[str, Any], *, now: datetime) -> list[Want]:
    """Return the wish to count what :func:`place_order` bounds, if the names are written as an order keeps them."""
    asked = request.get("identifiers")
    found = [each.get("value") for each in asked if isinstance(each, dict)] if isinstance(asked, list) else []
    names = tuple(sorted({base_name(name) for name in found if isinstance(name, str) and _is_name(name)}))
    return [Want(_count, (account_id, names, now.astimezone(UTC).isoformat()))] if len(names) <= MOST_NAMES else []


def _is_name(text: str) -> bool:
    """What is none is refused by whoever reads the request: PostgreSQL takes no NUL from a hint."""
    return text.isascii() and text.isprintable()


def _count(session: Session, keys: Sequence[tuple[str, tuple[str, ...], str]]) -> Reading:
    if dialect_of(session) != "postgresql":
        return
    pairs = sorted({(account, name) for account, names, _ in keys for name in names})
    now = max(datetime.fromisoformat(moment) for *_, moment in keys)
    given = {
        "own": sorted({account for account, *_ in keys}),
        "accounts": [account for account, _ in pairs],
        "names": [name for _, name in pairs],
        "now": now.isoformat(),
        "since": (now - _FAILURE_WINDOW).isoformat(),
    }
    counts = {(account, name): count for account, name, count in (yield Ask(_COUNTS, given))}
    for account, names, _ in keys:
        failed = [(name, counts[account, name]) for name in names if (account, name) in counts]
        keep(session, Order, (account, names), [("", counts.get((account, ""), 0)), *failed])


_COUNTS = Prepared(
    lambda _: text(
        "SELECT account_id, '' AS name, count(*) FROM ca_acme_order WHERE account_id = ANY(CAST(:own AS text[]))"
        " AND status IN ('pending', 'ready') AND expires_at > CAST(:now AS timestamptz) GROUP BY account_id"
        " UNION ALL SELECT account_id, name, count(*) FROM"
        " unnest(CAST(:accounts AS text[]), CAST(:names AS text[])) AS given(account_id, name)"
        " JOIN ca_acme_authorization AS tried USING (account_id, name)"
        " WHERE tried.tried_at > CAST(:since AS timestamptz) AND tried.status = 'invalid' GROUP BY account_id, name"
    )
)


def _moderation(dialect: str) -> Executable:
    """First how many orders are open, under no name; then each name's failures."""
    moment = UtcDateTime()
    is_open = Order.status.in_([_quoted(PENDING), _quoted(READY)]) & (Order.expires_at > bindparam("now", type_=moment))
    opened = select(_quoted("").label("name"), func.count()).where(Order.account_id == bindparam("account"), is_open)
    failed = (
        select(Authorization.name, func.count())
        .where(
            Authorization.account_id == bindparam("account"),
            among(dialect, Authorization.name),
            Authorization.tried_at > bindparam("since", type_=moment),
            Authorization.status == _quoted(INVALID),
        )
        .group_by(Authorization.name)
    )
    return union_all(opened, failed).order_by("name")


def _quoted(word: str) -> ColumnClause[str]:
    """One of our own words, as part of a prepared statement."""
    return literal_column(f"'{word}'", String)


_MODERATION = Prepared(_moderation)


def _refuse(session: Session, services: CaServices, account: Account, error: AcmeProblem, *, now: datetime) -> NoReturn:
    event = Event(
        type=EventType.ACME_ORDER_REFUSED,
        outcome=Outcome.REFUSED,
        reason=error.code,
        actor=actor_of(account.id),
        object_id=account.id,
    )
    services.journal.refuse(session, event, error, now=now)
