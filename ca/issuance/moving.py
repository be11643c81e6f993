"""Moving a profile to another authority of ours."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.authority import AuthorityRecord, issuing_authority, load_authority
from ca.issuance.model import ProfileAuthority
from ca.services import CaServices
from kernel.errors import NotFound, Rejected


def move_profile(
    session: Session, *, services: CaServices, profile: str, authority: str, actor: str, now: datetime
) -> AuthorityRecord:
    """Let ``authority`` issue the profile's certificates from now on; return it. Repeating changes nothing.

    Certificates that were issued stay what they are, and a request that was built for the former authority is still
    signed by it: its bytes were approved.

    :raises NotFound: ``unknown_profile``, ``unknown_authority``.
    :raises Rejected: (``authority_is_root``) for a root, (``authority_expired``) for one that is not valid now.
    """
    chosen, found = services.profiles.get(profile), load_authority(session, authority)
    if found.is_root:
        raise Rejected(f"{authority} is a root: it issues to authorities only.", code="authority_is_root")
    if not found.certificate.not_valid_before_utc <= now <= found.certificate.not_valid_after_utc:
        raise Rejected(f"The certificate of {authority} is not valid now.", code="authority_expired")
    try:
        former = issuing_authority(session, chosen)
    except NotFound:
        former = None
    row = session.get(ProfileAuthority, chosen.name)
    if former is not None and former.id == found.id:
        return found
    if row is None:
        session.add(ProfileAuthority(profile=chosen.name, authority_id=found.id, since=now))
    else:
        row.authority_id, row.since = found.id, now
    session.flush()
    event = Event(
        type=EventType.PROFILE_MOVED,
        actor=actor,
        object_id=chosen.name,
        details={"from": former.name if former else None, "to": found.name},
    )
    services.journal.record(session, event, now=now)
    services.authorities.forget()
    return found
