"""A profile explains itself: at the command line, in the documentation, on the public page."""

from __future__ import annotations

from datetime import datetime

import pytest

from ca.issuance.assembly import read_unsigned
from ca.profiles.explain import explain
from ca.profiles.registry import packaged_profiles
from ca.services import CaServices
from tests.ca.ground import hierarchy, institutions, now, services
from tests.ca.lints.test_gate import Bench
from tests.ca.requests.test_commands import Terminal, terminal

__all__ = ["hierarchy", "institutions", "now", "services", "terminal"]
PROFILES = packaged_profiles().list()
_OIDS = {
    "2.5.29.35": "authorityKeyIdentifier",
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.37": "extKeyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.32": "certificatePolicies",
    "2.5.29.31": "cRLDistributionPoints",
    "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
    "2.5.29.46": "freshestCRL",
    "2.5.29.56": "noRevAvail",
    "2.5.29.16": "privateKeyUsagePeriod",
    "1.3.6.1.5.5.7.48.1.5": "id-pkix-ocsp-nocheck",
}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_part_has_words_in_both_languages_and_a_clause(profile) -> None:  # type: ignore[no-untyped-def]
    """Nothing stands in a certificate that the operator could not have explained."""
    for item in explain(profile, private_arc="1.2.3"):
        assert item.words.es and item.words.en and item.clause and item.value, item


@pytest.mark.usefixtures("hierarchy")
def test_what_is_explained_is_what_is_built(services: CaServices, now: datetime) -> None:
    """The extensions of a certificate, and whether they are critical, are those that the explanation names."""
    bench, arc = Bench(services, now), services.settings.pki_arc
    for profile in services.profiles.list():
        built = read_unsigned(bench.good(profile))
        told = {item.part: item.critical for item in explain(profile, private_arc=arc) if item.critical is not None}
        for extension in built.extensions:
            name = _OIDS.get(extension.oid.dotted_string, extension.oid.dotted_string)
            assert told[name] is extension.critical, (profile.name, name)


def test_the_command_explains(terminal: Terminal) -> None:
    """`sau ca profile show NAME`: a table for people, all parts for programs."""
    shown = terminal.run("profile", "show", "time-stamping").stdout
    assert "RFC 3161" in shown and "crítica" in shown and "sellos de tiempo" in shown
    parts = terminal.json("profile", "show", "natural-person-signature")["parts"]
    named = {part["part"]: part for part in parts}  # type: ignore[attr-defined]
    assert "domicilio legal" in named["userNotice"]["value"]
    assert named["keyUsage"]["critical"] is True
