"""What a directory says about an account beside "the password fits": disabled, expired, locked, to be changed.

Sources: Active Directory's ``userAccountControl`` and ``accountExpires`` ([MS-ADTS] §2.2.16, §2.2.10), the ``data``
code in its diagnostic message ([MS-ADTS] §3.1.1.5.1.3, [MS-ERREF]), and OpenLDAP's password policy attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class AccountState(StrEnum):
    """Why a right password is not enough."""

    DISABLED = "directory_account_disabled"
    EXPIRED = "directory_account_expired"
    LOCKED = "directory_account_locked"
    PASSWORD_EXPIRED = "directory_password_expired"
    NOT_NOW = "directory_not_now"


#: Who is in one of these states works there no longer; the others pass.
CLOSED = frozenset((AccountState.DISABLED, AccountState.EXPIRED))
_DISABLED, _LOCKED, _PASSWORD_EXPIRED = 0x2, 0x10, 0x800000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = 0x7FFFFFFFFFFFFFFF
_DATA = re.compile(r"\bdata ([0-9a-f]{2,8})\b", re.IGNORECASE)
# With the right password only, but for 775, which Active Directory says to everybody.
_CODES: Mapping[int, AccountState] = {
    0x530: AccountState.NOT_NOW,
    0x531: AccountState.NOT_NOW,
    0x532: AccountState.PASSWORD_EXPIRED,
    0x533: AccountState.DISABLED,
    0x701: AccountState.EXPIRED,
    0x773: AccountState.PASSWORD_EXPIRED,
    0x775: AccountState.LOCKED,
}
#: What is asked for with every entry.
STATE_ATTRIBUTES = (
    "userAccountControl",
    "accountExpires",
    "lockoutTime",
    "pwdAccountLockedTime",
    "pwdReset",
    "shadowExpire",
    "nsAccountLock",
)


def state_in_refusal(diagnostic: str) -> AccountState | None:
    """Return what the message beside a refused bind says, None for a password that does not fit."""
    found = _DATA.search(diagnostic)
    return _CODES.get(int(found[1], 16)) if found else None


def state_of_entry(attributes: Mapping[str, Sequence[str]], *, now: datetime) -> AccountState | None:
    """Return why the account of an entry is closed, None if it is open.

    :param attributes: texts by name in lower case.
    """
    control = _number(attributes, "useraccountcontrol") or 0
    if control & _DISABLED or _text(attributes, "nsaccountlock").lower() == "true":
        return AccountState.DISABLED
    if _is_over(_number(attributes, "accountexpires"), now) or _shadow_is_over(attributes, now):
        return AccountState.EXPIRED
    if control & _LOCKED or _text(attributes, "pwdaccountlockedtime"):
        return AccountState.LOCKED
    if control & _PASSWORD_EXPIRED or _text(attributes, "pwdreset").lower() == "true":
        return AccountState.PASSWORD_EXPIRED
    return None


def _is_over(ticks: int | None, now: datetime) -> bool:
    """``accountExpires``: hundreds of nanoseconds since 1601; 0 and the largest number mean never."""
    if ticks is None or ticks <= 0 or ticks >= _NEVER:
        return False
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) <= now
    except OverflowError:
        return False


def _shadow_is_over(attributes: Mapping[str, Sequence[str]], now: datetime) -> bool:
    """``shadowExpire``: days since 1970 (RFC 2307 §3); negative means never."""
    days = _number(attributes, "shadowexpire")
    return days is not None and 0 < days < 2_000_000 and days <= (now - datetime(1970, 1, 1, tzinfo=UTC)).days


def _number(attributes: Mapping[str, Sequence[str]], name: str) -> int | None:
    text = _text(attributes, name)
    return int(text) if re.fullmatch(r"-?\d{1,20}", text, re.ASCII) else None


def _text(attributes: Mapping[str, Sequence[str]], name: str) -> str:
    values = attributes.get(name, ())
    return values[0].strip() if values else ""
