"""Codes that are going to be redeemed, and browsers that come with a session, read together with what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.authentication.browser_session import BY_SECRET, keep_browser_session
from idp.authentication.model import BrowserSessionRow
from idp.authorization.model import AuthorizationCodeRow
from idp.consent.model import ConsentRow
from idp.tokens.reading_ahead import BASIS, keep_basis, with_basis
from kernel.prefetch import PlainRows, among, dialect_of, keep

_VISIT = PlainRows(BrowserSessionRow, PersonRow, ConsentRow)


def read_codes(session: Session, digests: Sequence[str]) -> None:
    """Keep and lock each authorization code, in the order of their digests, or that there is none."""
    found = set()
    for *values, row in session.execute(_codes(dialect_of(session)), {"keys": digests}):
        keep(session, AuthorizationCodeRow, row.code_sha256, row)
        keep_basis(session, row, BASIS.split(values))
        found.add(row.code_sha256)
    for digest in set(digests) - found:
        keep(session, AuthorizationCodeRow, digest, None)


def read_visits(session: Session, visits: Sequence[tuple[str, str]]) -> None:
    """Keep who is logged in, and what he allowed the application.

    :param visits: digest of the session's secret, and the ``client_id``.
    """
    digests, client_ids = sorted({digest for digest, _ in visits}), sorted({client_id for _, client_id in visits})
    people, consents = {}, set()
    for values in session.execute(_visits(dialect_of(session)), {"keys": digests, "client_ids": client_ids}):
        browser_session, person, consent = _VISIT.split(values)
        people[browser_session.secret_sha256] = person.id
        keep_browser_session(session, browser_session)
        keep(session, PersonRow, person.id, person)
        if consent is not None:
            consents.add((consent.person_id, consent.client_id))
            keep(session, ConsentRow, (consent.person_id, consent.client_id), consent)
    for digest, client_id in visits:
        if digest not in people:
            keep(session, BY_SECRET, digest, None)
        elif (people[digest], client_id) not in consents:
            keep(session, ConsentRow, (people[digest], client_id), None)


@lru_cache
def _codes(dialect: str) -> Any:
    statement = (
        select(*BASIS.columns, AuthorizationCodeRow)
        .select_from(AuthorizationCodeRow)
        .where(among(dialect, AuthorizationCodeRow.code_sha256))
        .order_by(AuthorizationCodeRow.code_sha256)
        .with_for_update(of=AuthorizationCodeRow)
        .execution_options(populate_existing=True)
    )
    return with_basis(statement, AuthorizationCodeRow)


@lru_cache
def _visits(dialect: str) -> Any:
    asked = among(dialect, ConsentRow.client_id, "client_ids")
    return (
        select(*_VISIT.columns)
        .select_from(BrowserSessionRow)
        .join(PersonRow, PersonRow.id == BrowserSessionRow.person_id)
        .outerjoin(ConsentRow, (ConsentRow.person_id == PersonRow.id) & asked)
        .where(among(dialect, BrowserSessionRow.secret_sha256))
    )
