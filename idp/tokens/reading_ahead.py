"""Tokens that are going to be shown, with all that they rest on, read together: one statement for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from idp.accounts.model import PasswordRow, PersonRow
from idp.authentication.browser_session import keep_browser_session
from idp.authentication.model import BrowserSessionRow
from idp.consent.model import ConsentRow
from idp.tokens.model import RefreshTokenRow, RevokedAccessTokenRow, TokenFamilyRow
from kernel.prefetch import PlainRows, among, keep
from kernel.prepared import Prepared

#: What tokens rest on, see :func:`with_basis`.
BASIS_OF = (PersonRow, PasswordRow, BrowserSessionRow, ConsentRow)
_FAMILY = PlainRows(*BASIS_OF, TokenFamilyRow)
_REFRESH = PlainRows(*BASIS_OF, TokenFamilyRow, RefreshTokenRow)


def read_access_tokens(session: Session, tokens: Sequence[tuple[str, str]]) -> None:
    """Keep the family of each access token, or that there is none, and whether it was revoked alone.

    :param tokens: ``jti`` and family, the latter empty for a service's own token.
    """
    jtis, family_ids = sorted({jti for jti, _ in tokens}), sorted({family for _, family in tokens if family})
    found, revoked = set(), set()
    given = {"keys": family_ids, "jtis": jtis}
    for row in _FAMILIES.fetch(session, given):
        found.add(_keep_family(session, _FAMILY.split(row)))
        revoked.add(row[-1])
    for family_id in set(family_ids) - found:
        keep(session, TokenFamilyRow, family_id, None)
    # Where no family was found, nothing was learned about revocations.
    for jti, family_id in tokens:
        if family_id in found:
            keep(session, RevokedAccessTokenRow, jti, jti if jti in revoked else None)


def read_refresh_tokens(session: Session, digests: Sequence[str]) -> None:
    """Keep and lock each refresh token, in the order of their digests, or that there is none."""
    found = set()
    for values in _REFRESH_TOKENS.fetch(session, {"keys": digests}):
        *family, token = _REFRESH.split(values)
        keep(session, RefreshTokenRow, token.token_sha256, token)
        _keep_family(session, family)
        found.add(token.token_sha256)
    for digest in set(digests) - found:
        keep(session, RefreshTokenRow, digest, None)


def with_basis(statement: Any, given_to: Any) -> Any:
    """Join what tokens rest on: person, password, browser session, consent.

    :param given_to: the class whose rows say ``person_id``, ``client_id`` and ``sid``.
    """
    person_id = given_to.person_id
    joined: Select[Any] = (
        statement.outerjoin(PersonRow, PersonRow.id == person_id)
        .outerjoin(PasswordRow, PasswordRow.person_id == person_id)
        .outerjoin(BrowserSessionRow, BrowserSessionRow.sid == given_to.sid)
        .outerjoin(ConsentRow, and_(ConsentRow.person_id == person_id, ConsentRow.client_id == given_to.client_id))
    )
    return joined


def keep_basis(session: Session, given: Any, basis: Sequence[Any]) -> None:
    """Keep what :func:`with_basis` joined to the row ``given``, or that it is not there."""
    person, password, browser_session, consent = basis
    keep(session, PersonRow, given.person_id, person)
    keep(session, PasswordRow, given.person_id, password)
    keep_browser_session(session, browser_session, sid=given.sid)
    keep(session, ConsentRow, (given.person_id, given.client_id), consent)


def _keep_family(session: Session, rows: Sequence[Any]) -> str:
    *basis, family = rows
    keep(session, TokenFamilyRow, family.id, family)
    keep_basis(session, family, basis)
    family_id: str = family.id
    return family_id


def _families(dialect: str) -> Any:
    statement = (
        select(*_FAMILY.columns, RevokedAccessTokenRow.jti)
        .select_from(TokenFamilyRow)
        # Hardly ever is one of them revoked, and then each family comes once for each.
        .outerjoin(RevokedAccessTokenRow, among(dialect, RevokedAccessTokenRow.jti, "jtis"))
        .where(among(dialect, TokenFamilyRow.id))
    )
    return with_basis(statement, TokenFamilyRow)


def _refresh_tokens(dialect: str) -> Any:
    statement = (
        select(*_REFRESH.columns)
        .select_from(RefreshTokenRow)
        .join(TokenFamilyRow, TokenFamilyRow.id == RefreshTokenRow.family_id)
        .where(among(dialect, RefreshTokenRow.token_sha256))
        .order_by(RefreshTokenRow.token_sha256)
        .with_for_update(of=RefreshTokenRow)
    )
    return with_basis(statement, TokenFamilyRow)


_FAMILIES, _REFRESH_TOKENS = Prepared(_families), Prepared(_refresh_tokens)
