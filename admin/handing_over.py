"""Keys that the service makes for people who bring none, as an operator asks for and destroys them, within his reach.

What the console's pages and its API do alike; how a key is kept and given is ``ca.handover``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.roles import Powers
from ca.handover.end import cancel_handover
from ca.handover.prepare import MadeKey, PreparedHandover, prepare_handover
from ca.handover.view import HandoverView, institution_of
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.errors import NotFound, Rejected

_P = Permission.CERTIFICATES_REQUEST


def offered_profiles(services: CaServices) -> list[Profile]:
    """Return the kinds of certificates whose keys may be made here."""
    return [each for each in services.profiles.list() if each.by_hand and each.keys_made_here]


def offered_profile(services: CaServices, name: str) -> Profile:
    """Return one of them. :raises NotFound: (``unknown_profile``) holders of other kinds bring their key."""
    found = next((each for each in offered_profiles(services) if each.name == name), None)
    if found is None:
        raise NotFound("Holders of this kind bring their key.", code="unknown_profile")
    return found


def require_handover_reach(powers: Powers, profile: Profile, institution_ruc: str | None) -> None:
    """Refuse what is out of reach: before the key is made.

    :raises Rejected: (``institution_missing``). :raises NotFound: for an institution out of reach.
    """
    if profile.needs_institution and not institution_ruc:
        raise Rejected("Choose the institution.", code="institution_missing")
    powers.require_institution(_P, institution_ruc)


def ask_for_handover(
    session: Session,
    *,
    services: CaServices,
    powers: Powers,
    profile: Profile,
    key: MadeKey,
    inputs: Mapping[str, str],
    institution_ruc: str | None,
    email: str | None,
    actor: str,
    now: datetime,
) -> PreparedHandover:
    """Ask for the certificate of a key that was made here.

    :raises ServiceError: as :func:`require_handover_reach` and :func:`ca.handover.prepare.prepare_handover`.
    """
    require_handover_reach(powers, profile, institution_ruc)
    return prepare_handover(
        session,
        services=services,
        profile=profile.name,
        key=key,
        inputs=inputs,
        institution_ruc=institution_ruc,
        email=email,
        requested_by=actor,
        now=now,
    )


def handover_reached(session: Session, powers: Powers, permission: Permission, handover_id: str) -> HandoverView:
    """Return it. :raises NotFound: ``unknown_handover``; ``not_found`` for another institution's."""
    found, institution = institution_of(session, handover_id)
    powers.require_institution(permission, institution)
    return found


def destroy(
    session: Session, *, services: CaServices, powers: Powers, handover_id: str, actor: str, now: datetime
) -> HandoverView:
    """Destroy the key; one that is not here any more stays so. :raises NotFound: as :func:`handover_reached`."""
    found = handover_reached(session, powers, _P, handover_id)
    if not found.is_open:
        return found
    return cancel_handover(session, services=services, handover_id=found.id, actor=actor, now=now)
