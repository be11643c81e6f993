"""How long an account waits before it is given back: so that its owner can say no."""

from __future__ import annotations

from datetime import timedelta

from idp.accounts.person import VERIFIED_LEVEL

#: From then on the code works this long.
CODE_LIFETIME = timedelta(days=7)
#: How long an opening waits for the second officer.
APPROVAL_LIFETIME = timedelta(hours=24)
#: After a recovery that somebody stopped, the next one of this time needs two officers whatever the setting.
DISTRUST = timedelta(days=90)
# Nobody has checked whose such an account is: the mail is read, and that is all that waiting is for.
_LOW_LEVEL_DELAY = timedelta(hours=2)


def delay_of(level: int, *, hours: int) -> timedelta:
    """Return how long the code waits. :param hours: the operator's choice, for accounts of level 2 and above."""
    delay = timedelta(hours=hours)
    return delay if level >= VERIFIED_LEVEL else min(delay, _LOW_LEVEL_DELAY)
