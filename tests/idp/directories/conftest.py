"""A directory that runs, and values that point at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idp.directories.directory import KINDS, Directory, parse_servers
from idp.directories.ldap import Bounds, LdapDirectories
from kernel.secret_text import SecretText
from tests.servers.slapd import BASE, SEARCHER, SEARCHER_PASSWORD, Slapd, run_slapd

MakeDirectory = Callable[..., Directory]


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """OpenLDAP with two people; what a test changes it changes back."""
    with run_slapd(tmp_path_factory.mktemp("slapd")) as server:
        yield server


@pytest.fixture
def directory_at() -> MakeDirectory:
    """Make the value of a directory at given addresses."""

    def make(*urls: str, kind: str = "ldap", **more: Any) -> Directory:
        values: dict[str, Any] = {
            "id": "01directory",
            "name": "salud",
            "institution_id": "01institution",
            "domains": ("salud.test",),
            "servers": parse_servers(urls),
            "bind_dn": SEARCHER,
            "password": SecretText(SEARCHER_PASSWORD),
            "search_base": BASE,
            "username_filter": KINDS[kind][1],
            "cedula_filter": KINDS[kind][2],
            "attributes": KINDS[kind][0],
        }
        return Directory(**{**values, **more})

    return make


@pytest.fixture
def salud(slapd: Slapd, directory_at: MakeDirectory) -> Directory:
    """The running directory."""
    return directory_at(slapd.url, ca_pem=slapd.ca.read_text())


@pytest.fixture
def ldap() -> LdapDirectories:
    """The adapter, with as much patience as a busy machine may need: for servers that answer."""
    return LdapDirectories(bounds=Bounds(connect=30, operation=30, whole=60))


@pytest.fixture
def hasty() -> LdapDirectories:
    """The adapter, patient for a second in all: for servers that never answer."""
    return LdapDirectories(bounds=Bounds(connect=0.5, operation=0.7, whole=1.0))
