"""The kinds of second factor, one value each: all that the doors (login, reset, link) need to know of them.

A new kind is a module with its rule and a line in :data:`KINDS`; its form: ``idp/web/second_factor_forms.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from audit.vocabulary import EventType
from idp.authentication.assurance import AMR_OTP, AMR_SOFTWARE_KEY
from idp.authentication.recovery_codes import count_recovery_codes, require_recovery_code
from idp.authentication.totp import has_totp, require_totp
from idp.passkeys.ceremony import LONGEST_ANSWER
from idp.passkeys.passkey import has_passkey
from idp.passkeys.second_factor import begin_passkey, require_passkey
from idp.services import IdpServices


class _IsUsable(Protocol):
    def __call__(self, session: Session, person_id: str, /) -> bool: ...


class _Require(Protocol):
    def __call__(
        self, session: Session, *, services: IdpServices, person_id: str, code: str, journey: str, now: datetime
    ) -> object: ...


class _Begin(Protocol):
    def __call__(
        self, session: Session, *, services: IdpServices, person_id: str, journey: str, now: datetime
    ) -> Mapping[str, object]: ...


@dataclass(frozen=True, kw_only=True)
class SecondFactor:
    """One kind of second factor.

    :ivar name: what a form's field ``method`` says.
    :ivar amr: what it adds to the session (RFC 8176); ``assurance.acr_of`` says what that is worth.
    :ivar verified: the event of a try.
    :ivar is_usable: whether the person can use it now.
    :ivar require: uses up what was typed or sent, exactly once; ``journey`` is the id of the login, reset or link that
        it was made for. What it returns counts where it is a ``Proved``. :raises WrongCodeError: if it does not fit.
    :ivar begin: does what a proof needs beforehand, in a transaction of its own, each time that the form is shown for
        a journey; what it returns stands among the ``facts`` of the form.
    :ivar longest: how many characters what is typed or sent may have.
    :ivar stands_in: offered beside another kind, never a reason to ask for a second step by itself.
    """

    name: str
    amr: str
    verified: EventType
    is_usable: _IsUsable
    require: _Require
    stands_in: bool = False
    begin: _Begin | None = None
    longest: int = 512


def _has_recovery_codes(session: Session, person_id: str) -> bool:
    return count_recovery_codes(session, person_id) > 0


TOTP = SecondFactor(
    name="totp", amr=AMR_OTP, verified=EventType.TOTP_VERIFIED, is_usable=has_totp, require=require_totp
)
RECOVERY_CODE = SecondFactor(
    name="recovery_code",
    amr=AMR_OTP,
    verified=EventType.RECOVERY_CODE_VERIFIED,
    is_usable=_has_recovery_codes,
    require=require_recovery_code,
    stands_in=True,
)

PASSKEY = SecondFactor(
    name="passkey",
    amr=AMR_SOFTWARE_KEY,  # or what it proves to be: a key in one device
    verified=EventType.PASSKEY_VERIFIED,
    is_usable=has_passkey,
    require=require_passkey,
    begin=begin_passkey,
    longest=LONGEST_ANSWER,
)

#: In the order in which they are offered.
KINDS: tuple[SecondFactor, ...] = (TOTP, PASSKEY, RECOVERY_CODE)


def second_factor_named(name: str) -> SecondFactor:
    """Return the kind that a form names; the first one for a name that nobody has."""
    return next((kind for kind in KINDS if kind.name == name), KINDS[0])


def second_factors_of(session: Session, person_id: str) -> tuple[SecondFactor, ...]:
    """Return the kinds that the person can use now, in the order in which they are offered.

    Empty unless one of them asks for a second step by itself.
    """
    usable = tuple(kind for kind in KINDS if kind.is_usable(session, person_id))
    return usable if any(not kind.stands_in for kind in usable) else ()


def has_second_factor(session: Session, person_id: str) -> bool:
    """Tell whether a second step is due when this person logs in."""
    return any(not kind.stands_in and kind.is_usable(session, person_id) for kind in KINDS)


def methods_of(kinds: Iterable[SecondFactor]) -> frozenset[str]:
    """Return what the kinds would add to a session, for the rule of steps."""
    return frozenset(kind.amr for kind in kinds)
