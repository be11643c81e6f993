"""Labels in EST addresses (RFC 7030 §3.2.2): a profile's or an authority's name, or none."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from ca.enrolment.party import Party
from ca.issuance.authority import (
    AuthorityRecord,
    authority_chain,
    find_authority,
    find_issuing_authority,
    list_authorities,
)
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.errors import Denied, NotFound


@dataclass(frozen=True)
class Label:
    """What an address speaks of. Without any, what the caller was let in for."""

    profile: Profile | None = None
    authority: AuthorityRecord | None = None


def read_label(session: Session, services: CaServices, label: str | None) -> Label:
    """Return what the label names. :raises NotFound: ``unknown_label``."""
    if label is None:
        return Label()
    try:
        profile = services.profiles.get(label)
    except NotFound:
        authority = find_authority(session, label)
        if authority is None or authority.is_root:
            raise NotFound("No kind of certificate and no authority has this name.", code="unknown_label") from None
        return Label(authority=authority)
    if not profile.requestable:
        raise NotFound("No kind of certificate and no authority has this name.", code="unknown_label")
    return Label(profile=profile, authority=find_issuing_authority(session, profile))


def require_label(label: Label, party: Party, *, services: CaServices) -> None:
    """Check that the party was let in for what the address names. :raises Denied: ``other_profile``."""
    fits_profile = label.profile is None or label.profile.name == party.profile
    issuer = services.profiles.get(party.profile).authority
    if not fits_profile or (label.authority is not None and label.authority.name != issuer):
        raise Denied(f"You may ask for {party.profile} here.", code="other_profile")


def trusted_certificates(session: Session, label: Label) -> list[bytes]:
    """Return the authorities' certificates (DER), the root last: those of the label, or all.

    RFC 7030 §4.1.3: with the root, so that a client can build its trust from it.

    :raises NotFound: (``unknown_authority``) if nothing is installed.
    """
    issuing = [label.authority] if label.authority else [item for item in list_authorities(session) if not item.is_root]
    chains = [record for authority in issuing for record in authority_chain(session, authority.id)]
    if not chains:
        raise NotFound("There is no authority yet.", code="unknown_authority")
    ordered = sorted(chains, key=lambda record: record.is_root)
    return list(dict.fromkeys(record.certificate_der for record in ordered))
