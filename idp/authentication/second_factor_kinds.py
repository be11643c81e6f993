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
from idp.authentication.assurance import AMR_EMAIL, AMR_GRID, AMR_OTP, AMR_SMS, AMR_SOFTWARE_KEY
from idp.authentication.recovery_codes import count_recovery_codes, require_recovery_code
from idp.authentication.totp import has_totp, require_totp
from idp.codes.code_factor import (
    has_confirmed_mail,
    has_sms,
    require_mail_step,
    require_sms_code,
    send_by_mail,
    send_by_sms,
)
from idp.codes.grid_card import ask_cells, has_card, require_cells
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
        self,
        session: Session,
        *,
        services: IdpServices,
        person_id: str,
        journey: str,
        device: str | None,
        again: bool,
        now: datetime,
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
    :ivar longest: how many characters what is typed or sent may have.
    :ivar begin: what must happen before it can be asked for, whenever its form is shown: a code is sent, a challenge
        made, positions are chosen. Without ``again`` it changes nothing where it was done for this journey: a reload
        sends nothing. Returns what the form's template gets as ``facts``. ``device``: id of the person's known device.
        :raises ServiceError: (``Throttled``, ``Conflict``, ``Rejected``), which the form tells.
    :ivar renewable: the form offers to begin it again.
    :ivar stands_in: offered beside another kind, never a reason to ask for a second step by itself.
    """

    name: str
    amr: str
    verified: EventType
    is_usable: _IsUsable
    require: _Require
    stands_in: bool = False
    longest: int = 512
    begin: _Begin | None = None
    renewable: bool = False


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

SMS_CODE = SecondFactor(
    name="sms",
    amr=AMR_SMS,
    verified=EventType.SMS_CODE_VERIFIED,
    is_usable=has_sms,
    require=require_sms_code,
    longest=16,
    begin=send_by_sms,
    renewable=True,
)
GRID_CARD = SecondFactor(
    name="grid",
    amr=AMR_GRID,
    verified=EventType.GRID_CARD_VERIFIED,
    is_usable=has_card,
    require=require_cells,
    longest=32,
    begin=ask_cells,
)
#: A step for those who have no other: never a second factor (the mailbox also gives a new password), so not in KINDS.
EMAIL_CODE = SecondFactor(
    name="email",
    amr=AMR_EMAIL,
    verified=EventType.EMAIL_CODE_VERIFIED,
    is_usable=has_confirmed_mail,
    require=require_mail_step,
    longest=16,
    begin=send_by_mail,
    renewable=True,
)

#: In the order in which they are offered.
KINDS: tuple[SecondFactor, ...] = (TOTP, PASSKEY, SMS_CODE, GRID_CARD, RECOVERY_CODE)


def second_factor_named(name: str) -> SecondFactor:
    """Return the kind that a form names; the first one for a name that nobody has."""
    return next((kind for kind in (*KINDS, EMAIL_CODE) if kind.name == name), KINDS[0])


def second_factors_of(session: Session, person_id: str) -> tuple[SecondFactor, ...]:
    """Return the kinds that the person can use now, in the order in which they are offered.

    Empty unless one of them asks for a second step by itself.
    """
    usable = tuple(kind for kind in KINDS if kind.is_usable(session, person_id))
    return usable if any(not kind.stands_in for kind in usable) else ()


def has_second_factor(session: Session, person_id: str) -> bool:
    """Tell whether a second step is due when this person logs in."""
    return any(not kind.stands_in and kind.is_usable(session, person_id) for kind in KINDS)


def steps_of(session: Session, person_id: str) -> tuple[SecondFactor, ...]:
    """Return what can be asked of who has proved his password and has a step before him.

    The second factors; for who has none a code by mail, which is asked where the device is not known.
    """
    kinds = second_factors_of(session, person_id)
    if kinds:
        return kinds
    return (EMAIL_CODE,) if EMAIL_CODE.is_usable(session, person_id) else ()


def methods_of(kinds: Iterable[SecondFactor]) -> frozenset[str]:
    """Return what the kinds would add to a session, for the rule of steps."""
    return frozenset(kind.amr for kind in kinds)
