"""``sau role …`` for applications, and ``sau institution people``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Group
from click.testing import CliRunner, Result

from admin.commands import role_commands
from idp.commands import commands
from tests.idp.rights.conftest import MINISTRY, Office, declared


def _run(office: Office, *words: str, ok: bool = True) -> Any:
    (institution,) = (each for each in commands(lambda: office.composition.idp) if each.name == "institution")
    root = Group("sau", commands=[institution, role_commands(lambda: office.composition.admin)])
    result: Result = CliRunner().invoke(root, [*words, "--json"])
    assert (result.exit_code == 0) is ok, result.output
    return json.loads(result.stdout) if result.stdout else str(result.exception)


def test_the_whole_life_of_a_right_by_commands(office: Office, tmp_path: Path) -> None:
    """Declare, hire, delegate, give, approve, list, leave; dry runs change nothing."""
    client_id = office.app.client_id
    document = declared(client_id)
    document["roles"][0]["permissions"] = ["invoice:read", "audit"]
    file = tmp_path / "rights.yaml"
    file.write_text(yaml.safe_dump(document), "utf-8")
    change = ["~ role reader: + audit"]
    assert _run(office, "role", "declare", str(file), "--dry-run")["changes"] == change
    assert _run(office, "role", "declare", str(file))["changes"] == change
    assert _run(office, "role", "declare", str(file))["changes"] == []
    assert [each["role"] for each in _run(office, "role", "catalog", "--client", client_id)] == [
        "auditor",
        "reader",
        "voider",
    ]
    servant, second = office.person(0), office.person(1)
    for each in (servant, second):
        _run(office, "institution", "people", "add", MINISTRY, each.cedula, "--post", "Analista")
    assert len(_run(office, "institution", "people", "list", MINISTRY)) == 2
    assert _run(office, "institution", "people", "change", MINISTRY, servant.id, "--post", "Jefa")["post"] == "Jefa"
    where = ("--client", client_id, "--institution", MINISTRY)
    delegated = _run(office, "role", "delegate", second.id, "voider", *where, "--may", "approve")
    assert [each["id"] for each in _run(office, "role", "delegations")] == [delegated["id"]]
    give = ("role", "assign", servant.cedula, "reader", *where, "--reason", "Memorando 7", "--until", "2030-01-01")
    assert "too_long" in _run(office, *give, ok=False)
    assert _run(office, *give[:-2], "--dry-run")["status"] == "active"
    assert _run(office, "role", "holders") == []
    assigned = _run(office, *give[:-2])
    proposed = _run(office, "role", "assign", servant.id, "voider", *where, "--reason", "Memorando 8")
    assert proposed["status"] == "pending"
    assert "own_proposal" in _run(office, "role", "approve", proposed["id"], ok=False)
    assert [each["role"] for each in _run(office, "role", "holders", "--pending")] == ["voider"]
    (held,) = _run(office, "role", "holders", "--institution", MINISTRY, "--person", servant.cedula)
    assert (held["id"], held["given_by"], held["name"]) == (assigned["id"], "command", servant.name)
    assert _run(office, "role", "end", assigned["id"], "--reason", "Rotación")["status"] == "ended"
    assert _run(office, "role", "undelegate", delegated["id"])["person"] == second.id
    left = _run(office, "institution", "people", "leave", MINISTRY, servant.cedula, "--dry-run")
    assert left["assignments"] == 1
    assert _run(office, "institution", "people", "leave", MINISTRY, servant.cedula) == left
    assert [each["person"] for each in _run(office, "institution", "people", "list", MINISTRY)] == [second.id]


@pytest.mark.parametrize("text", ["[", "- a", "a: {b: c}", ""], ids=range(4))
def test_a_file_that_is_no_declaration_changes_nothing(office: Office, tmp_path: Path, text: str) -> None:
    """It says what is wrong."""
    file = tmp_path / "rights.yaml"
    file.write_text(text, "utf-8")
    assert "bad_declaration" in _run(office, "role", "declare", str(file), ok=False)
