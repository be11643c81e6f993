"""What an application is told of how a person's identity was verified (OpenID Connect for Identity Assurance 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.accounts.person import find_person
from idp.levels.verification import verification_of
from idp.protocol.claims_request import verified_in
from idp.protocol.verified_claims import NAME, answered, names_asked
from idp.tokens.claims import person_claims


def verified_claims(
    session: Session, *, person_id: str, claims: Mapping[str, Any], place: str, now: datetime
) -> dict[str, Any]:
    """Return ``verified_claims`` as it is asked for in ``place``, or nothing: not asked, not verified, not as asked.

    :param claims: the ``claims`` parameter as checked, within what the person allowed.
    """
    elements = verified_in(claims, place)
    if not elements:
        return {}
    person = find_person(session, person_id)
    told = answered(
        elements,
        verification=verification_of(session, person, now=now),
        values=person_claims(person, (), names=names_asked(elements)),
        now=now,
    )
    return {} if told is None else {NAME: told}
