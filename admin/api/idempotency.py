"""A change that is sent again is done once (``Idempotency-Key``): the repetition gets the first answer for a day."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from admin.api.model import ApiAnswer
from admin.api.operation import Caller
from admin.services import AdminServices
from kernel.errors import Conflict, Rejected
from kernel.identifiers import new_id, sha256_hex
from keys.sealing import Sealer

KEPT = timedelta(hours=24)
#: No call takes longer; who did not finish by then is gone, and if it is not, its work does not count any more.
PATIENCE = timedelta(seconds=60)
_LONGEST = 255


class KeyInUseError(Conflict):
    """The first call with this key is still being answered. :ivar retry_after: when to ask again."""

    default_code = "idempotency_key_in_use"
    retry_after = timedelta(seconds=5)


@dataclass(frozen=True)
class Claim:
    """A call's right to do the work of a key."""

    id: str
    token: str


@dataclass(frozen=True)
class Kept:
    """The first answer. :ivar settled: whether what follows the commit is known to be done."""

    id: str
    document: dict[str, Any]
    settled: bool


def key_of(caller: Caller, typed: str) -> str:
    """Return the name of a key: nobody else's, of no other application. :raises Rejected: ``bad_idempotency_key``."""
    if not 1 <= len(typed) <= _LONGEST or not typed.isascii() or not typed.isprintable():
        raise Rejected(f"Idempotency-Key: 1 to {_LONGEST} characters of ASCII.", code="bad_idempotency_key")
    return sha256_hex("\0".join((caller.actor, caller.client_id, typed)))


def claim_key(
    session: Session, *, services: AdminServices, key_id: str, call_sha256: str, now: datetime
) -> Claim | Kept:
    """Take up the work of a key, or return its first answer. A transaction of its own, before that of the work.

    :raises Rejected: (``idempotency_key_reused``) the key stood for something else.
    :raises KeyInUseError: the work is being done.
    """
    claim = Claim(key_id, new_id())
    begun = {"call_sha256": call_sha256, "claim": claim.token, "claimed_at": now}
    try:
        with session.begin_nested():
            session.add(ApiAnswer(id=key_id, settled=False, **begun))
        return claim
    except IntegrityError:
        row = session.get(ApiAnswer, key_id, with_for_update=True, populate_existing=True)
    if row is None:  # forgotten at this moment
        raise KeyInUseError("Ask again.")
    if row.claimed_at > now - KEPT:
        if row.call_sha256 != call_sha256:
            raise Rejected("This Idempotency-Key stood for another call.", code="idempotency_key_reused")
        if row.finished_at is not None and row.answer is not None:
            return Kept(key_id, json.loads(_sealer(services).open(row.answer, bound_to=key_id)), row.settled)
        if row.claimed_at > now - PATIENCE:
            raise KeyInUseError("The first call with this Idempotency-Key is still being answered.")
    for name, value in begun.items():
        setattr(row, name, value)
    row.finished_at, row.settled, row.answer = None, False, None
    session.flush()
    return claim


def finish(
    session: Session, claim: Claim, *, services: AdminServices, document: dict[str, Any], settled: bool, now: datetime
) -> None:
    """Keep the answer, in the transaction of the work. :raises KeyInUseError: another took the work over: undo it."""
    finished = session.execute(
        update(ApiAnswer)
        .where(ApiAnswer.id == claim.id, ApiAnswer.claim == claim.token, ApiAnswer.finished_at.is_(None))
        .values(finished_at=now, settled=settled, answer=_sealed(services, claim.id, document))
        .returning(ApiAnswer.id)
    ).one_or_none()
    if finished is None:
        raise KeyInUseError("Another call with this Idempotency-Key does it.")


def settle(session: Session, key_id: str, *, services: AdminServices, document: dict[str, Any]) -> None:
    """Keep the answer as it is after what followed the commit."""
    session.execute(
        update(ApiAnswer)
        .where(ApiAnswer.id == key_id, ApiAnswer.finished_at.is_not(None))
        .values(settled=True, answer=_sealed(services, key_id, document))
    )


def give_back(session: Session, claim: Claim) -> None:
    """Forget a claim whose work was refused or failed: nothing was done. One that was finished stays."""
    session.execute(
        delete(ApiAnswer).where(
            ApiAnswer.id == claim.id, ApiAnswer.claim == claim.token, ApiAnswer.finished_at.is_(None)
        )
    )


def forget_answers(session: Session, *, now: datetime) -> None:
    """Delete what is older than a day."""
    session.execute(delete(ApiAnswer).where(ApiAnswer.claimed_at <= now - KEPT))


def _sealer(services: AdminServices) -> Sealer:
    return Sealer(services.idp.sealing_secret, "admin-api-answer")


def _sealed(services: AdminServices, key_id: str, document: dict[str, Any]) -> bytes:
    return _sealer(services).seal(json.dumps(document).encode(), bound_to=key_id)
