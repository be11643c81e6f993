"""Groups within groups: as far up as the operator wants, by a bounded number of questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from idp.directories.account_state import AccountState
from idp.directories.directory import Directory
from idp.directories.errors import DirectoryAccountError
from idp.directories.ldap import LdapDirectories
from idp.directories.names import InstitutionalName
from idp.directories.nested_groups import MOST_QUESTIONS, with_nested
from tests.servers.slapd import BASE, PASSWORD, Slapd

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ROSA = InstitutionalName("rchimbo", "salud.test")


def test_a_circle_ends_and_depth_counts() -> None:
    """Each group once, however it is written; nothing above the floors that are wanted."""
    tree = {"a": ["B", "c"], "b": ["A", "d"], "d": ["e"]}

    def above(group: str) -> list[str]:
        return tree.get(group.lower(), [])

    def groups(floors: int) -> list[str]:
        return sorted(with_nested(["A"], floors=floors, above=above, plain=str.lower))

    assert groups(0) == ["A"]
    assert groups(1) == ["A", "B", "c"]
    assert groups(2) == ["A", "B", "c", "d"]
    assert groups(5) == ["A", "B", "c", "d", "e"]


def test_no_tree_asks_for_ever() -> None:
    """Beyond the bound a group gives nothing."""
    asked: list[str] = []

    def above(group: str) -> list[str]:
        asked.append(group)
        return [f"{group}{digit}" for digit in range(9)]

    with_nested(["g"], floors=5, above=above, plain=str)
    assert len(asked) == MOST_QUESTIONS


@pytest.fixture
def grouped(slapd: Slapd) -> Iterator[Slapd]:
    """Rosa is in *caja*, which is in *finanzas*, which is in *todos*."""
    names = {"caja": f"uid=rchimbo,ou=gente,{BASE}", "finanzas": f"cn=caja,{BASE}", "todos": f"cn=finanzas,{BASE}"}
    for name, member in names.items():
        slapd.modify(
            f"dn: cn={name},{BASE}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\nmember: {member}\n"
        )
    yield slapd
    for name in names:
        slapd.modify(f"dn: cn={name},{BASE}\nchangetype: delete\n")


@pytest.mark.server
def test_groups_of_groups_in_openldap(grouped: Slapd, salud: Directory, ldap: LdapDirectories) -> None:
    """At a login and at a look alike."""
    for floors, names in ((0, ["caja"]), (1, ["caja", "finanzas"]), (5, ["caja", "finanzas", "todos"])):
        directory = replace(salud, nested_groups=floors)
        entry = ldap.authenticate(directory, name=ROSA, cedula="", password=PASSWORD.encode(), now=NOW)
        assert sorted(entry.groups) == [f"cn={name},{BASE}" for name in names]
        found = ldap.find(directory, cedula="0912345675", now=NOW)
        assert found is not None
        assert sorted(found.groups) == sorted(entry.groups)


@pytest.mark.server
def test_a_closed_account_says_whose_it_is(slapd: Slapd, salud: Directory, ldap: LdapDirectories) -> None:
    """So that what rests on it can end at once."""
    open_entry = ldap.find(salud, cedula="0912345675", now=NOW)
    assert open_entry is not None
    slapd.set("rchimbo", "userAccountControl", "514")
    try:
        with pytest.raises(DirectoryAccountError) as caught:
            ldap.authenticate(salud, name=ROSA, cedula="", password=PASSWORD.encode(), now=NOW)
    finally:
        slapd.set("rchimbo", "userAccountControl", "512")
    assert (caught.value.state, caught.value.entry_key) == (AccountState.DISABLED, open_entry.key)
