"""Credentials of a protocol within what an operator's roles reach: narrowed, arranged, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from admin.credentials import IssuedCredential, Kind, read_issued
from ca.acme.model import Credential
from ca.enrolment.model import EnrolmentCredential

#: Of :meth:`admin.credentials.IssuedCredential.state`.
STATES = ("open", "used_up", "expired", "withdrawn")
ORDERS = ("made", "left", "ends")


@dataclass(frozen=True)
class CredentialQuery:
    """What is looked for. ``institutions``: the RUCs within reach, None: all. ``now``: whether one is over by then."""

    kind: Kind
    now: datetime
    state: str = ""
    institutions: frozenset[str] | None = None


def search_issued(
    session: Session,
    query: CredentialQuery,
    *,
    limit: int,
    offset: int = 0,
    order: str = "made",
    descending: bool = True,
) -> list[IssuedCredential]:
    """Return the credentials that fit, newest first. :param order: of ``ORDERS``."""
    model: Any = _model(query.kind)
    left = Credential.accounts_left if query.kind is Kind.ACME else EnrolmentCredential.uses_left
    column = {"left": left, "ends": model.expires_at}.get(order, model.created_at)
    directed = column.desc().nulls_last() if descending else column.asc().nulls_last()
    wanted = select(model.id).where(*_conditions(query)).order_by(directed, model.id.desc())
    return _read(session, query, session.scalars(wanted.limit(limit).offset(offset)).all())


def count_issued(session: Session, query: CredentialQuery) -> int:
    """Return how many fit."""
    model: Any = _model(query.kind)
    return session.scalar(select(func.count()).select_from(model).where(*_conditions(query))) or 0


def issued_before(
    session: Session, query: CredentialQuery, *, credential_id: str, limit: int
) -> list[IssuedCredential]:
    """Return the credentials that fit, newest first, from before ``credential_id`` (empty: the newest)."""
    model: Any = _model(query.kind)
    wanted = select(model.id).where(*_conditions(query)).order_by(model.id.desc()).limit(limit)
    if credential_id:
        wanted = wanted.where(model.id < credential_id)
    return _read(session, query, session.scalars(wanted).all())


def _read(session: Session, query: CredentialQuery, ids: Sequence[str]) -> list[IssuedCredential]:
    found = {each.id: each for each in read_issued(session, query.kind, ids)}
    return [found[each] for each in ids]


def _model(kind: Kind) -> type[Credential] | type[EnrolmentCredential]:
    return Credential if kind is Kind.ACME else EnrolmentCredential


def _conditions(query: CredentialQuery) -> list[ColumnElement[bool]]:
    model: Any = _model(query.kind)
    found: list[ColumnElement[bool]] = []
    if query.kind is not Kind.ACME:
        found.append(EnrolmentCredential.protocol == query.kind.value)
    if query.institutions is not None:
        found.append(model.institution_ruc.in_(sorted(query.institutions)))
    left = Credential.accounts_left if query.kind is Kind.ACME else EnrolmentCredential.uses_left
    standing = model.revoked_at.is_(None)
    in_time = or_(model.expires_at.is_(None), model.expires_at > query.now)
    of_state: dict[str, ColumnElement[bool]] = {
        "withdrawn": model.revoked_at.is_not(None),
        "expired": and_(standing, model.expires_at <= query.now),
        "used_up": and_(standing, in_time, left == 0),
        "open": and_(standing, in_time, left > 0),
    }
    if query.state in of_state:
        found.append(of_state[query.state])
    return found
