"""The profiles of this release, read once from the package's data files."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

import yaml
from pydantic import TypeAdapter, ValidationError

from ca.profiles.profile import Profile
from kernel.errors import Fault, NotFound
from kernel.identifiers import sha256_hex

try:  # reads the same ten times faster: every process that starts reads all profiles
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

_ADAPTER = TypeAdapter(Profile)


class ProfileRegistry:
    """Profiles by name.

    :raises Fault: (``bad_profile``) if two have the same name.
    """

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._by_name: dict[str, Profile] = {}
        for profile in profiles:
            if profile.name in self._by_name:
                raise Fault(f"Profile {profile.name} is defined twice.", code="bad_profile")
            self._by_name[profile.name] = profile

    def get(self, name: str) -> Profile:
        """Return the profile. :raises NotFound: (``unknown_profile``), naming those that there are."""
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(self._by_name)
            raise NotFound(f"There is no profile {name!r}. Profiles: {known}.", code="unknown_profile") from None

    def list(self) -> tuple[Profile, ...]:
        """Return all profiles, by name."""
        return tuple(self._by_name[name] for name in sorted(self._by_name))


def parse_profile(text: str, *, source: str) -> Profile:
    """Return the profile that the YAML document holds.

    :param source: its file name, which must be the profile's name.
    :raises Fault: (``bad_profile``) naming the field that is wrong or unknown.
    """
    try:
        profile = _ADAPTER.validate_python(yaml.load(text, Loader=SafeLoader))
    except (ValidationError, yaml.YAMLError) as error:
        raise Fault(f"{source} is not a profile: {error}", code="bad_profile") from error
    if source.removesuffix(".yaml") != profile.name:
        raise Fault(f"{source} holds profile {profile.name}.", code="bad_profile")
    return profile


@lru_cache(maxsize=1)
def packaged_profiles() -> ProfileRegistry:
    """Return the profiles that come with this release."""
    return ProfileRegistry(parse_profile(file.read_text("utf-8"), source=file.name) for file in _files())


def profile_digests() -> dict[str, str]:
    """Return by name the version of each profile of this release and 64 bits of the SHA-256 of its file, hex."""
    texts = {file.name.removesuffix(".yaml"): file.read_text("utf-8") for file in _files()}
    return {
        profile.name: f"{profile.version} {sha256_hex(texts[profile.name])[:16]}"
        for profile in packaged_profiles().list()
    }


def _files() -> list[Traversable]:
    folder = resources.files("ca.profiles") / "data"
    return sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
