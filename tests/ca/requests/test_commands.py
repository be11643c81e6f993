"""``sau ca``: the same rules at the command line, two people included."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from sqlalchemy import select

from audit.model import AuditEvent
from ca.ceremony.hierarchy import Hierarchy
from ca.command_line import requests as request_commands
from ca.commands import commands
from ca.services import CaServices
from kernel.errors import ServiceError
from tests.ca.csr import make_csr
from tests.ca.ground import PERSON, RUC


class Terminal:
    """A terminal at which one person after another sits."""

    def __init__(self, services: CaServices, monkeypatch: pytest.MonkeyPatch) -> None:
        self.person = "ana"
        self._group: click.Command = commands(lambda: services)[0]
        monkeypatch.setattr(request_commands, "login_name", lambda: self.person)

    def run(self, *arguments: str) -> Result:
        """Run ``sau ca ARGUMENTS``."""
        return CliRunner().invoke(self._group, list(arguments))

    def json(self, *arguments: str) -> dict[str, object]:
        """Run with ``--json`` and return what it printed."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        document: dict[str, object] = json.loads(result.stdout)
        return document

    def refused(self, *arguments: str) -> str:
        """Run and return the code of the error."""
        result = self.run(*arguments)
        assert isinstance(result.exception, ServiceError), result.output
        return result.exception.code


@pytest.fixture
def terminal(services: CaServices, hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of a machine with a hierarchy."""
    return Terminal(services, monkeypatch)


@pytest.fixture
def csr_file(tmp_path: Path) -> str:
    """A request for a server in a file."""
    path = tmp_path / "server.csr"
    path.write_text(make_csr())
    return str(path)


def test_lists_the_hierarchy_root_first(terminal: Terminal) -> None:
    """`sau ca list --json`: an array with name, key and issuer of each authority."""
    listed = terminal.json("list")
    assert [(item["name"], item["issuer"], item["key"]) for item in listed] == [  # type: ignore[index]
        ("root", "root", "EC P-384"),
        ("issuing-1", "root", "EC P-256"),
    ]


def test_prints_the_chain_as_pem(terminal: Terminal, hierarchy: Hierarchy) -> None:
    """`sau ca chain`: issuing authority first, root last, nothing else on stdout."""
    printed = terminal.run("chain").stdout
    assert x509.load_pem_x509_certificates(printed.encode()) == [hierarchy.issuing, hierarchy.root]
    assert x509.load_pem_x509_certificates(terminal.run("chain", "--ca", "root").stdout.encode()) == [hierarchy.root]
    assert terminal.refused("chain", "--ca", "nobody") == "unknown_authority"


def test_shows_the_practice_statement_and_what_is_still_to_be_declared(terminal: Terminal) -> None:
    """`sau ca practices show | open | example`."""
    shown = terminal.json("practices", "show", "--language", "en")
    assert [item["number"] for item in shown][:3] == ["1", "1.1", "1.2"]  # type: ignore[index]
    waiting = terminal.json("practices", "open")
    assert {"number": "5.1.1", "title": "Ubicación y construcción"} in waiting  # type: ignore[operator]
    assert len(waiting) == sum(item["open"] for item in shown)  # type: ignore[arg-type, index, misc]


def test_shows_profiles(terminal: Terminal) -> None:
    """`sau ca profile list | show NAME`."""
    assert [item["name"] for item in terminal.json("profile", "list")] == [  # type: ignore[index]
        "cmp-responder",
        "code-signing",
        "institution-seal",
        "legal-representative-signature",
        "log-signing",
        "natural-person-signature",
        "ocsp-responder",
        "person-authentication",
        "public-servant-signature",
        "time-stamping",
        "tls-client",
        "tls-server",
        "tls-server-acme",
        "tls-server-short",
    ]
    assert terminal.json("profile", "show", "tls-server")["people"] == 2


def test_two_people_make_a_server_certificate(terminal: Terminal, csr_file: str, tmp_path: Path) -> None:
    """request by one login, approve by another, chain in a file that holds leaf and issuer."""
    request = terminal.json("request", "--profile", "tls-server", "--csr", csr_file, "--institution", RUC)
    terminal.person = "luis"
    out = tmp_path / "chain.pem"
    issued = terminal.json("approve", str(request["id"]), "--out", str(out))
    leaf, issuer = x509.load_pem_x509_certificates(out.read_bytes())
    leaf.verify_directly_issued_by(issuer)
    assert issued["serial"] == request["serial"]


def test_nobody_approves_his_own_request_at_the_command_line(terminal: Terminal, csr_file: str) -> None:
    """The actor is the login name; there is no option to be someone else."""
    request = terminal.json("request", "--profile", "tls-server", "--csr", csr_file, "--institution", RUC)
    assert terminal.refused("approve", str(request["id"]), "--yes") == "own_request"


def test_issue_alone_only_where_the_profile_lets_one_person(terminal: Terminal, csr_file: str) -> None:
    """`sau ca issue` is for profiles of one person; a server certificate is refused before anything is stored."""
    arguments = ("issue", "--csr", csr_file, "--institution", RUC, "--profile")
    assert terminal.refused(*arguments, "tls-server") == "two_people_needed"
    issued = terminal.json(*arguments, "tls-client", "--field", "application=Portal de trámites")
    leaf, _ = x509.load_pem_x509_certificates(str(issued["chain"]).encode())
    assert "Portal de trámites" in leaf.subject.rfc4514_string()


def test_approving_shows_what_is_signed_and_asks(terminal: Terminal, csr_file: str) -> None:
    """Without --yes the difference is shown and a question put; saying no changes nothing."""
    request = terminal.json("request", "--profile", "tls-server", "--csr", csr_file, "--institution", RUC)
    terminal.person = "luis"
    result = terminal.run("approve", str(request["id"]))
    assert "Se emitirá" in result.output and "Sign exactly this?" in result.output
    assert result.exit_code == 1
    assert terminal.json("show", str(request["id"]))["status"] == "submitted"


def test_refusing_needs_a_reason_that_is_shown(terminal: Terminal, csr_file: str) -> None:
    """`sau ca refuse ID --reason`: the request leaves the list of those that wait."""
    request = terminal.json("request", "--profile", "tls-server", "--csr", csr_file, "--institution", RUC)
    assert terminal.run("refuse", str(request["id"])).exit_code == 2
    terminal.json("refuse", str(request["id"]), "--reason", "El dominio se cierra en mayo")
    assert terminal.json("show", str(request["id"]))["refusal_reason"] == "El dominio se cierra en mayo"
    assert terminal.json("pending") == []


def test_events_name_the_login(terminal: Terminal, csr_file: str, services: CaServices) -> None:
    """The evidence says who sat there: ``command:LOGIN``."""
    terminal.json("request", "--profile", "tls-server", "--csr", csr_file, "--institution", RUC)
    with services.database.reading() as session:
        actor = session.scalar(select(AuditEvent.actor).where(AuditEvent.type == "ca:request:submitted"))
    assert actor == "command:ana"


def test_a_personal_certificate_is_asked_for_by_cedula(terminal: Terminal, tmp_path: Path) -> None:
    """`--person`: the names come from the register; two people, as for every certificate of a person."""
    path = tmp_path / "maria.csr"
    path.write_text(make_csr(common_name=None, dns=()))
    arguments = ("--profile", "person-authentication", "--csr", str(path), "--person")
    assert terminal.refused("issue", *arguments, PERSON.cedula) == "two_people_needed"
    assert terminal.refused("request", *arguments, "0923456719") == "holder_unknown"
    request = terminal.json("request", *arguments, PERSON.cedula)
    assert f"CN={PERSON.given_names} {PERSON.surnames}" in str(request["subject"])
    terminal.person = "luis"
    assert terminal.json("approve", str(request["id"]))["serial"] == request["serial"]
