"""Sample code: no value can be code, no secret is in it, and every file is of its language."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client
from idp.clients.policy import POLICIES
from idp.clients.registration.metadata import ClientMetadata
from idp.developer.samples.catalogue import SAMPLES, samples_for
from idp.developer.samples.fill import fill
from idp.developer.samples.values import sample_values
from kernel.errors import NotFound, Rejected
from tests.servers.process import find_program

_NASTY = "a\"'\\${HOME}$(id)`id`</script>#{1}"


@pytest.fixture
def client() -> Client:
    """An application with a name that would be code if it could."""
    return Client(
        client_id=_NASTY,
        name="Portal",
        institution_id=None,
        application_type="web",
        redirect_uris=("http://localhost:8010/callback",),
        post_logout_redirect_uris=("http://localhost:8010/",),
        auth_method=AuthMethod.CLIENT_SECRET_BASIC,
        jwks=None,
        id_token_alg="ES256",
        grant_types=("authorization_code", "client_credentials"),
        scopes=("openid", "profile"),
        optional_scopes=(),
        minimum_acr=None,
        resource=None,
        policy=POLICIES["web"],
        metadata=ClientMetadata(),
        active=True,
        version=1,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def _text(client: Client, name: str, file: str) -> str:
    return fill(SAMPLES[name], file, client=client, values=sample_values(client, issuer="https://sau.example"))


def test_every_sample_of_every_method_is_of_its_language(client: Client, tmp_path: Path) -> None:
    """Read as Python, JavaScript, shell, PHP, Java, JSON, YAML and XML read it, with a value full of quotes."""
    java: list[Path] = []
    for method in (AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST, AuthMethod.NONE):
        mine = replace(client, auth_method=method)
        for sample in samples_for(mine):
            for file in sample.files:
                text = _text(mine, sample.name, file)
                if file.endswith(".py"):
                    names = {each.value for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Constant)}
                    assert _NASTY in names or file == "sau_login.py"
                elif file.endswith((".json", ".yml", ".xml")):
                    _read_data(file, text)
                elif file.endswith(".java"):
                    java.append(tmp_path / method.value / file)
                    java[-1].parent.mkdir(exist_ok=True)
                    java[-1].write_text(text)
    for name, file, command in (
        ("php", "index.php", [find_program("php", package="php-cli"), "-l"]),
        ("php-league", "index.php", [find_program("php", package="php-cli"), "-l"]),
        ("curl", "token.sh", ["sh", "-n"]),
        ("express", "app.mjs", [find_program("node", package="nodejs"), "--check"]),
    ):
        path = tmp_path / name / file
        path.parent.mkdir()
        path.write_text(_text(client, name, file))
        subprocess.run([*command, str(path)], check=True, capture_output=True)
    parse = [find_program("javac", package="default-jdk-headless"), "-proc:none", "-XDshould-stop.ifNoError=PARSE"]
    subprocess.run([*parse, *map(str, java[:2])], check=True, capture_output=True)


def _read_data(file: str, text: str) -> None:
    if file.endswith(".json"):
        json.loads(text)
    elif file.endswith(".yml"):
        registration = yaml.safe_load(text)["spring"]["security"]["oauth2"]["client"]["registration"]["sau"]
        assert registration["client-id"] == _NASTY
        assert registration["client-secret"] == "${CLIENT_SECRET}"
    else:
        ElementTree.fromstring(text)


def test_an_application_gets_what_serves_it(client: Client) -> None:
    """A service gets no login, one with a key no sample that knows secrets only, one of high risk one that does it."""
    names = {each.name for each in samples_for(client)}
    assert names == set(SAMPLES)
    assert {each.name for each in samples_for(replace(client, redirect_uris=()))} == {"curl", "python"}
    keyed = replace(client, auth_method=AuthMethod.PRIVATE_KEY_JWT)
    assert {each.name for each in samples_for(keyed)} == {"flask", "django", "express"}
    assert {each.name for each in samples_for(replace(keyed, policy=POLICIES["fapi2"]))} == {"express"}
    assert samples_for(replace(keyed, policy=POLICIES["fapi2-message-signing"])) == []
    bound = replace(client, metadata=ClientMetadata(dpop_bound_access_tokens=True))
    assert {each.name for each in samples_for(bound)} == {"express"}


def test_the_chosen_assurance_and_what_is_at_least_that(client: Client) -> None:
    """What is accepted is of the vocabulary that was asked in; an address must be a registered one."""
    issuer = "https://sau.example"
    assert sample_values(client, issuer=issuer, acr="urn:sau:acr:2fa").accepted == (
        "urn:sau:acr:2fa",
        "urn:sau:acr:certificate",
    )
    assert sample_values(client, issuer=issuer, acr="urn:sau:acr:level3").accepted == ("urn:sau:acr:level3",)
    strong = replace(client, minimum_acr="urn:sau:acr:certificate")
    assert sample_values(strong, issuer=issuer).acr == "urn:sau:acr:certificate"
    with pytest.raises(Rejected, match="assurance"):
        sample_values(client, issuer=issuer, acr="strong")
    with pytest.raises(Rejected, match="registered"):
        sample_values(client, issuer=issuer, redirect_uri="https://elsewhere.example/")
    with pytest.raises(NotFound):
        _text(client, "flask", "../fill.py")


def test_each_sample_does_all_that_is_promised(client: Client) -> None:
    """Login, logout, acr and errors are in each; PKCE too."""
    for sample in SAMPLES.values():
        whole = "\n".join(_text(client, sample.name, file) for file in sample.files)
        assert "CLIENT_SECRET" in whole
        if sample.people:
            for needed in (r"(?i)pkce|code_challenge", r"(?i)logout", r"(?i)accepted|claim \"acr:", r"(?i)error"):
                assert re.search(needed, whole), (sample.name, needed)
