"""How an application is used, and how it ends: counts without anybody in them, what stops said before."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import event

from admin.applications.commands import client_commands
from admin.applications.usage import last_errors, usage_by_day
from admin.hour_counts import count_hours
from admin.permissions import Role
from audit.event import Event
from audit.vocabulary import EventType, Outcome
from composition import Composition
from idp.accounts.person import Person
from idp.clients.client import find_client
from idp.clients.environment import Environment
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from kernel.errors import NotFound
from tests.admin.conftest import Events, MakeOperator, MakePerson
from tests.admin.test_application_changes import live


def test_use_and_errors_are_counted_by_day_and_told_in_words(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """By the hour, once; in a sandbox the last hour too; the last errors say what to do; nobody is in it."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client = live(composition, clock, institution, environment=Environment.SANDBOX)
    other = live(composition, clock, institution)
    usage = f"/admin/applications/{client.client_id}/usage"
    assert "Nadie la usó" in developer.get(usage).text
    for _ in range(3):
        _happened(composition, clock, client.client_id, EventType.TOKEN_ISSUED, subject="rosa-quishpe")
    _happened(composition, clock, client.client_id, EventType.TOKEN_REFRESHED)
    _happened(composition, clock, client.client_id, EventType.AUTHORIZATION_REFUSED, reason="invalid_redirect_uri")
    _happened(composition, clock, other.client_id, EventType.TOKEN_ISSUED)
    page = developer.get(usage).text
    assert "3 ingresos, 1 errores" in page
    assert "letra por letra" in page
    assert "rosa-quishpe" not in page
    clock.advance(timedelta(hours=2))
    with composition.database.transaction() as session:
        while count_hours(session, now=clock.now()):
            pass
        today = usage_by_day(session, client.client_id, now=clock.now())
        theirs = usage_by_day(session, other.client_id, now=clock.now())
    assert sum(day.issued for day in today) == 3
    assert sum(day.refreshed for day in today) == 1
    assert [dict(day.refused) for day in today if day.refused] == [{"invalid_redirect_uri": 1}]
    assert sum(day.issued + day.failures for day in theirs) == 1
    developer = make_operator(Role.APPLICATION_DEVELOPER)  # the other's session ran out
    assert "3 ingresos, 1 errores" in developer.get(usage).text
    told = _by_command(composition, "usage", client.client_id, "--days", "2")
    assert [(each["issued"], each["refreshed"], each["refused"]) for each in told if each["issued"]] == [
        (3, 1, {"invalid_redirect_uri": 1})
    ]
    assert [each["reason"] for each in _by_command(composition, "errors", client.client_id)] == ["invalid_redirect_uri"]
    with pytest.raises(NotFound):
        _by_command(composition, "usage", "nobody")
    table = developer.get(f"{usage}.csv").text
    assert '"issued","3"' in table
    assert '"invalid_redirect_uri","1"' in table


def _by_command(composition: Composition, name: str, *arguments: str) -> Any:
    """Run ``sau client usage`` or ``errors`` and return what it prints."""
    command = next(each for each in client_commands(lambda: composition.idp) if each.name == name)
    told = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_last_errors_are_found_without_reading_what_went_well(
    institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """The index that has errors alone answers: an application may have a hundred million logins."""
    asked: list[tuple[str, object]] = []
    with composition.database.transaction() as session:
        engine = session.get_bind().engine

        def hear(_c: object, _u: object, statement: str, parameters: object, *_more: object) -> None:
            asked.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", hear)
        try:
            last_errors(session, "c", now=clock.now())
        finally:
            event.remove(engine, "before_cursor_execute", hear)
        plan = " ".join(
            str(row[-1])
            for statement, parameters in asked
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        )
    assert "ix_audit_event_client_failed" in plan


def test_what_stops_is_said_before_and_only_who_closed_it_or_the_provider_opens_it(
    make_operator: MakeOperator,
    make_person: MakePerson,
    institution: Institution,
    composition: Composition,
    clock: ManualClock,
    events: Events,
) -> None:
    """Counts alone; one person disables, in production too."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    other = make_operator(Role.APPLICATION_DEVELOPER, name="Otto")
    provider = make_operator(Role.PROVIDER_ADMINISTRATOR, name="Berta")
    client = live(composition, clock, institution)
    close = f"/admin/applications/{client.client_id}/close"
    people: list[Person] = [make_person("Rosa"), make_person("Luis")]
    for person in (*people, people[0]):
        _happened(composition, clock, client.client_id, EventType.TOKEN_ISSUED, subject=person.id)
    page = developer.get(close).text
    assert "últimos 30 días: 2." in page
    assert "Rosa" not in page
    assert "quitarla para siempre" not in page
    assert developer.post(close, {"act": "remove"}).status_code == 422
    assert developer.post(close, {"act": "disable"}).status_code == 303
    assert "la reabre ella, o el proveedor" in other.get(close).text
    assert other.post(close, {"act": "enable"}, page="/admin/applications/new").status_code == 422
    assert developer.post(close, {"act": "enable"}).status_code == 303
    assert developer.post(close, {"act": "disable"}).status_code == 303
    assert provider.post(close, {"act": "enable"}).status_code == 303
    with composition.database.reading() as session:
        assert find_client(session, client.client_id).active
    told = [
        (each.type, each.outcome) for each in events() if each.type in ("idp:client:disabled", "idp:client:enabled")
    ]
    assert told.count(("idp:client:disabled", "success")) == 2
    assert told.count(("idp:client:enabled", "success")) == 2
    assert told.count(("idp:client:enabled", "refused")) == 1


def test_an_application_of_a_sandbox_is_removed_for_good(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """It is no longer listed; its history stays; nobody opens it again."""
    developer = make_operator(Role.APPLICATION_DEVELOPER)
    client = live(composition, clock, institution, environment=Environment.SANDBOX)
    close = f"/admin/applications/{client.client_id}/close"
    assert developer.post(close, {"act": "remove"}).status_code == 303
    assert client.client_id not in developer.get("/admin/applications").text
    assert "Se quitó" in developer.get(f"/admin/applications/{client.client_id}/history").text
    again = developer.post(close, {"act": "remove"}, page="/admin/applications/new")
    assert "Se quitó para siempre" in again.text


def _happened(
    composition: Composition,
    clock: ManualClock,
    client_id: str,
    kind: EventType,
    *,
    reason: str | None = None,
    subject: str | None = None,
) -> None:
    clock.advance(timedelta(seconds=1))
    outcome = Outcome.REFUSED if reason else Outcome.SUCCESS
    with composition.database.transaction() as session:
        happened = Event(type=kind, outcome=outcome, reason=reason, client_id=client_id, subject=subject)
        composition.journal.record(session, happened, now=clock.now())
