"""Codes that are going to be redeemed, and browsers that come with a session, read together with what they rest on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.model import PersonRow
from idp.authentication.browser_session import BY_SECRET, keep_browser_session
from idp.authentication.model import BrowserSessionRow
from idp.authorization.model import AuthorizationCodeRow
from idp.consent.model import ConsentRow
from idp.tokens.reading_ahead import BASIS, keep_basis, with_basis
from kernel.prefetch import among, keep


def read_codes(session: Session, digests: Sequence[str]) -> None:
    """Keep and lock each authorization code, in the order of their digests, or that there is none."""
    statement = (
        select(AuthorizationCodeRow, *BASIS)
        .select_from(AuthorizationCodeRow)
        .where(among(session, AuthorizationCodeRow.code_sha256, digests))
        .order_by(AuthorizationCodeRow.code_sha256)
        .with_for_update(of=AuthorizationCodeRow)
        .execution_options(populate_existing=True)
    )
    found = set()
    for row, *basis in session.execute(with_basis(statement, AuthorizationCodeRow)):
        keep(session, AuthorizationCodeRow, row.code_sha256, row)
        keep_basis(session, row, basis)
        found.add(row.code_sha256)
    for digest in set(digests) - found:
        keep(session, AuthorizationCodeRow, digest, None)


def read_visits(session: Session, visits: Sequence[tuple[str, str]]) -> None:
    """Keep who is logged in, and what he allowed the application.

    :param visits: digest of the session's secret, and the ``client_id``.
    """
    digests, client_ids = sorted({digest for digest, _ in visits}), sorted({client_id for _, client_id in visits})
    rows = session.execute(
        select(BrowserSessionRow, PersonRow, ConsentRow)
        .join_from(BrowserSessionRow, PersonRow, PersonRow.id == BrowserSessionRow.person_id)
        .outerjoin(
            ConsentRow,
            (ConsentRow.person_id == PersonRow.id) & among(session, ConsentRow.client_id, client_ids),
        )
        .where(among(session, BrowserSessionRow.secret_sha256, digests))
    ).all()
    people = {}
    for browser_session, person, consent in rows:
        people[browser_session.secret_sha256] = person.id
        keep_browser_session(session, browser_session)
        keep(session, PersonRow, person.id, person)
        if consent is not None:
            keep(session, ConsentRow, (consent.person_id, consent.client_id), consent)
    consents = {(row.person_id, row.client_id) for _, _, row in rows if row is not None}
    for digest, client_id in visits:
        if digest not in people:
            keep(session, BY_SECRET, digest, None)
        elif (people[digest], client_id) not in consents:
            keep(session, ConsentRow, (people[digest], client_id), None)
