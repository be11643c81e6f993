"""A signing key is lost or stolen: it leaves the key set at once, and what it signed is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.vocabulary import EventType
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.services import IdpServices
from idp.tokens.encryption_keys import revoke_encryption_keys
from idp.tokens.key_ring import ACTIVE, NEXT, RETIRED, REVOKED
from idp.tokens.key_rotation import activate_signing_key, create_signing_key, next_signing_key, record_key
from idp.tokens.model import SigningKeyRow


def revoke_signing_keys(
    session: Session,
    services: IdpServices,
    *,
    algorithms: Sequence[str] = TOKEN_ALGORITHMS,
    whole_store: bool,
    now: datetime,
) -> list[str]:
    """Revoke the keys that sign and signed, and let the next ones take over at once.

    A relying application that fetched the key set in the last quarter of an hour knows the next keys already, so it
    verifies new tokens without asking. What the revoked keys signed is refused here at once, and elsewhere as soon as
    the application fetches the set again.

    :param whole_store: whoever has the key store has the next keys too: they are revoked as well, their place is taken
        by keys that nobody knows yet, and the keys for encryption are replaced.
    :returns: the names of the revoked keys; the caller removes them from the key store after the commit.
    """
    ending = (ACTIVE, RETIRED, NEXT) if whole_store else (ACTIVE, RETIRED)
    revoked: list[str] = []
    for algorithm in algorithms:
        following = None if whole_store else next_signing_key(session, algorithm)
        # Sorted: two commands at once lock the rows in the same order.
        kids = sorted(
            session.scalars(
                select(SigningKeyRow.kid).where(SigningKeyRow.algorithm == algorithm, SigningKeyRow.state.in_(ending))
            )
        )
        session.execute(update(SigningKeyRow).where(SigningKeyRow.kid.in_(kids)).values(state=REVOKED, revoked_at=now))
        for kid in kids:
            record_key(session, services, EventType.SIGNING_KEY_REVOKED, kid, algorithm, now=now)
        revoked += kids
        if following is not None:
            activate_signing_key(session, services, following, now=now)
        else:
            create_signing_key(session, services, algorithm, ACTIVE, now=now)
        create_signing_key(session, services, algorithm, NEXT, now=now)
    if whole_store:
        revoked += revoke_encryption_keys(session, services, now=now)
    services.token_keys.forget()
    return revoked
