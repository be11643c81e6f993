"""The look from outside: a page of the console and a command."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from admin.permissions import Role
from admin.web.developer.doctor import _NAMES, _SAID
from composition import Composition
from idp.developer.advice import ADVICE
from idp.developer.commands import relying_party_commands
from idp.developer.doctor import Finding, Patient, Result
from tests.admin.conftest import Events, MakeOperator
from tests.admin.test_inspector import _application


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_developer_looks_at_his_own_application(
    composition: Composition,
    make_operator: MakeOperator,
    institution,
    events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At what it registered and nothing else, on record, and not without end."""
    asked: list[Patient] = []

    def examined(_outgoing: object, patient: Patient, **_more: object) -> list[Finding]:
        asked.append(patient)
        return [Finding("reach", Result.PASSED), Finding("backchannel", Result.FAILED, "takes_unsigned", "200")]

    monkeypatch.setattr("admin.web.developer.doctor.examine", examined)
    client_id = _application(composition, institution.id)
    operator = make_operator(Role.APPLICATION_DEVELOPER, institution_ruc=institution.ruc)
    page = f"/admin/developer/{client_id}/doctor"
    assert "https://portal.example/cb" in operator.get(page).text
    shown = operator.post(page, {"url": "https://elsewhere.example/"}).text
    assert "Acepta un aviso que nadie firmó" in shown
    assert "Hay algo que corregir" in shown
    assert [(each.home, each.callback) for each in asked] == [("https://portal.example/", "https://portal.example/cb")]
    last = events()[-1]
    assert (last.type, last.client_id) == ("admin:application:examined", client_id)
    assert make_operator(Role.AUDITOR).get(page).status_code == 403


def test_each_finding_has_words() -> None:
    """Every check and every way that it ends, as the rules name them."""
    assert {each.partition(":")[0] for each in _SAID} == set(_NAMES)
    assert {each for each in _SAID if ":" in each} == set(ADVICE)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_ends_as_the_checks_do(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 with warnings, 1 with a failure, 2 for what is no address; JSON for programs."""
    results = [Result.WARNED, Result.FAILED]

    def examined(_outgoing: object, patient: Patient, **_more: object) -> list[Finding]:
        return [Finding("hsts", results.pop(0), "absent", patient.callback)]

    monkeypatch.setattr("idp.developer.commands.examine", examined)
    client_id = _application(composition, None)
    run = CliRunner().invoke
    group = relying_party_commands(lambda: composition.idp)
    assert run(group, ["doctor", "https://portal.example/"]).exit_code == 0
    failed = run(group, ["doctor", "https://portal.example/", "--client-id", client_id, "--json"])
    assert failed.exit_code == 1
    assert json.loads(failed.stdout) == [
        {
            "check": "hsts",
            "result": "failed",
            "why": "absent",
            "detail": "https://portal.example/cb",
            "advice": "Send Strict-Transport-Security.",
        }
    ]
    assert run(group, ["doctor", "portal"]).exit_code == 2
