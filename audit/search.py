"""Finding events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from audit.holding import octets_hold
from audit.journal import COLUMNS
from audit.model import AuditEvent
from audit.privacy import HolderKeys, reveal
from kernel.errors import NotFound, Rejected
from kernel.identifiers import b64url, b64url_decode

Selected = TypeVar("Selected")
MOST = 500


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """What to look for; what is None is not asked. ``type`` may end in ``*``: ``idp:password:*``.

    :ivar about: matches subject, actor or object, for "everything about this".
    :ivar since: inclusive; ``until`` exclusive.
    """

    type: str | None = None
    outcome: str | None = None
    reason: str | None = None
    subject: str | None = None
    actor: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    object_id: str | None = None
    request_id: str | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CountedFilter(EventFilter):
    """What stands behind a number that was counted, beside what else is asked.

    :ivar but_subjects_like: leaves out subjects whose id begins so.
    :ivar leaf_holds: octets that stand in the leaf.
    :ivar cause: the reason, or the type of an event that has none; ``cause_is_cut``: its beginning.
    :ivar windows: in one of these spans of time; like ``since`` and ``until``.
    """

    types: tuple[str, ...] = ()
    but_types: tuple[str, ...] = ()
    but_outcome: str | None = None
    but_subjects_like: str | None = None
    leaf_holds: bytes | None = None
    cause: str | None = None
    cause_is_cut: bool = False
    windows: tuple[tuple[datetime, datetime], ...] | None = None


@dataclass(frozen=True)
class EventView:
    """An event for reading.

    :ivar log_index: its place in the log, None for the second until it has one.
    :ivar private: personal data in clear, None unless it was asked for.
    :ivar private_state: ``none`` (the event has none), ``sealed``, ``revealed`` or ``erased``.
    """

    id: str
    type: str
    occurred_at: datetime
    outcome: str
    reason: str | None
    subject: str | None
    actor: str | None
    client_id: str | None
    session_id: str | None
    object_id: str | None
    request_id: str | None
    channel: str | None
    log_index: int | None
    details: Mapping[str, object]
    private: Mapping[str, str] | None
    private_state: str


@dataclass(frozen=True)
class EventPage:
    """Events, newest first, and the cursor of the next page (None on the last)."""

    events: tuple[EventView, ...]
    next_cursor: str | None


def search_events(
    session: Session,
    *,
    filters: EventFilter,
    after: str | None = None,
    limit: int = 50,
    reveal_with: HolderKeys | None = None,
) -> EventPage:
    """Return a page of events, newest first.

    :param after: the ``next_cursor`` of the page before.
    :param reveal_with: opens personal data; the caller must record ``AUDIT_SEARCHED`` with who looked and why.
    :raises Rejected: (``bad_cursor``) if ``after`` is not a cursor of ours.
    """
    limit = max(1, min(limit, MOST))
    query = _filtered(select(AuditEvent), filters)
    if after is not None:
        moment, last_id = _read_cursor(after)
        query = query.where(
            or_(AuditEvent.occurred_at < moment, and_(AuditEvent.occurred_at == moment, AuditEvent.id < last_id))
        )
    query = query.order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc()).limit(limit + 1)
    rows = session.scalars(query).all()
    events = tuple(_view(session, row, reveal_with) for row in rows[:limit])
    more = len(rows) > limit
    return EventPage(events, _cursor(events[-1].occurred_at, events[-1].id) if more else None)


def count_events(session: Session, *, filters: EventFilter, most: int) -> int:
    """Return how many events fit; it counts no further than one more than ``most``."""
    found = _filtered(select(AuditEvent.id), filters).limit(most + 1).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def find_event(session: Session, event_id: str, *, reveal_with: HolderKeys | None = None) -> EventView:
    """Return one event. :raises NotFound: (``event_not_found``) if there is none."""
    row = session.get(AuditEvent, event_id)
    if row is None:
        raise NotFound("There is no such event.", code="event_not_found")
    return _view(session, row, reveal_with)


def _filtered(query: Select[Selected], filters: EventFilter) -> Select[Selected]:
    for name in ("outcome", "reason", "subject", "actor", "client_id", "session_id", "object_id", "request_id"):
        value = getattr(filters, name)
        if value is not None:
            query = query.where(getattr(AuditEvent, name) == value)
    if filters.type is not None:
        exact = not filters.type.endswith("*")
        prefix = filters.type.removesuffix("*")
        query = query.where(AuditEvent.type == prefix if exact else AuditEvent.type.startswith(prefix, autoescape=True))
    if isinstance(filters, CountedFilter):
        query = query.where(*_counted(filters))
    if filters.about is not None:
        query = query.where(
            or_(
                AuditEvent.subject == filters.about,
                AuditEvent.actor == filters.about,
                AuditEvent.object_id == filters.about,
            )
        )
    if filters.since is not None:
        query = query.where(AuditEvent.occurred_at >= filters.since)
    if filters.until is not None:
        query = query.where(AuditEvent.occurred_at < filters.until)
    return query


def _counted(filters: CountedFilter) -> Iterator[ColumnElement[bool]]:
    """What only searches behind a counted number ask."""
    if filters.types:
        yield AuditEvent.type.in_(filters.types)
    if filters.but_types:
        yield AuditEvent.type.not_in(filters.but_types)
    if filters.but_outcome is not None:
        yield AuditEvent.outcome != filters.but_outcome
    if filters.but_subjects_like is not None:
        like = AuditEvent.subject.startswith(filters.but_subjects_like, autoescape=True)
        yield or_(AuditEvent.subject.is_(None), ~like)
    if filters.leaf_holds is not None:
        yield octets_hold(AuditEvent.leaf, filters.leaf_holds)
    if filters.cause is not None:
        cause = func.coalesce(func.nullif(AuditEvent.reason, ""), AuditEvent.type)
        yield cause.startswith(filters.cause, autoescape=True) if filters.cause_is_cut else cause == filters.cause
    if filters.windows is not None:
        spans = [and_(AuditEvent.occurred_at >= start, AuditEvent.occurred_at < end) for start, end in filters.windows]
        yield or_(false(), *spans)


def _view(session: Session, row: AuditEvent, keys: HolderKeys | None) -> EventView:
    leaf = json.loads(row.leaf)
    concealed, private, state = leaf.get("private"), None, "none"
    if concealed is not None:
        state = "sealed"
        if keys is not None:
            try:
                private, state = reveal(concealed, key=keys.find(session, leaf["holder"]), event_id=row.id), "revealed"
            except NotFound:
                state = "erased"
    return EventView(
        id=row.id,
        occurred_at=row.occurred_at,
        channel=leaf.get("channel"),
        log_index=row.log_index,
        details=leaf.get("details", {}),
        private=private,
        private_state=state,
        **{name: getattr(row, name) for name in COLUMNS},
    )


def _cursor(moment: datetime, event_id: str) -> str:
    return b64url(json.dumps([moment.astimezone(UTC).isoformat(), event_id]).encode())


def _read_cursor(text: str) -> tuple[datetime, str]:
    try:
        moment, event_id = json.loads(b64url_decode(text))
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None or not isinstance(event_id, str):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise Rejected("This page of results does not exist.", code="bad_cursor") from error
    return parsed, event_id
