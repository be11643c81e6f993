"""The locks: everything that the project asks for, once, with hashes."""

from __future__ import annotations

import configparser
import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return {canonicalize_name(n): v for n, v in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", text, re.M)}


def _asked(*extras: str) -> list[Requirement]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    lines = config["options"]["install_requires"].splitlines()
    for extra in extras:
        lines += config["options.extras_require"][extra].splitlines()
    return [Requirement(line) for line in lines if line.strip()]


def test_the_running_service_and_its_demo_are_locked() -> None:
    """``make run`` installs requirements.txt and nothing else."""
    pins = _pins("requirements.txt")
    for requirement in _asked("postgres", "redis", "hsm", "demo"):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_the_tests_are_locked_on_the_same_versions() -> None:
    """What is tested is what runs."""
    pins = _pins("requirements-dev.txt")
    for requirement in _asked("postgres", "redis", "hsm", "pdf", "demo", "dev"):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
    assert {name: version for name, version in _pins("requirements.txt").items() if pins.get(name) != version} == {}


def test_every_pin_has_a_hash() -> None:
    """A registry that was broken into cannot change what we install."""
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-build.txt"):
        text = (ROOT / name).read_text("utf-8")
        hashed = re.findall(r"^\S+==\S+[^\n]*\\\n    --hash=sha256:", text, re.M)
        assert len(re.findall(r"^\S+==", text, re.M)) == len(hashed)
