"""``sau config export``."""

from __future__ import annotations

import json

import yaml

from admin.as_code.yaml_text import read_yaml
from tests.admin.as_code.conftest import RUC


def test_everything_is_written_and_no_secret_and_no_cedula(filled, run, tmp_path) -> None:
    """Once more it is the same, octet for octet; common readers of YAML read it as ours does."""
    file = tmp_path / "sau.yaml"
    told = json.loads(run("export", str(file), "--json").output)
    text = file.read_text("utf-8")
    assert run("export").output == text
    assert text.startswith(f"# {told['digest']}\n")
    document, _ = read_yaml(text)
    assert document == yaml.safe_load(text) == json.loads(run("export", "--json").output)["configuration"]
    assert document["institutions"][RUC]["networks"] == ["186.46.0.0/24"]
    portal = document["applications"]["portal"]
    assert (portal["institution"], portal["environment"], portal["client_secret"]) == (RUC, "production", "kept")
    assert portal["event_delivery_authorization"] == "kept"
    assert document["applications"]["0123"]["environment"] == "sandbox"
    assert document["rights"]["portal"]["roles"]["writer"]["excludes"] == ["reader"]
    assert sorted(next(roles for roles in document["console_roles"].values() if len(roles) == 2).items()) == [
        ("auditor", "all"),
        ("registration_officer", RUC),
    ]
    for hidden in (filled, "one-that-nobody-reads", "1710034065"):
        assert hidden not in text


def test_a_file_that_cannot_be_written_is_told(run, tmp_path) -> None:
    """On stderr, with status 1."""
    assert "cannot be written" in run("export", str(tmp_path / "no" / "sau.yaml"), status=1).output
