"""Versions of profiles that were left behind: certificates were built by them, so what they said is kept."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from ca.profiles.profile import Profile
from ca.profiles.registry import parse_profile


def profile_at(present: Profile, version: int) -> Profile | None:
    """Return the profile as it was at ``version``; None if that one is not kept, or never was."""
    return present if version == present.version else _former(present.name, version)


def kept_versions(present: Profile) -> tuple[int, ...]:
    """Return the versions of which the content is kept, the present one last."""
    return tuple(number for number in range(1, present.version + 1) if profile_at(present, number) is not None)


@lru_cache(maxsize=256)
def _former(name: str, version: int) -> Profile | None:
    file = resources.files("ca.profiles") / "former" / f"{name}.{version}.yaml"
    return parse_profile(file.read_text("utf-8"), source=f"{name}.yaml") if file.is_file() else None
