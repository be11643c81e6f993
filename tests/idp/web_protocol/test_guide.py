"""The samples of ``docs/relying-applications.md`` are run, or are part of what is run."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from click import Group
from click.testing import CliRunner
from flask import Flask

from composition import Composition
from idp.commands import commands
from kernel.clock import ManualClock
from tests.idp.relying_party import Visitor, register

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "relying-applications.md").read_text()
ISSUER = "http://localhost:8000"
PORTAL = "https://ventanilla.gob.ec"


@pytest.fixture
def clock() -> ManualClock:
    """The present: the application's library looks at its own clock."""
    return ManualClock(datetime.now(UTC))


def _sample(beginning: str) -> str:
    samples = re.findall(r"```\w*\n(.*?)```", GUIDE, re.DOTALL)
    (found,) = [sample for sample in samples if sample.lstrip().startswith(beginning)]
    return str(found)


def test_the_registration_is_a_command_that_works(composition: Composition) -> None:
    """Copied from the page to a shell."""
    groups: dict[str, Group] = {}
    for command in commands(lambda: composition.idp):
        assert isinstance(command, Group)
        groups[str(command.name)] = command
    run = CliRunner()
    institution = ["add", "--ruc", "1760013210001", "--name", "Presidencia"]
    assert run.invoke(groups["institution"], institution).exit_code == 0
    program, group, *arguments = shlex.split(_sample("sau client add").replace("\\\n", " "))
    assert program == "sau"
    added = run.invoke(groups[group], [*arguments, "--json"])
    assert added.exit_code == 0, added.output
    assert set(json.loads(added.stdout)) == {"client_id", "client_secret"}


def test_the_flask_sample_logs_a_citizen_in(
    composition: Composition, visitor: Visitor, live: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word, but for the names of the provider and of the client."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    _send_to(live, monkeypatch)
    party = register(composition, redirect_uris=[f"{PORTAL}/callback"])
    code = _sample("from authlib").replace("https://ISSUER", ISSUER)
    for name, value in (("client_id", party.client_id), ("client_secret", party.secret), ("secret_key ", " 'k'")):
        code = code.replace(f"{name}=...", f"{name}={value!r}").replace(f"{name}= ...", f"{name}={value}")
    assert "..." not in code
    module: dict[str, Any] = {"__name__": "sample"}
    exec(compile(code, "guide", "exec"), module)
    portal: Flask = module["app"]
    browser = portal.test_client()
    begun = browser.get("/login", base_url=PORTAL)
    answer = visitor.http.get(begun.headers["Location"].removeprefix(ISSUER))
    answer = visitor.decide(visitor.http.get(answer.headers["Location"]))
    target = answer.headers["Location"].removeprefix(PORTAL)
    foreign = browser.get(target.replace("iss=http", "iss=https"), base_url=PORTAL)
    assert foreign.status_code == 400
    assert browser.get(target, base_url=PORTAL).headers["Location"] == "/"
    with browser.session_transaction(base_url=PORTAL) as kept:
        assert kept["person"]["name"] == "Manuela Sáenz Aizpuru"
        assert kept["person"]["cedula"] == "1710034065"


def test_the_apache_sample_is_what_runs_under_test() -> None:
    """tests/flows/relying_parties logs citizens in with a configuration that has each of its lines."""
    tested = (ROOT / "tests" / "servers" / "apache.py").read_text()
    for line in _sample("OIDCProviderMetadataURL").splitlines():
        name, value = line.split(maxsplit=1)
        assert re.search(rf"^{name} ", tested, re.MULTILINE), name
        if name in ("OIDCPKCEMethod", "OIDCProviderTokenEndpointAuth"):
            assert f"{name} {value}" in tested


def test_the_node_sample_is_what_runs_under_test() -> None:
    """tests/flows/relying_parties logs a citizen in with this very file."""
    tested = ROOT / "tests" / "flows" / "relying_parties" / "openid_client" / "sample.mjs"
    assert _sample("import * as client") == tested.read_text()


def _send_to(live: str, monkeypatch: pytest.MonkeyPatch) -> None:
    send = requests.adapters.HTTPAdapter.send

    def redirected(self: Any, request: Any, **more: Any) -> Any:
        request.url = request.url.replace(ISSUER, live)
        request.headers["Host"] = ISSUER.removeprefix("http://")
        return send(self, request, **more)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", redirected)
