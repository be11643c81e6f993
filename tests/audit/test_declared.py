"""Nothing that authenticates or changes state is without its event: the routes and commands as they really are."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from flask import Flask
from sqlalchemy import text

import sau
from audit.declared import ENDPOINTS, EVERYWHERE, QUIET_ENDPOINTS, console, declared_events
from audit.declared.bookkeeping import BOOKKEEPING
from audit.declared.commands import COMMANDS, QUIET_COMMANDS
from audit.declared.jobs import JOBS, QUIET_JOBS
from audit.event import Event
from audit.vocabulary import EventType
from composition import Composition
from kernel.database import Base
from operations.background import background_worker
from tests import recorded
from tests.architecture.source import ROOT, modules
from wsgi import create_app

SAY = "say in audit/declared which events it writes, or name it among the quiet ones"
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
# Shown to people who would change something, and changing nothing itself.
_ASKED_BY_FORM = {
    "admin_applications.fetch_keys": "asks the application's own server for its public keys, and changes nothing",
    "admin_api.preview_mass_revocation": "shows what one would mean",
    "admin_api.review_declaration": "shows what a declaration would change",
    "admin_developer.inspect": "reads what was pasted, and keeps nothing",
    "admin_ceremonies.compare": "tells whether a file is the minutes, and keeps nothing",
    "admin_session.stay": "says that somebody still reads, as opening a page does",
    "est.no_foreign_keys": "always refused",
    "admin_rights.review_declaration": "shows what a text would change",
    "idp_protocol.preflight": "a browser asks before a script may",
    "acme_accounts.orders": "read by a signed POST (RFC 8555 §6.3)",
    "acme_orders.certificate": "read by a signed POST",
    "acme_orders.challenge": "asks for the proof; the job that makes it writes the event",
    "login.cancel": "back to the application, which is told so by an event there",
    "login.restart": "another form of the same login",
    "pki_status.ocsp_by_post": "a public question",
}


@pytest.fixture
def app(composition: Composition) -> Flask:
    """The application of all roles."""
    return create_app(composition)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_address_says_which_events_it_writes(app: Flask) -> None:
    """Deny by default: an endpoint that is not declared fails here."""
    real = {rule.endpoint for rule in app.url_map.iter_rules()}
    declared = {*ENDPOINTS, *QUIET_ENDPOINTS}
    assert sorted(real - declared) == [], SAY
    assert sorted(declared - real) == [], "no such address"
    assert set(ENDPOINTS) & QUIET_ENDPOINTS == set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_short_way_is_that_of_a_declared_address(app: Flask) -> None:
    """What is answered before Flask is the same act under the same name."""
    ways = app.short_ways  # type: ignore[attr-defined]
    names = {way.endpoint for way in ways._ways.values()} | {
        way.endpoint for below in ways._below.values() for _, _, way in below
    }
    assert names
    assert names <= {*ENDPOINTS, *QUIET_ENDPOINTS}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whatever_takes_a_form_has_an_event_or_a_reason(app: Flask) -> None:
    """An unsafe method without an event is named with why."""
    without = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if _UNSAFE & set(rule.methods or ()) and rule.endpoint not in ENDPOINTS
    }
    assert sorted(without - set(_ASKED_BY_FORM)) == []


def test_every_command_says_which_events_it_writes() -> None:
    """The tree of ``sau`` as it really is."""
    real = set(_commands(sau.every_command(), ()))
    assert sorted(real - {*COMMANDS, *QUIET_COMMANDS}) == [], SAY
    assert sorted({*COMMANDS, *QUIET_COMMANDS} - real) == [], "no such command"
    assert set(COMMANDS) & QUIET_COMMANDS == set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_background_job_says_which_events_it_writes(composition: Composition) -> None:
    """Periodic jobs and kinds of tasks."""
    worker = background_worker(composition)
    kinds = {kind for apart in worker._apart.values() for kind in apart}
    real = {*(job.name for job in worker._jobs), *worker._handlers, *kinds}
    assert sorted(real - {*JOBS, *QUIET_JOBS}) == [], SAY
    assert sorted({*JOBS, *QUIET_JOBS} - real) == [], "no such job"


def test_every_event_has_a_writer_and_code_that_writes_it() -> None:
    """A name in the vocabulary that nothing writes promises what is not kept."""
    declared = {*EVERYWHERE, *console.EVERYWHERE}
    for kinds in (ENDPOINTS, COMMANDS, JOBS):
        for told in kinds.values():
            declared.update(told)
    assert sorted(set(EventType) - declared) == []
    writing = "".join(
        (ROOT / path).read_text("utf-8")
        for path in modules()
        if "declared" not in path.parts and path.name not in ("vocabulary.py", "words.py", "activity_words.py")
    )
    assert [each.name for each in EventType if f"EventType.{each.name}" not in writing] == []


def test_what_changes_without_an_event_is_a_table_of_ours() -> None:
    """A name that no table has any more would excuse whatever takes it next."""
    tables = set(Base.metadata.tables)
    wrong = [
        each
        for each in BOOKKEEPING
        if each not in tables and not (each.endswith("_") and any(table.startswith(each) for table in tables))
    ]
    assert wrong == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_event_that_was_not_declared_is_seen(composition: Composition, app: Flask) -> None:
    """The watch over all tests can fail: an address that writes another's event is told."""
    assert EventType.ROLE_GRANTED not in (declared_events("endpoint:start.start") or ())
    with app.test_request_context("/"), composition.database.transaction() as session:
        composition.journal.record(session, Event(type=EventType.ROLE_GRANTED), now=composition.clock.now())
    (told,) = recorded.take_wrong()
    assert told.startswith("endpoint:start.start writes idp:role:granted")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_change_without_an_event_is_seen(composition: Composition, app: Flask) -> None:
    """And one that changes a table of people without any."""
    with app.test_request_context("/"), composition.database.transaction() as session:
        session.execute(text("UPDATE idp_person SET level = 3"))
    assert recorded.take_wrong() == ["endpoint:start.start changes idp_person without an event"]


def _commands(command: click.Command, names: tuple[str, ...]) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _commands(each, (*names, name))
    else:
        yield " ".join(names)
