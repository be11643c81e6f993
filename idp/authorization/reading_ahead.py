"""Codes that are going to be redeemed, and browsers that come with a session, read together with what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.authentication.browser_session import BY_SECRET, keep_browser_session
from idp.authentication.model import BrowserSessionRow
from idp.authorization.model import AuthorizationCodeRow
from idp.consent.model import ConsentRow
from idp.tokens.reading_ahead import BASIS_OF, keep_basis, with_basis
from kernel.prefetch import PlainRows, among, keep
from kernel.prepared import Prepared

_VISIT = PlainRows(BrowserSessionRow, PersonRow, ConsentRow)
_CODE = PlainRows(*BASIS_OF, AuthorizationCodeRow)


def read_codes(session: Session, digests: Sequence[str]) -> None:
    """Keep and lock each authorization code, in the order of their digests, or that there is none."""
    found = set()
    for values in _CODES.fetch(session, {"keys": digests}):
        *basis, code = _CODE.split(values)
        keep(session, AuthorizationCodeRow, code.code_sha256, code)
        keep_basis(session, code, basis)
        found.add(code.code_sha256)
    for digest in set(digests) - found:
        keep(session, AuthorizationCodeRow, digest, None)


def read_visits(session: Session, visits: Sequence[tuple[str, str]]) -> None:
    """Keep who is logged in, and what he allowed the application.

    :param visits: digest of the session's secret, and the ``client_id``.
    """
    digests, client_ids = sorted({digest for digest, _ in visits}), sorted({client_id for _, client_id in visits})
    people, consents = {}, set()
    for values in _VISITS.fetch(session, {"keys": digests, "client_ids": client_ids}):
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


def _codes(dialect: str) -> Any:
    statement = (
        select(*_CODE.columns)
        .select_from(AuthorizationCodeRow)
        .where(among(dialect, AuthorizationCodeRow.code_sha256))
        .order_by(AuthorizationCodeRow.code_sha256)
        .with_for_update(of=AuthorizationCodeRow)
    )
    return with_basis(statement, AuthorizationCodeRow)


def _visits(dialect: str) -> Any:
    asked = among(dialect, ConsentRow.client_id, "client_ids")
    return (
        select(*_VISIT.columns)
        .select_from(BrowserSessionRow)
        .join(PersonRow, PersonRow.id == BrowserSessionRow.person_id)
        .outerjoin(ConsentRow, (ConsentRow.person_id == PersonRow.id) & asked)
        .where(among(dialect, BrowserSessionRow.secret_sha256))
    )


_CODES, _VISITS = Prepared(_codes), Prepared(_visits)
