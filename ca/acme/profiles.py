"""Kinds of certificates that orders may name (draft-ietf-acme-profiles): those that one person may decide on alone."""

from __future__ import annotations

from ca.acme.problem import AcmeProblem, Kind
from ca.profiles.profile import Profile
from ca.services import CaServices

DEFAULT = "tls-server-acme"
_OFFERED = (DEFAULT, "tls-server-short")


def offered_profiles(services: CaServices) -> dict[str, Profile]:
    """Return the profiles on offer by name, the default first."""
    there = {profile.name: profile for profile in services.profiles.list()}
    return {name: there[name] for name in _OFFERED if name in there and there[name].people == 1}


def choose_profile(services: CaServices, member: object) -> Profile:
    """Return the profile that an order names, or the default. :raises AcmeProblem: ``invalidProfile``."""
    offered = offered_profiles(services)
    chosen = offered.get(DEFAULT if member is None else str(member))
    if chosen is None:
        raise AcmeProblem(Kind.INVALID_PROFILE, f"Profiles on offer: {', '.join(offered) or 'none'}.")
    return chosen
