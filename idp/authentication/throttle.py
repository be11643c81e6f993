"""Tries are counted before they are made, so that any number at once is counted exactly.

An account's counter stops strangers; a known device has a counter of its own and is not stopped by theirs, so nobody
can lock a citizen out. Names and addresses stand in the table as keyed digests only.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from idp.authentication.model import ThrottleRow
from idp.services import IdpServices
from kernel.errors import Throttled
from kernel.origin import current_origin
from keys.sealing import derive_secret


@dataclass(frozen=True)
class Limit:
    """So many tries within a window, which begins anew with every counted try."""

    name: str
    tries: int
    window: timedelta


PASSWORD_BY_ACCOUNT = Limit("password", 5, timedelta(minutes=15))
PASSWORD_BY_ADDRESS = Limit("password-address", 50, timedelta(minutes=15))
# A /24 or /48 that takes turns with its addresses. Whole towns stand behind one: it takes many more failures.
PASSWORD_BY_NETWORK = Limit("password-network", 400, timedelta(minutes=15))
# A certificate cannot be guessed: this bounds what somebody can have written into the evidence.
CERTIFICATE_BY_ADDRESS = Limit("certificate-address", 50, timedelta(minutes=15))
CODE_BY_PERSON = Limit("code", 5, timedelta(minutes=15))
ENROLLMENT_CODE_BY_PERSON = Limit("enrollment-code", 10, timedelta(minutes=15))
MAIL_BY_ADDRESS = Limit("mail-address", 30, timedelta(hours=1))
# One network reaches the first of these long before it could use up the second, which every network shares.
MAIL_BY_RECIPIENT_AND_ADDRESS = Limit("mail-recipient-address", 6, timedelta(hours=1))
MAIL_BY_RECIPIENT = Limit("mail-recipient", 24, timedelta(hours=1))
# Who has proved to be the recipient (a known device, a session) has a budget that no stranger can touch.
MAIL_BY_OWNER = Limit("mail-owner", 6, timedelta(hours=1))


def throttle_key(services: IdpServices, limit: Limit, *parts: str) -> str:
    """Return the key under which ``limit`` counts for ``parts``."""
    secret = derive_secret(services.sealing_secret, "throttle")
    return f"{limit.name}:{hmac.digest(secret, chr(0).join(parts).encode(), 'sha256').hex()}"


def network_of_caller() -> str:
    """Return the caller's IPv4 address or IPv6 /64 (what one customer is given), empty for a command."""
    text = current_origin().address
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


def wide_network_of_caller() -> str:
    """Return the caller's IPv4 /24 or IPv6 /48 (what one site is given), empty for a command."""
    text = current_origin().address
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


def take_try(session: Session, *, key: str, limit: Limit, now: datetime) -> int:
    """Count one try and return how many are left after it.

    :raises Throttled: (``too_many_tries``) if none was left; a refused try is not counted and prolongs nothing.
    """
    row = _locked(session, key, now=now)
    if row.window_ends_at <= now:
        row.tries = 0
    if row.tries >= limit.tries:
        raise Throttled("Too many tries.", code="too_many_tries", retry_after=row.window_ends_at - now)
    row.tries += 1
    row.window_ends_at = now + limit.window
    session.flush()
    return limit.tries - row.tries


def give_back(session: Session, *, key: str) -> None:
    """Count a try for none, because what it was for could not be looked at."""
    row = session.get(ThrottleRow, key, with_for_update=True)
    if row is not None and row.tries > 0:
        row.tries -= 1


def require_not_throttled(session: Session, *, key: str, limit: Limit, now: datetime) -> None:
    """Look at a counter that only failures move. :raises Throttled: (``too_many_tries``) if it is full."""
    row = session.get(ThrottleRow, key)
    if row is not None and row.window_ends_at > now and row.tries >= limit.tries:
        raise Throttled("Too many tries.", code="too_many_tries", retry_after=row.window_ends_at - now)


def count_failure(session: Session, *, key: str, limit: Limit, now: datetime) -> None:
    """Move a counter that only failures move."""
    row = _locked(session, key, now=now)
    row.tries = 1 if row.window_ends_at <= now else row.tries + 1
    row.window_ends_at = now + limit.window
    session.flush()


def forgive(session: Session, *, key: str) -> None:
    """Start the count anew, after a success."""
    session.execute(delete(ThrottleRow).where(ThrottleRow.key == key))


def give_back_try(session: Session, *, key: str) -> None:
    """Uncount one try: what it was for could not be looked at."""
    session.execute(
        update(ThrottleRow).where(ThrottleRow.key == key, ThrottleRow.tries > 0).values(tries=ThrottleRow.tries - 1)
    )


def remove_old_counters(session: Session, *, now: datetime) -> int:
    """Delete counters whose window is over; return how many."""
    removed = session.scalars(delete(ThrottleRow).where(ThrottleRow.window_ends_at <= now).returning(ThrottleRow.key))
    return len(removed.all())


def _locked(session: Session, key: str, *, now: datetime) -> ThrottleRow:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    find = select(ThrottleRow).where(ThrottleRow.key == key).with_for_update()
    while True:
        session.execute(insert(ThrottleRow).values(key=key, tries=0, window_ends_at=now).on_conflict_do_nothing())
        row = session.scalars(find).one_or_none()
        # None: a success elsewhere has deleted the row between the two statements.
        if row is not None:
            return row
