"""Directories and providers from a file: described like anything else there, their secrets named and never written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import admin.as_code.apply
from admin.permissions import Role
from admin.roles import grant_role
from audit.search import EventFilter, search_events
from composition import Composition
from idp.broker.provider import Discovered, Endpoints
from idp.broker.register import find_provider
from idp.directories.register import find_directory_named
from kernel.clock import ManualClock
from tests.admin.as_code.conftest import RUC, Run
from tests.admin.conftest import MakePerson

Exported = Callable[[], dict[str, object]]
PASSWORD = "laguna-cuaderno-58"
ISSUER = "https://sso.salud.example/realms/gente"
DIRECTORY = f"""\
version: 1
directories:
  salud:
    institution: '{RUC}'
    domains: [salud.example]
    servers: ['ldaps://ldap1.salud.example', 'ldaps://ldap2.salud.example']
    search_base: dc=salud,dc=example
    attributes: {{mail: mail}}
    bind_dn: cn=sau,dc=salud,dc=example
    bind_password: {{environment: SALUD_PASSWORD}}
    level: 2
"""
PROVIDER = f"""\
version: 1
providers:
  salud:
    institution: '{RUC}'
    issuer: {ISSUER}
    client_id: sau
    client_secret: {{environment: SALUD_PASSWORD}}
    domains: [salud.example]
    cedula_claim: cedula
    strengths: {{mfa: 2fa}}
"""


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch, filled: str) -> None:
    """Where the file says that the secret stands; and a provider that answers."""
    monkeypatch.setenv("SALUD_PASSWORD", PASSWORD)
    places = (f"{ISSUER}/{each}" for each in ("auth", "token", "jwks"))
    found = Discovered(issuer=ISSUER, endpoints=Endpoints(*places), algorithms=("ES256",), names_itself=True)
    monkeypatch.setattr(admin.as_code.apply, "discover", lambda _services, _issuer: found)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Write a file and return where."""

    def put(text: str) -> str:
        (tmp_path / "sau.yaml").write_text(text)
        return str(tmp_path / "sau.yaml")

    return put


@pytest.mark.parametrize("text", [DIRECTORY, PROVIDER], ids=["directory", "provider"])
def test_it_is_added_exported_without_its_secret_changed_and_closed(
    run: Run, write: Callable[[str], str], exported: Exported, text: str, composition: Composition
) -> None:
    """The second time nothing changes; an export applies as it is; what it leaves out is closed only by --prune."""
    section, member = ("directories", "bind_password") if text is DIRECTORY else ("providers", "client_secret")
    rehearsed = run("apply", write(text), "--dry-run").output
    assert f'+ {section}.salud.{member}: "kept"' in rehearsed
    assert PASSWORD not in rehearsed
    assert exported()[section] == {}
    run("apply", write(text))
    assert run("apply", write(text)).output == "Nothing changes.\n"
    whole = run("export").output
    assert PASSWORD not in whole
    assert run("apply", write(whole)).output == "Nothing changes.\n"
    changed = run("apply", write(text.replace("domains: [salud.example]", "domains: [salud.example]\n    level: 1")
                                 if text is PROVIDER else text.replace("level: 2", "level: 1"))).output  # fmt: skip
    assert changed.splitlines()[-1] in ("1 change.", "Nothing changes.")
    with composition.database.reading() as session:
        held = (
            find_directory_named(session, services=composition.idp, name="salud").password
            if text is DIRECTORY
            else find_provider(session, services=composition.idp, name="salud").secret
        )
    assert held.reveal() == PASSWORD
    closed = run("apply", write(f"version: 1\n{section}: {{}}\n"), "--prune").output
    assert f"~ {section}.salud.active: true -> false" in closed
    again = run("apply", write(f"version: 1\n{section}:\n  salud: {{active: true}}\n")).output
    assert again == f"~ {section}.salud.active: false -> true\n1 change.\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_groups_are_worth_stands_in_the_file(
    run: Run, write: Callable[[str], str], exported: Exported, composition: Composition
) -> None:
    """All of it, where the member is there; the second time nothing changes; what cannot be says where it stands."""
    for text, section, group in (
        (DIRECTORY, "directories", "cn=caja,dc=salud,dc=example"),
        (PROVIDER, "providers", "Caja/Quito"),
    ):
        both = f"{text}    groups:\n      '{group}': [portal/reader, portal/writer]\n"
        told = run("apply", write(both)).output
        assert f"{section}.salud" in told
        assert exported()[section]["salud"]["groups"] == {group: ["portal/reader", "portal/writer"]}  # type: ignore[index]
        assert run("apply", write(both)).output == "Nothing changes.\n"
        assert run("apply", write(run("export").output)).output == "Nothing changes.\n"
        assert run("apply", write(text)).output == "Nothing changes.\n", "without the member they stay"
        assert run("apply", write(both.replace(", portal/writer", ""))).output.splitlines()[-1] == "1 change."
        for wrong, said in (("portal/nobody", "no role of this name"), ("reader", "CLIENT_ID/role")):
            error = run("apply", write(both.replace("portal/writer", wrong)), status=1).exception
            detail = getattr(error, "public_detail", "") or ""
            assert detail.startswith("line ") and said in detail, detail
        run("apply", write(f"{text}    groups: {{}}\n"))
        assert "groups" not in exported()[section]["salud"]  # type: ignore[index]


def test_another_secret_is_told_as_one_and_not_shown(
    run: Run, write: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two exports look the same: the difference says so by itself."""
    for text, path in ((DIRECTORY, "directories.salud.bind_password"), (PROVIDER, "providers.salud.client_secret")):
        run("apply", write(text))
        monkeypatch.setenv("SALUD_PASSWORD", f"{PASSWORD}-otra")
        assert run("apply", write(text)).output.splitlines() == [f'~ {path}: "…" -> "…"', "1 change."]
        monkeypatch.setenv("SALUD_PASSWORD", PASSWORD)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DIRECTORY.replace("{environment: SALUD_PASSWORD}", "kept"), "there is nothing to keep"),
        (DIRECTORY.replace("{environment: SALUD_PASSWORD}", PASSWORD), "file or environment, and a name"),
        (DIRECTORY.replace("level: 2", "level: dos"), "a whole number"),
        (DIRECTORY.replace("level: 2", "level: 7"), "level 1 or 2"),
        (DIRECTORY.replace("salud.example]", "otro.example]"), "no domain of this institution"),
        (PROVIDER.replace("{environment: SALUD_PASSWORD}", "new"), "file or environment, and a name"),
        (PROVIDER.replace("    client_id: sau\n", ""), "client_id: a new provider has one"),
    ],
)
def test_what_cannot_be_is_told_by_its_place(run: Run, write: Callable[[str], str], text: str, said: str) -> None:
    """And nothing of the file is done."""
    error = run("apply", write(text), status=1).exception
    detail = getattr(error, "public_detail", "") or ""
    assert detail.startswith("line "), detail
    assert said in detail
    assert PASSWORD not in detail


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_kept_password_is_not_sent_elsewhere_by_a_file_either(run: Run, write: Callable[[str], str]) -> None:
    """CVE-2024-5967 (Keycloak): who may write the file reads the searcher's password by pointing it at himself."""
    run("apply", write(DIRECTORY))
    moved = DIRECTORY.replace("ldap1.salud", "evil").replace("{environment: SALUD_PASSWORD}", "kept")
    error = run("apply", write(moved), status=1).exception
    assert getattr(error, "code", "") == "password_again"


def test_the_sandbox_is_left_with_a_second_person(
    run: Run,
    write: Callable[[str], str],
    exported: Exported,
    composition: Composition,
    clock: ManualClock,
    make_person: MakePerson,
) -> None:
    """Refused without an account that may approve it; with one, it is on record who agreed."""
    approver, other = make_person("Inés"), make_person("Raúl")
    with composition.database.transaction() as session:
        for person, role in ((approver, Role.ADMINISTRATOR), (other, Role.AUDITOR)):
            grant_role(
                session,
                journal=composition.journal,
                person_id=person.id,
                role=role,
                institution_ruc=None,
                actor="command",
                now=clock.now(),
            )
    text = "version: 1\napplications:\n  '0123': {environment: production}\n"
    refused = run("apply", write(text), status=1).exception
    assert "by a second person" in (getattr(refused, "public_detail", "") or "")
    denied = run("apply", write(text), "--approved-by", other.id, status=1).exception
    assert getattr(denied, "code", "") == "missing_permission"
    assert run("apply", write(text), "--approved-by", approver.id).output.splitlines() == [
        '~ applications.0123.environment: "sandbox" -> "production"',
        "1 change.",
    ]
    with composition.database.reading() as session:
        filters = EventFilter(type="admin:configuration:applied", outcome="success")
        (event, *_) = search_events(session, filters=filters).events
    assert event.details["approved_by"] == approver.id
    assert json.dumps(exported()["applications"]["0123"]["environment"]) == '"production"'  # type: ignore[index]
