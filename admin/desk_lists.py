"""What desks and officers work off, a page at a time: reports, recoveries, data to put right; within the reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from idp.accounts.model import RectificationRow
from idp.accounts.rectification import OPEN, Rectification, find_rectification
from idp.desk.model import DeskRecoveryRow, DeskRow, ReportRow
from idp.desk.recovery_record import Recovery, as_recovery
from idp.desk.report import Report, as_report


@dataclass(frozen=True)
class Cut:
    """Which part of a list. :ivar order: of the list's own; "": what waits first. :ivar before: an id: newest first,
    from before it, for programs; empty: the newest; None: by ``order`` and ``offset``."""

    limit: int
    offset: int = 0
    order: str = ""
    descending: bool = False
    before: str | None = None


def search_reports(session: Session, *, state: str = "", kind: str = "", cut: Cut) -> list[Report]:
    """Return reports. :param state: new, seen, closed. Orders: ``number``, ``received``."""
    orders = {"number": ReportRow.number, "received": ReportRow.created_at}
    usual = (ReportRow.closed_at.is_not(None), ReportRow.id.desc())
    wanted = _cut(select(ReportRow).where(*_of_reports(state, kind)), ReportRow, orders, usual, cut)
    return [as_report(row) for row in session.scalars(wanted)]


def count_reports(session: Session, *, state: str = "", kind: str = "") -> int:
    """Return how many fit."""
    return session.scalar(select(func.count()).select_from(ReportRow).where(*_of_reports(state, kind))) or 0


def search_recoveries(
    session: Session, *, institutions: frozenset[str] | None, state: str = "", cut: Cut
) -> list[Recovery]:
    """Return recoveries of these institutions' desks. :param state: open, closed. Orders: ``opened``, ``ready``."""
    orders = {"opened": DeskRecoveryRow.opened_at, "ready": DeskRecoveryRow.ready_at}
    usual = (DeskRecoveryRow.closed_at.is_not(None), DeskRecoveryRow.id.desc())
    wanted = _cut(_recoveries(select(DeskRecoveryRow), institutions, state), DeskRecoveryRow, orders, usual, cut)
    return [as_recovery(row) for row in session.scalars(wanted)]


def count_recoveries(session: Session, *, institutions: frozenset[str] | None, state: str = "") -> int:
    """Return how many fit."""
    return session.scalar(_recoveries(select(func.count(DeskRecoveryRow.id)), institutions, state)) or 0


def search_rectifications(
    session: Session, *, state: str = "", datum: str = "", now: datetime, cut: Cut
) -> list[Rectification]:
    """Return data to put right. :param state: of the request, or ``overdue``. Orders: ``number``, ``due``."""
    orders = {"number": RectificationRow.number, "due": RectificationRow.due_at}
    usual = (RectificationRow.state != OPEN, RectificationRow.due_at, RectificationRow.id)
    query = select(RectificationRow.id).where(*_of_rectifications(state, datum, now))
    wanted = _cut(query, RectificationRow, orders, usual, cut)
    return [find_rectification(session, each) for each in session.scalars(wanted).all()]


def count_found_rectifications(session: Session, *, state: str = "", datum: str = "", now: datetime) -> int:
    """Return how many fit."""
    conditions = _of_rectifications(state, datum, now)
    return session.scalar(select(func.count()).select_from(RectificationRow).where(*conditions)) or 0


def _of_reports(state: str, kind: str) -> list[ColumnElement[bool]]:
    of_state = {
        "new": and_(ReportRow.closed_at.is_(None), ReportRow.seen_at.is_(None)),
        "seen": and_(ReportRow.closed_at.is_(None), ReportRow.seen_at.is_not(None)),
        "closed": ReportRow.closed_at.is_not(None),
    }
    found = [of_state[state]] if state in of_state else []
    return [*found, ReportRow.kind == kind] if kind else found


def _recoveries(query: Select[Any], institutions: frozenset[str] | None, state: str) -> Select[Any]:
    query = query.join(DeskRow, DeskRow.id == DeskRecoveryRow.desk_id)
    if institutions is not None:
        query = query.where(DeskRow.institution_ruc.in_(sorted(institutions)))
    if state:
        over = DeskRecoveryRow.closed_at.is_not(None)
        query = query.where(over if state == "closed" else ~over)
    return query


def _of_rectifications(state: str, datum: str, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if state == "overdue":
        found += [RectificationRow.state == OPEN, RectificationRow.due_at < now]
    elif state:
        found.append(RectificationRow.state == state)
    return [*found, RectificationRow.datum == datum] if datum else found


def _cut(query: Select[Any], model: Any, orders: dict[str, Any], usual: tuple[Any, ...], cut: Cut) -> Select[Any]:
    if cut.before is not None:
        query = query.where(model.id < cut.before) if cut.before else query
        return query.order_by(model.id.desc()).limit(cut.limit)
    column = orders.get(cut.order)
    if column is not None:
        directed = column.desc() if cut.descending else column.asc()
        usual = (directed.nulls_last(), model.id.desc())
    return query.order_by(*usual).limit(cut.limit).offset(cut.offset)
