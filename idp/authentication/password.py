"""Password hashes: Argon2id, and the same work when there is nobody to check.

Parameters (OWASP Password Storage, first Argon2id choice; RFC 9106 §4 with less memory and one lane): 46 MiB, one
pass, one lane: about 40 ms of one core. A hash with other parameters is renewed at the next login.
"""

from __future__ import annotations

import os
import unicodedata
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType
from idp.accounts.model import PasswordRow
from idp.events.announcement import announce_to_services
from idp.protocol.security_event import credential_change
from kernel.secret_text import SecretText
from kernel.turns import Turns

_HASHER = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1, hash_len=32, salt_len=16)
# Each takes a core and 46 MiB: more at once than there are cores are no faster, and a flood of logins must not take the
# threads and the memory of everything else. Who waits is answered within a few seconds, or told to come back.
_TURNS = Turns(at_once=max(2, os.cpu_count() or 1), waiting=6, patience=timedelta(seconds=5))
# A hash of random octets that nobody kept, with the parameters above (a test compares them): checking it takes the time
# of checking a real one. It is written down because to make one takes as long, in each process that starts.
NOBODY = (  # nosec B105 - nobody's password
    "$argon2id$v=19$m=47104,t=1,p=1$NZRCmwWZUQUwZbZdeYfx2w$J4HbrRMMC1IyzVfL+x46NoY3MVUhjagvTa+Lc8KGZZA"
)


class PasswordMismatchError(Exception):
    """The password is not the one that the hash was made of."""


def hash_password(password: SecretText) -> str:
    """Return the Argon2id string (PHC form) of ``password`` in Unicode NFKC. Call it outside of transactions.

    :raises Unavailable: (``overloaded``) if too many passwords are being looked at.
    """
    with _TURNS.turn():
        return _HASHER.hash(_normal(password))


def place_for_password() -> AbstractContextManager[None]:
    """Return what has a place kept for :func:`require_password`: for whoever counts a try before it is looked at.

    :raises Unavailable: (``overloaded``) when it is entered and too many passwords are being looked at.
    """
    return _TURNS.place()


def require_password(password: SecretText, *, phc: str | None, placed: bool = False) -> None:
    """Check ``password`` against ``phc``; against nobody's hash when it is ``None``, which never fits.

    :param placed: the caller has a place, see :func:`place_for_password`.
    :raises PasswordMismatchError: if it does not fit.
    :raises Unavailable: (``overloaded``) if too many passwords are being looked at.
    """
    try:
        with _TURNS.turn(placed=placed):
            _HASHER.verify(phc or NOBODY, _normal(password))
    except (VerificationError, InvalidHashError) as error:
        raise PasswordMismatchError from error
    if phc is None:
        raise PasswordMismatchError


def needs_rehash(phc: str) -> bool:
    """Tell whether ``phc`` was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(phc)


def store_password(session: Session, *, journal: Journal, person_id: str, phc: str, reason: str, now: datetime) -> None:
    """Make ``phc`` the person's password, on record.

    :param reason: ``sign_up``, ``enrollment_link``, ``reset``, ``changed``, ``operator`` or ``demo``.
    """
    first = find_phc(session, person_id) is None
    session.merge(PasswordRow(person_id=person_id, phc=phc, set_at=now))
    event = Event(type=EventType.PASSWORD_SET, subject=person_id, details={"reason": reason})
    event_id = journal.record(session, event, now=now)
    change = credential_change(credential="password", change="create" if first else "update", now=now)
    announce_to_services(session, change, person_id=person_id, event_id=event_id, now=now)


def find_phc(session: Session, person_id: str) -> str | None:
    """Return the stored hash of the person's password, if there is one."""
    row = session.get(PasswordRow, person_id)
    return row.phc if row else None


def _normal(password: SecretText) -> str:
    return unicodedata.normalize("NFKC", password.reveal())
