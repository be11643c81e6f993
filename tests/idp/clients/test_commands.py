"""``sau client``: policies, registration, keys, permissions to register."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey

from composition import Composition
from idp.clients.policy import POLICIES
from idp.clients.policy_words import policy_rules
from idp.commands import commands
from kernel.errors import ServiceError
from tests.idp.relying_party import events

PORTAL = ["--name", "Portal", "--redirect-uri", "https://portal.example/cb"]


class Program:
    """``sau client`` with ``--json``."""

    def __init__(self, composition: Composition) -> None:
        (self._group,) = [item for item in commands(lambda: composition.idp) if item.name == "client"]

    def invoke(self, *arguments: str, as_json: bool = True) -> Result:
        """Run it."""
        return CliRunner().invoke(self._group, [*arguments, *(["--json"] if as_json else [])])

    def run(self, *arguments: str) -> Any:
        """Return what it prints."""
        result = self.invoke(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    def fails(self, *arguments: str) -> str:
        """Return the code of the error that it ends with."""
        error = self.invoke(*arguments).exception
        assert isinstance(error, ServiceError), error
        return error.code


@pytest.fixture
def program(composition: Composition) -> Program:
    """The program over an empty schema."""
    return Program(composition)


def test_each_policy_is_told_rule_by_rule(program: Program) -> None:
    """An administrator reads what he picks."""
    assert [each["policy"] for each in program.run("policy", "list")] == list(POLICIES)
    for policy in POLICIES.values():
        shown = program.run("policy", "show", policy.name)
        assert shown["what"] == policy.words
        assert policy_rules(policy).items() <= shown.items()
        assert "in_process" not in json.dumps(shown)
    assert len({json.dumps(policy_rules(policy)) for policy in POLICIES.values()}) == len(POLICIES)


def test_a_policy_is_picked_by_name_and_decides(program: Program, tmp_path: Path) -> None:
    """FAPI 2.0 §5.3.2.1: no secret under fapi2."""
    assert program.fails("add", *PORTAL, "--policy", "fapi2") == "bad_client_metadata"
    jwks = {"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}}
    (tmp_path / "keys.json").write_text(json.dumps(jwks))
    file = ["--file", str(tmp_path / "keys.json")]
    added = program.run("add", *PORTAL, "--policy", "fapi2", "--auth-method", "private_key_jwt", *file)
    assert set(added) == {"client_id"}
    assert program.run("show", added["client_id"])["policy"] == "fapi2"
    assert [each["policy"] for each in program.run("list")] == ["fapi2"]


def test_a_registration_is_changed_closed_and_opened(
    composition: Composition, program: Program, tmp_path: Path
) -> None:
    """Members that are named change, null removes one, the rest stays; the record says before and after."""
    client_id = program.run("add", *PORTAL)["client_id"]
    file = tmp_path / "change.json"
    file.write_text(json.dumps({"client_name": "Portal nuevo", "client_uri": "https://portal.example/"}))
    tried = program.invoke("update", client_id, "--file", str(file), "--dry-run", as_json=False).stdout.splitlines()
    assert tried == [
        '- client_name: "Portal"',
        '+ client_name: "Portal nuevo"',
        '+ client_uri: "https://portal.example/"',
    ]
    assert program.run("show", client_id)["client_name"] == "Portal"
    changed = program.run("update", client_id, "--file", str(file))
    assert (changed["client_name"], changed["redirect_uris"]) == ("Portal nuevo", ["https://portal.example/cb"])
    file.write_text(json.dumps({"client_uri": None}))
    assert "client_uri" not in program.run("update", client_id, "--file", str(file))
    file.write_text(json.dumps({"redirect_uris": ["http://portal.example/cb"]}))
    assert program.fails("update", client_id, "--file", str(file)) == "bad_redirect_uri"
    file.write_text("[]")
    assert program.fails("update", client_id, "--file", str(file)) == "bad_client_metadata"
    assert program.run("disable", client_id)["active"] is False
    assert program.run("enable", client_id)["active"] is True
    assert len(events(composition, "idp:client:updated")) == 2
    assert len(events(composition, "idp:client:enabled")) == 1


def test_keys_are_changed_one_at_a_time(program: Program, tmp_path: Path) -> None:
    """OpenID Provider, surface: two keys valid side by side for a rotation."""

    def written(kid: str, **more: Any) -> str:
        jwk = {**ECKey.generate_key("P-256", {"kid": kid}).as_dict(private=False), **more}
        path = tmp_path / f"{kid}.json"
        path.write_text(json.dumps(jwk))
        return str(path)

    (tmp_path / "keys.json").write_text(json.dumps({"jwks": {"keys": [json.loads(Path(written("old")).read_text())]}}))
    file = ["--file", str(tmp_path / "keys.json")]
    client_id = program.run("add", *PORTAL, "--auth-method", "private_key_jwt", *file)["client_id"]
    assert program.run("key", "add", client_id, written("new"))["kids"] == ["old", "new"]
    assert program.fails("key", "add", client_id, written("new")) == "bad_jwks"
    assert program.fails("key", "add", client_id, written("private", d="AAAA")) == "bad_jwks"
    assert program.run("key", "remove", client_id, "old")["kids"] == ["new"]
    assert program.fails("key", "remove", client_id, "old") == "unknown_key"
    assert program.fails("key", "remove", client_id, "new") == "bad_client_metadata"  # the last one
    published = ["--auth-method", "private_key_jwt", "--file", str(tmp_path / "published.json")]
    (tmp_path / "published.json").write_text(json.dumps({"jwks_uri": "https://portal.example/jwks"}))
    other = program.run("add", *PORTAL, *published)["client_id"]
    assert program.fails("key", "add", other, written("more")) == "keys_are_published"


def test_a_permission_to_register_is_given_and_taken_back(composition: Composition, program: Program) -> None:
    """RFC 7591 §3: the token is printed once and stored as a digest."""
    issued = program.run("token", "issue", "--policy", "web", "--uses", "3", "--scope", "openid profile")
    assert (issued["uses_left"], issued["scopes"]) == (3, ["openid", "profile"])
    (listed,) = program.run("token", "list")
    assert "initial_access_token" not in listed
    assert program.run("token", "revoke", issued["id"])["revoked"] is True
    assert program.fails("token", "revoke", "nobody") == "unknown_initial_access"
    assert program.fails("token", "issue", "--policy", "web", "--uses", "0") == "bad_initial_access"
    assert program.fails("token", "issue", "--policy", "web", "--resource", "http://api.example") == "bad_resource"
    assert len(events(composition, "idp:initial_access_token:revoked")) == 1


def test_a_sector_is_fetched_before_a_registration_from_a_file(
    composition: Composition, program: Program, tmp_path: Path
) -> None:
    """Dynamic Client Registration §5: an address that does not answer registers nothing."""
    (tmp_path / "sector.json").write_text(json.dumps({"sector_identifier_uri": "https://127.0.0.1/sector"}))
    assert program.fails("add", *PORTAL, "--file", str(tmp_path / "sector.json")) == "bad_client_metadata"
