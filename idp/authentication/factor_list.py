"""What a person logs in with, for the pages that list it: a kind is a value, and a new one is a line in :data:`KINDS`.

What each kind is called, and where it is added and removed: ``idp/web/account_pages/factor_words.py``, a line as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idp.accounts.model import PasswordRow
from idp.accounts.person import find_person
from idp.accounts.phone import mask_phone
from idp.authentication.model import RecoveryCodeRow
from idp.authentication.totp import list_totp
from idp.codes.code_factor import find_code_factor
from idp.codes.grid_card import find_card, serial_of
from idp.codes.sent_code import Channel
from idp.passkeys.passkey import list_passkeys


@dataclass(frozen=True, kw_only=True)
class HeldFactor:
    """One thing that the person can log in with; never a secret.

    :ivar kind: its :class:`FactorKind`'s name.
    :ivar id: its row, where a person may have several of the kind: what a link to remove it says.
    :ivar name: what its owner calls it; empty where the kind says all.
    :ivar last_used_at: None if never, or if nobody counts.
    :ivar left: of those that are used up, how many are not.
    """

    kind: str
    id: str
    name: str = ""
    created_at: datetime
    last_used_at: datetime | None = None
    left: int | None = None


class ListHeld(Protocol):
    """Lists what the person has of one kind, oldest first."""

    def __call__(self, session: Session, person_id: str, /) -> Sequence[HeldFactor]: ...


@dataclass(frozen=True)
class FactorKind:
    """A kind of factor. :ivar second: it makes a second step: who has one is not left with the password alone."""

    name: str
    held: ListHeld
    second: bool = False


def list_factors(session: Session, person_id: str) -> list[HeldFactor]:
    """Return all that the person logs in with, kind by kind."""
    return [factor for kind in KINDS for factor in kind.held(session, person_id)]


def has_second_kind(factors: Sequence[HeldFactor]) -> bool:
    """Tell whether one of them makes a second step."""
    second = {kind.name for kind in KINDS if kind.second}
    return any(factor.kind in second for factor in factors)


def _passwords(session: Session, person_id: str, /) -> Sequence[HeldFactor]:
    row = session.get(PasswordRow, person_id)
    return [HeldFactor(kind="password", id=person_id, created_at=row.set_at)] if row else []


def _totp(session: Session, person_id: str, /) -> Sequence[HeldFactor]:
    return [
        HeldFactor(kind="totp", id=factor.id, created_at=factor.confirmed_at, last_used_at=factor.last_used_at)
        for factor in list_totp(session, person_id)
    ]


def _passkeys(session: Session, person_id: str, /) -> Sequence[HeldFactor]:
    return [
        HeldFactor(
            kind="passkey", id=held.id, name=held.name, created_at=held.created_at, last_used_at=held.last_used_at
        )
        for held in list_passkeys(session, person_id)
    ]


def _sms(session: Session, person_id: str, /) -> Sequence[HeldFactor]:
    found = find_code_factor(session, person_id, Channel.SMS)
    if found is None:
        return []
    name = mask_phone(find_person(session, person_id).phone)
    return [
        HeldFactor(kind="sms", id=found.id, name=name, created_at=found.created_at, last_used_at=found.last_used_at)
    ]


def _mail(session: Session, person_id: str, /) -> Sequence[HeldFactor]:
    found = find_code_factor(session, person_id, Channel.EMAIL)
    if found is None:
        return []
    return [HeldFactor(kind="email", id=found.id, created_at=found.created_at, last_used_at=found.last_used_at)]


def _cards(session: Session, person_id: str, /) -> Sequence[HeldFactor]:
    found = find_card(session, person_id)
    if found is None:
        return []
    return [
        HeldFactor(
            kind="grid",
            id=found.id,
            name=serial_of(found.id),
            created_at=found.created_at,
            last_used_at=found.last_used_at,
        )
    ]


def _recovery_codes(session: Session, person_id: str, /) -> Sequence[HeldFactor]:
    made, used, all_of_them, used_up = session.execute(
        select(
            func.min(RecoveryCodeRow.created_at),
            func.max(RecoveryCodeRow.used_at),
            func.count(),
            func.count(RecoveryCodeRow.used_at),
        ).where(RecoveryCodeRow.person_id == person_id)
    ).one()
    if made is None:
        return []
    return [
        HeldFactor(kind="recovery_code", id=person_id, created_at=made, last_used_at=used, left=all_of_them - used_up)
    ]


#: In the order in which the page lists them.
KINDS: tuple[FactorKind, ...] = (
    FactorKind("password", _passwords),
    FactorKind("totp", _totp, second=True),
    FactorKind("passkey", _passkeys, second=True),
    FactorKind("sms", _sms, second=True),
    FactorKind("grid", _cards, second=True),
    FactorKind("email", _mail),
    FactorKind("recovery_code", _recovery_codes),
)
