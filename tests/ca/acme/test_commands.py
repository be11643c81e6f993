"""``sau acme``: credentials and accounts as the operator handles them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import select

from audit.model import AuditEvent
from ca.acme.model import Credential
from ca.commands import commands
from ca.services import CaServices
from kernel.errors import ServiceError
from kernel.identifiers import b64url_decode
from tests.ca.acme.client import AcmeClient, problem
from tests.ca.ground import OTHER_RUC, RUC


class Program:
    """``sau acme`` with ``--json``."""

    def __init__(self, services: CaServices) -> None:
        [self._group] = [item for item in commands(lambda: services) if item.name == "acme"]

    def invoke(self, *arguments: str) -> Result:
        """Run it."""
        return CliRunner().invoke(self._group, [*arguments, "--json"])

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
def program(services: CaServices, hierarchy: object) -> Program:
    """The program over a hierarchy."""
    return Program(services)


def test_a_credential_is_made_shown_once_and_withdrawn(
    program: Program, http: FlaskClient, services: CaServices
) -> None:
    """Its HMAC key stands nowhere in clear, and its accounts end with it."""
    made = program.run("credential", "add", "--institution", RUC, "--accounts", "2", "--expires", "2027-01-01")
    assert made["directory"] == "http://localhost:8000/acme/directory"
    client = AcmeClient(http)
    assert client.register(client.binding(made["key_id"], made["hmac_key"])).status_code == 201
    [shown] = program.run("credential", "list", "--institution", RUC)
    assert (shown["key_id"], shown["accounts"], shown["accounts_left"]) == (made["key_id"], 1, 1)
    assert "hmac_key" not in shown and made["hmac_key"] not in json.dumps(shown)
    [account] = program.run("account", "list")
    assert (account["institution_ruc"], account["status"], account["certificates"]) == (RUC, "valid", 0)
    assert program.run("credential", "revoke", made["key_id"]) == {"key_id": made["key_id"], "accounts_closed": 1}
    assert program.fails("credential", "revoke", made["key_id"]) == "acme_credential_revoked"
    assert problem(client.post(client.account)) == (401, "unauthorized")
    with services.database.reading() as session:
        leaves = b"".join(session.scalars(select(AuditEvent.leaf)))
        [sealed] = session.scalars(select(Credential.key_sealed))
    assert made["hmac_key"].encode() not in leaves
    assert b64url_decode(made["hmac_key"]) not in sealed


def test_an_account_is_closed_by_hand(program: Program, http: FlaskClient) -> None:
    """A stolen machine's account ends; the others of its credential stay."""
    made = program.run("credential", "add", "--institution", RUC, "--accounts", "2")
    first, second = AcmeClient(http), AcmeClient(http)
    for client in (first, second):
        client.register(client.binding(made["key_id"], made["hmac_key"]))
    assert program.run("account", "close", first.account[-26:])["status"] == "revoked"
    assert problem(first.post(first.account)) == (401, "unauthorized")
    assert second.post(second.account).status_code == 200


def test_what_is_asked_for_is_checked(program: Program) -> None:
    """Who it is for, which domains, until when; a dry run makes nothing."""
    assert program.fails("credential", "add", "--institution", "0000000000001") == "unknown_institution"
    assert program.fails("credential", "add", "--institution", RUC, "--domain", "gob.ec") == "name_public_suffix"
    assert program.fails("credential", "add", "--institution", RUC, "--expires", "2020-01-01") == "bad_acme_credential"
    assert program.run("credential", "add", "--institution", OTHER_RUC, "--dry-run")["made"] is False
    assert program.run("credential", "list") == []
    assert program.fails("credential", "revoke", "0" * 26) == "unknown_acme_credential"
