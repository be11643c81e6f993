"""A profile that changes gets a new version: requests and certificates name the one that they were built by."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from ca.profiles.compare import compare
from ca.profiles.former import kept_versions, profile_at
from ca.profiles.registry import packaged_profiles
from ca.profiles.sentences import CHANGES
from kernel.identifiers import sha256_hex

LISTED = Path(__file__).with_name("versions.txt")
NAMES = [profile.name for profile in packaged_profiles().list()]


def content(name: str) -> dict[str, Any]:
    """What the profile's file says, its history left out."""
    text = (resources.files("ca.profiles") / "data" / f"{name}.yaml").read_text("utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    del document["changes"]
    return document


def line_of(name: str) -> str:
    """The line that the list holds for the present version."""
    document = content(name)
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{name} {document['version']} {sha256_hex(canonical)}"


@pytest.mark.parametrize("name", NAMES)
def test_what_changes_gets_a_new_version(name: str) -> None:
    """The list holds a digest for each version that ever was. Changed content under a listed version is a mistake:
    raise ``version``, say in ``changes`` what it brings, and add the line that this test asks for."""
    listed = LISTED.read_text("utf-8").splitlines()
    assert line_of(name) in listed, f"add to {LISTED.name}, with a version that is not there yet: {line_of(name)}"


def test_no_version_has_two_contents() -> None:
    """A line is added and never edited."""
    versions = [tuple(line.split()[:2]) for line in LISTED.read_text("utf-8").splitlines()]
    assert len(set(versions)) == len(versions)
    assert {name for name, _ in versions} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_explains_itself_to_who_fills_it_in(name: str) -> None:
    """A title, what to look at before asking, and a hint beside every field."""
    profile = packaged_profiles().get(name)
    assert len(profile.explanation) > 60
    assert all(field.hint for field in profile.inputs), [field.name for field in profile.inputs if not field.hint]


def test_oids_of_policies_and_fields_are_told_apart() -> None:
    """Certificate authority, line 10: type policies under .2, fields under .3, none a prefix of another, none twice."""
    policies = [profile.policy.suffix for profile in packaged_profiles().list() if profile.policy]
    assert len(set(policies)) == len(policies)
    arcs = {tuple(suffix.split(".")) for suffix in policies}
    arcs |= {("3", str(field.number)) for profile in packaged_profiles().list() for field in profile.country_fields}
    assert all(arc[0] in ("2", "3") and len(arc) == 2 for arc in arcs)
    assert not any(one != other and other[: len(one)] == one for one in arcs for other in arcs)
    kinds = {item.name: item.policy.suffix for item in packaged_profiles().list() if item.policy}
    assert kinds["natural-person-signature"] == "2.1"
    assert kinds["public-servant-signature"] == "2.3"
    assert kinds["legal-representative-signature"] == "2.4"
    assert kinds["institution-seal"] == "2.5"
    assert kinds["time-stamping"] == "2.6"


def test_every_version_that_was_left_behind_is_kept_as_it_was() -> None:
    """What certificates were built by is there to be compared: its digest is the one that the list holds."""
    for line in LISTED.read_text("utf-8").splitlines():
        name, version, digest = line.split()
        present = packaged_profiles().get(name)
        assert profile_at(present, int(version)) is not None, f"keep version {version} of {name} in ca/profiles/former"
        if int(version) != present.version:
            text = (resources.files("ca.profiles") / "former" / f"{name}.{version}.yaml").read_text("utf-8")
            document = yaml.safe_load(text)
            del document["changes"]
            assert sha256_hex(json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))) == digest


def test_what_changed_between_two_versions_is_told_in_words() -> None:
    """Part by part, the rules around the certificate too; every change is told in both languages."""
    present = packaged_profiles().get("person-authentication")
    first, last = profile_at(present, kept_versions(present)[0]), present
    assert first is not None
    changed = {item.part or item.words.en: item for item in compare(first, last, private_arc="1.2") if item.changed}
    assert [word.es for word in changed["It may be suspended"].before] == ["No"]
    assert [word.es for word in changed["It may be suspended"].after] == ["Sí"]
    assert "keyUsage" not in changed
    assert not [item for item in compare(last, last, private_arc="1.2") if item.changed]
    assert profile_at(present, 99) is None
    texts = {text for each in packaged_profiles().list() for text in each.changes.values()}
    assert texts == set(CHANGES)
