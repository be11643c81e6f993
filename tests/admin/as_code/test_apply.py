"""``sau config apply``."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import delete, select, update

import operations.configuration_commands
from admin.as_code.configuration import read_configuration
from admin.as_code.yaml_text import read_yaml
from admin.model import RoleAssignment
from admin.permissions import Role
from admin.roles import grant_role
from audit.event import Event
from audit.model import AuditEvent
from audit.vocabulary import EventType, Outcome
from idp.clients.client_secret import is_valid_secret
from idp.clients.model import (
    ClientChangeRow,
    ClientOriginRow,
    ClientRow,
    ClientSecretRow,
    EventAuthorizationRow,
)
from idp.directory.model import InstitutionRow
from idp.rights.model import PermissionRow, RightsDeclarationRow, RoleOfferRow, RoleRow
from kernel.errors import Denied, Rejected, ServiceError
from kernel.identifiers import new_id
from tests.admin.as_code.conftest import RUC

_GIVEN = "s3cret-of-another-house-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def write(tmp_path):
    """Write the configuration into a file and return its name."""

    def to(text: str) -> str:
        (tmp_path / "sau.yaml").write_text(text, "utf-8")
        return str(tmp_path / "sau.yaml")

    return to


@pytest.fixture
def events(database):
    """Return the types of the records, and how each ended."""

    def read() -> list[tuple[str, str]]:
        with database.reading() as session:
            return [
                tuple(row)
                for row in session.execute(select(AuditEvent.type, AuditEvent.outcome).order_by(AuditEvent.id))
            ]

    return read


def _empty(database) -> None:
    """Let the register be that of a new service, but for the people."""
    with database.engine.begin() as connection:
        for row in (
            RoleOfferRow,
            RoleRow,
            PermissionRow,
            RightsDeclarationRow,
            ClientChangeRow,
            ClientOriginRow,
            ClientSecretRow,
            EventAuthorizationRow,
            ClientRow,
            InstitutionRow,
            RoleAssignment,
        ):
            connection.execute(delete(row))


def _refused(run, *arguments: str) -> str:
    result = run("apply", *arguments, status=1)
    assert isinstance(result.exception, ServiceError)
    return str(result.exception)


def test_an_export_makes_the_same_service_elsewhere(
    filled, run, write, database, events, monkeypatch, tmp_path
) -> None:
    """Export, apply to an empty service, export: the same. A second time changes nothing, and nothing is on record."""
    text = run("export").output
    _empty(database)
    file = write(text)
    assert "client_secret: there is nothing to keep" in _refused(run, file)
    assert run("export").output.splitlines()[1:] == [
        "version: 1",
        "institutions: {}",
        "applications: {}",
        "rights: {}",
        "console_roles: {}",
        "directories: {}",
        "providers: {}",
    ]
    monkeypatch.setenv("CLIENT_SECRET", _GIVEN)
    (tmp_path / "receiver").write_text("Bearer one-that-nobody-reads\n", "utf-8")
    portal = text.index("\n  portal:")
    moved = text[:portal].replace("client_secret: kept", "client_secret: new") + text[portal:].replace(
        "client_secret: kept", "client_secret: {environment: CLIENT_SECRET}"
    ).replace("event_delivery_authorization: kept", "event_delivery_authorization: {file: receiver}")
    tried = json.loads(run("apply", write(moved), "--dry-run", "--json").output)
    assert run("export").output.splitlines()[1] == "version: 1" and "institutions: {}" in run("export").output
    done = json.loads(run("apply", file, "--json").output)
    assert done == {**tried, "dry_run": False} and done["changed"]
    assert run("export").output == text
    with database.reading() as session:
        assert is_valid_secret(
            session, client_id="portal", presented=_GIVEN, now=session.scalar(select(ClientRow.created_at).limit(1))
        )
    before = events()
    assert before[-1] == ("admin:configuration:applied", "success")
    versions = _versions(database)
    for again in (file, write(text)):
        assert "Nothing changes." in run("apply", again, "--prune").output
    assert events() == before and _versions(database) == versions
    shown = json.dumps(done) + json.dumps(tried)
    assert _GIVEN not in shown and "one-that-nobody-reads" not in shown


def _versions(database) -> list[tuple[str, int]]:
    with database.reading() as session:
        return sorted(tuple(row) for row in session.execute(select(ClientRow.client_id, ClientRow.version)))


def test_each_field_that_changes_is_shown_and_the_rest_stays(filled, run, write, monkeypatch) -> None:
    """`+ - ~`; in colours on a terminal alone, and not where NO_COLOR says no."""
    digest = json.loads(run("export", "--json").output)["digest"]
    text = f"""\
version: 1
institutions:
  {RUC}:
    name: Salud y más
    domains: [salud.example, citas.salud.example]
    networks: []
    contact_email: null
applications:
  portal: {{client_name: El portal, contacts: null, environment: sandbox, institution: null}}
  '0123': {{active: false}}
rights:
  portal:
    roles:
      chief: {{es: Jefatura, en: Chief, permissions: ['record:read'], max_days: 30}}
"""
    lines = run("apply", write(text), "--dry-run", "--expect", digest).output.splitlines()
    assert lines[-1].endswith("(a dry run: none was made).")
    for line in (
        f'~ institutions.{RUC}.name: "Salud" -> "Salud y más"',
        f'~ institutions.{RUC}.contact_email: "tic@salud.example" -> null',
        '~ applications.portal.environment: "production" -> "sandbox"',
        f'~ applications.portal.institution: "{RUC}" -> null',
        '- applications.portal.contacts: ["tic@salud.example"]',
        "~ applications.0123.active: true -> false",
        "+ rights.portal.roles.chief.max_days: 30",
    ):
        assert line in lines, lines
    assert not [line for line in lines if "reader" in line or "fichas" in line]
    assert json.loads(run("export", "--json").output)["digest"] == digest
    monkeypatch.setattr(operations.configuration_commands, "may_be_coloured", lambda: True)
    coloured = run("apply", write(text), color=True).output
    assert "\x1b[33m~ applications.0123.active" in coloured and "\x1b[32m+ " in coloured and "\x1b[31m- " in coloured
    assert run("apply", write(text)).output == "Nothing changes.\n"
    assert digest[:8] not in (after := _refused(run, write(text), "--expect", digest)).partition("digest")[0]
    assert after.startswith("configuration_changed")


_UNREADABLE = {
    "release": ("version: 2\n", "line 1, version: this release reads version 1"),
    "section": ("version: 1\ninstituciones: {}\n", "line 2, instituciones: there is no such section"),
    "directories": ("version: 1\ndirectories:\n  x: {port: 1}\n", "line 3, directories.x.port: there is nothing of"),
    "providers": ("version: 1\nproviders:\n  x: {level: '1'}\n", "line 3, providers.x.level: a whole number"),
    "member": ("version: 1\napplications:\n  portal:\n    nam: X\n", "line 4, applications.portal.nam: there is no"),
    "twice": ("version: 1\napplications:\n  portal: {}\n  portal: {}\n", "line 4: applications.portal stands there"),
    "alias": ("version: 1\na: &a {}\n", "line 2: write it out"),
    "tag": ("version: 1\na: !!python/none x\n", "line 2: "),
    "tabulator": ("version: 1\n\tx", "line 2: "),
    "nothing": ("", "line 1: a configuration begins with version: 1"),
    "kind": ("version: 1\ninstitutions:\n  x: {active: 1}\n", "line 3, institutions.x.active: true or false"),
    "secret": ("version: 1\napplications:\n  x: {client_secret: hunter2}\n", "file or environment, and a name"),
    "no-secret": ("version: 1\napplications:\n  x: {client_secret: {file: no}}\n", "there is nothing to read at no"),
}
_IMPOSSIBLE = (
    ("applications:\n  portal: {redirect_uris: ['http://x.example/']}\n", "line 5, applications.portal: The address"),
    ("applications:\n  portal: {scope: openid other}\n", "line 5, applications.portal: No API in resources has the"),
    ("applications:\n  new: {client_name: 3}\n", "line 5, applications.new.client_name: 1 to 100 characters"),
    ("applications:\n  '0123': {client_secret: kept}\n", "line 5, applications.0123.client_secret: it does not"),
    ("applications:\n  '0123': {environment: test}\n", "line 5, applications.0123.environment: one of sandbox"),
    ("rights:\n  nobody: {roles: {}}\n", "line 5, rights.nobody: there is no such application"),
    ("rights:\n  portal: {roles: {x: {es: X}}}\n", "x has words in es and en"),
    ("console_roles:\n  nobody: {auditor: all}\n", "line 5, console_roles.nobody: "),
)


@pytest.mark.parametrize(("text", "said"), _UNREADABLE.values(), ids=_UNREADABLE)
def test_a_file_that_is_not_as_it_must_be_is_told_by_its_line(text, said, tmp_path) -> None:
    """Unknown names, and what a loader would take for something else; what may be a secret is not repeated."""
    with pytest.raises(Rejected) as refused:
        read_configuration(text, folder=tmp_path)
    assert said in refused.value.public_detail and "hunter2" not in refused.value.public_detail


def test_numbers_and_words_stay_what_they_look_like() -> None:
    """YAML 1.1 makes an octal number, false, and seconds of these."""
    read, _ = read_yaml("{a: 0160001550001, b: no, c: 12:30:00, d: 2024-01-01, e: 3, f: 1.5, g: ~, h: 'null'}")
    assert read == {
        "a": "0160001550001",
        "b": "no",
        "c": "12:30:00",
        "d": "2024-01-01",
        "e": 3,
        "f": 1.5,
        "g": None,
        "h": "null",
    }


def test_a_file_that_cannot_be_changes_nothing_and_says_where(filled, run, write, events) -> None:
    """What stands before it in the file is not done either; the refusal is on record."""
    before, recorded = run("export").output, events()
    for part, said in _IMPOSSIBLE:
        assert said in _refused(run, write(f"version: 1\ninstitutions:\n  '0190000000001': {{name: Otra}}\n{part}"))
    assert run("export").output == before
    assert events()[len(recorded) :] == [("admin:configuration:applied", "refused")] * len(_IMPOSSIBLE)


def test_what_is_refused_on_record_leaves_nothing_of_the_file(
    filled, run, write, events, composition, monkeypatch
) -> None:
    """Its own event is gone with the rest; one says that the file was refused."""

    def denied(session, *, journal, **_):
        event = Event(type=EventType.RIGHTS_DECLARED, outcome=Outcome.REFUSED, reason="own_role", actor="command")
        journal.refuse(session, event, Denied("No.", code="own_role"), now=composition.clock.now())

    monkeypatch.setattr("admin.as_code.rights.declare_rights", denied)
    before, recorded = run("export").output, len(events())
    text = f"version: 1\ninstitutions:\n  {RUC}: {{name: Otro}}\nrights:\n  portal: {{institutions: all}}\n"
    assert "line 5, rights.portal: No." in _refused(run, write(text), "--dry-run")
    assert len(events()) == recorded
    assert "line 5, rights.portal: No." in _refused(run, write(text))
    assert run("export").output == before
    assert events()[recorded:] == [("admin:configuration:applied", "refused")]


def test_pruning_closes_and_deletes_nothing(filled, run, write, exported) -> None:
    """A section that the file does not have is left alone; the last administrator stays."""
    before = exported()
    people = sorted(before["console_roles"], key=lambda each: len(before["console_roles"][each]))
    text = """\
version: 1
institutions: {}
applications:
  portal: {}
rights:
  portal:
    roles:
      reader: {}
"""
    run("apply", write(text))
    assert exported() == before
    run("apply", write(text), "--prune")
    after = exported()
    assert [each["active"] for each in after["institutions"].values()] == [False]
    assert {name: each["active"] for name, each in after["applications"].items()} == {
        "0123": False,
        "fichas": False,
        "portal": True,
    }
    assert after["rights"]["portal"]["roles"] == {
        "reader": {**before["rights"]["portal"]["roles"]["reader"], "excludes": []}
    }
    assert after["rights"]["portal"]["permissions"] == before["rights"]["portal"]["permissions"]
    assert after["console_roles"] == before["console_roles"]
    assert run("apply", write(text), "--prune").output == "Nothing changes.\n"
    kept = f"version: 1\nconsole_roles:\n  {people[1]}: {{auditor: all, registration_officer: null}}\n"
    assert "last_administrator" in _refused(run, write(kept), "--prune")
    run("apply", write(kept))
    assert exported()["console_roles"][people[1]] == {"auditor": "all"}
    run("apply", write("version: 1\nrights: {}\n"), "--prune")
    assert exported()["rights"] == {}


def test_a_secret_from_elsewhere_takes_its_place_beside_the_old_one(
    filled, run, write, database, clock, monkeypatch
) -> None:
    """As a rotation does; shown is that it changed. One too short to be a secret is refused."""
    text = "version: 1\napplications:\n  portal: {client_secret: {environment: CLIENT_SECRET}}\n"
    monkeypatch.setenv("CLIENT_SECRET", "short")
    assert "bad_client_secret" in _refused(run, write(text))
    monkeypatch.setenv("CLIENT_SECRET", _GIVEN)
    assert run("apply", write(text)).output == '~ applications.portal.client_secret: "…" -> "…"\n1 change.\n'
    assert run("apply", write(text)).output == "Nothing changes.\n"
    with database.reading() as session:
        for secret in (filled, _GIVEN):
            assert is_valid_secret(session, client_id="portal", presented=secret, now=clock.now())


def test_no_file_changes_an_application_that_looks_after_itself(filled, run, write, database) -> None:
    """RFC 7592: its registration is its own; pruning passes it by as well."""
    with database.engine.begin() as connection:
        connection.execute(update(ClientRow).where(ClientRow.client_id == "0123").values(registered_with="01J"))
    text = "version: 1\napplications:\n  '0123': {client_name: X}\n"
    assert "line 3, applications.0123: it registered itself" in _refused(run, write(text))
    assert "0123" not in run("apply", write("version: 1\napplications: {portal: {}}\n"), "--prune").output


def test_the_first_administrator_need_not_have_enrolled(composition, run, write) -> None:
    """He holds his role from the beginning, by an identifier that has no account yet: his own export applies."""
    with composition.database.transaction() as session:
        invited = new_id()
        grant_role(
            session,
            journal=composition.journal,
            person_id=invited,
            role=Role.ADMINISTRATOR,
            actor="command",
            now=composition.clock.now(),
        )
    text = run("export").output
    assert invited in text
    name = write(text)
    assert "Nothing changes." in run("apply", name).output
    assert "There is no such person" in _refused(run, write(text.replace(invited, new_id())))
