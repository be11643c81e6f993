"""Profiles are data, and wrong data is refused before it decides anything."""

from __future__ import annotations

import pytest

from ca.profiles.registry import packaged_profiles, parse_profile
from kernel.errors import Fault, NotFound

MINIMAL = """
name: trial
version: 1
changes: {1: The first form.}
title: Prueba
explanation: Para probar.
people: 2
keys: [P-256]
lifetime_days: 10
key_usage: [digitalSignature]
extended_key_usage: [clientAuth]
subject: [{attribute: commonName, values: ["{organization}"]}]
lint: {suite: pkix}
"""


def test_a_profile_is_read_whole() -> None:
    """What stands in the file is what decides."""
    profile = parse_profile(MINIMAL, source="trial.yaml")
    assert (profile.name, profile.people, profile.approvals_needed) == ("trial", 2, 1)


@pytest.mark.parametrize(
    "change",
    [
        "colour: blue",
        "people: 0",
        "lifetime_days: 5000",
        "key_usage: [keyCertSign]",
        "extended_key_usage: [anyExtendedKeyUsage]",
        "keys: [DSA]",
        "subject: [{attribute: emailAddress, values: [x]}]",
        "lint: {suite: pkix, accepted: [{code: x, reason: short}]}",
    ],
)
def test_a_wrong_or_unknown_value_is_refused(change: str) -> None:
    """A typing mistake in a profile stops the start and does not loosen a rule; no profile makes authorities."""
    key = change.split(":")[0]
    kept = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key}:")]
    with pytest.raises(Fault) as caught:
        parse_profile("\n".join([*kept, change]), source="trial.yaml")
    assert caught.value.code == "bad_profile"


def test_a_file_is_named_after_its_profile() -> None:
    """So that a stranger finds it."""
    with pytest.raises(Fault):
        parse_profile(MINIMAL, source="other.yaml")


def test_the_release_has_its_profiles() -> None:
    """How many people, and whether it is asked for by hand: what is not needs a protocol's proof, or is internal."""
    profiles = packaged_profiles()
    assert {item.name: (item.people, item.by_hand) for item in profiles.list()} == {
        "tls-server": (2, True),
        "tls-server-acme": (1, False),
        "tls-server-short": (1, False),
        "tls-client": (1, True),
        "institution-seal": (2, True),
        "natural-person-signature": (2, True),
        "legal-representative-signature": (2, True),
        "code-signing": (2, True),
        "time-stamping": (1, False),
        "cmp-responder": (1, False),
        "log-signing": (1, False),
        "public-servant-signature": (2, True),
        "person-authentication": (2, True),
        "ocsp-responder": (1, False),
    }
    with pytest.raises(NotFound):
        profiles.get("nada")
