"""``sau directory`` and what the doctor and the metrics say, with a real directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from composition import Composition
from idp.commands import commands
from idp.directories.health import look_at_directory
from idp.directories.model import DirectoryRow
from idp.directory.institutions import add_institution
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from kernel.errors import Rejected, ServiceError
from operations.connections import directories
from operations.finding import Severity
from operations.metrics import _directories
from tests.idp.directories.fake import RUC
from tests.idp.relying_party import register
from tests.idp.rights.conftest import declared
from tests.servers.slapd import BASE, SEARCHER, SEARCHER_PASSWORD, Slapd

pytestmark = pytest.mark.server


@pytest.fixture
def sau(composition: Composition) -> Any:
    """Run ``sau directory …`` and return what it prints as JSON."""
    group = next(each for each in commands(lambda: composition.idp) if each.name == "directory")

    def run(*arguments: str, typed: str = "") -> Any:
        result = CliRunner().invoke(group, [*arguments, "--json"], input=typed)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return json.loads(result.stdout)

    return run


@pytest.fixture
def salud(composition: Composition, slapd: Slapd, sau: Any) -> Iterator[Any]:
    """The running directory, added by the command."""
    with composition.database.transaction() as session:
        add_institution(
            session,
            journal=composition.idp.journal,
            ruc=RUC,
            name="Salud",
            domains=["salud.gob.ec"],
            now=composition.clock.now(),
        )
    yield sau(*arguments(slapd), "--password-stdin", typed=f"{SEARCHER_PASSWORD}\n")


def arguments(slapd: Slapd, **changed: str) -> list[str]:
    """Return the words of ``add``."""
    options = {
        "--ruc": RUC,
        "--domain": "salud.gob.ec",
        "--url": slapd.start_tls_url,
        "--kind": "active-directory",
        "--search-base": BASE,
        "--ca-file": str(slapd.ca),
        "--bind-dn": SEARCHER,
        "--level": "2",
        **changed,
    }
    return ["add", "salud", *(word for pair in options.items() if pair[1] for word in pair)]


def test_added_tested_listed_closed(
    salud: Any, sau: Any, composition: Composition, slapd: Slapd, tmp_path: Path
) -> None:
    """The password is sealed and shown nowhere; a closed one is not asked; the doctor and the metrics know."""
    assert salud["password"] == "sealed"
    with composition.database.reading() as session:
        row = session.query(DirectoryRow).one()
        assert SEARCHER_PASSWORD.encode() not in (row.sealed_password or b"")
        directory_id = row.id
    assert [each["result"] for each in sau("test", "salud")] == ["ok"]
    assert sau("list")[0]["state"] == "unknown"
    look_at_directory(composition.idp, directory_id=directory_id, now=composition.clock.now())
    assert sau("list")[0]["state"] == "up"
    with composition.database.reading() as session:
        up = next(iter(_directories(session, composition.clock.now())))
    assert [(sample.labels, sample.value) for sample in up.samples] == [({"directory": "salud"}, 1.0)]
    assert [each.severity for each in directories(composition)] == [Severity.OK]
    client_id = register(composition).client_id
    with composition.database.transaction() as session:
        declare_rights(
            session,
            journal=composition.idp.journal,
            declaration=parse_declaration(declared(client_id, institutions=[RUC])),
            actor="command",
            now=composition.clock.now(),
        )
    sau("map", "salud", f"CN=caja,{BASE}", "reader", "--client", client_id)
    assert sau("show", "salud")["groups"] == [f"cn=caja,{BASE} → reader ({client_id})"]
    sau("map", "salud", f"cn=caja, {BASE}", "reader", "--remove")
    assert sau("show", "salud")["groups"] == []
    assert sau("change", "salud", "--level", "1", "--attribute", "mail=otherMail", "--dry-run")["level"] == 1
    told = sau("change", "salud", "--ask-by-cedula", "--nested-groups", "2")
    assert (told["level"], told["asked_by_cedula"], told["nested_groups"], told["password"]) == (2, True, 2, "sealed")
    assert [each["name"] for each in told["changes"]] == ["asked_by_cedula", "nested_groups"]
    assert sau("change", "salud")["changes"] == []
    with pytest.raises(Rejected, match="password"):  # it would go elsewhere
        sau("change", "salud", "--url", "ldaps://otro.salud.gob.ec")
    assert [each["result"] for each in sau("test", "salud")] == ["ok"], "the password is the one from before"
    assert sau("disable", "salud")["active"] is False
    assert list(directories(composition)) == []
    assert sau("enable", "salud")["active"] is True


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, "directory_exists"),
        ({"--ruc": "1760013210002"}, "unknown_institution"),
        ({"--domain": "otro.gob.ec"}, "foreign_domain"),
        ({"--bind-dn": ""}, "bad_bind"),
        ({"--bind-template": "{username}@{domain}"}, "bad_bind"),
        ({"--search-base": "salud"}, "bad_distinguished_name"),
        ({"--username-filter": "(uid=*)"}, "bad_directory_filter"),
        ({"--url": "http://salud.gob.ec"}, "bad_directory_url"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_refused(salud: Any, sau: Any, slapd: Slapd, changed: dict[str, str], code: str) -> None:
    """Before anything is written."""
    words = arguments(slapd, **changed)
    if code not in ("directory_exists", "unknown_institution", "foreign_domain"):
        words = [word if word not in ("salud", "salud.gob.ec") else f"otra-{word}" for word in words]
        words[words.index("otra-salud.gob.ec")] = "x.salud.gob.ec"
    elif code != "directory_exists":
        words[1] = "otra"
    with pytest.raises(ServiceError) as caught:
        sau(*words, "--password-stdin", typed="secreta\n")
    assert caught.value.code == code
