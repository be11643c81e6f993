"""``sau audit`` as an auditor uses it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete

from audit.commands import commands
from audit.model import AuditEvent
from audit.proofs import verify_event_proof
from audit.search import EventFilter, search_events
from audit.sequencer import Sequencer
from audit.services import AuditServices
from audit.vocabulary import EventType
from kernel.clock import ManualClock
from tests.audit.conftest import Write


def run(audit: AuditServices, *arguments: object) -> Result:
    (group,) = commands(lambda: audit)
    return CliRunner().invoke(group, [str(each) for each in arguments])


@pytest.fixture
def ids(audit: AuditServices, write: Write) -> list[str]:
    written = write(6)
    Sequencer(audit).run()
    return written


def test_verify_says_good_or_names_the_first_bad_record(audit: AuditServices, ids: list[str]) -> None:
    """Exit status 1 on a finding, for scripts."""
    good = run(audit, "verify", "--json")
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)["intact"] is True
    assert run(audit, "verify", "--since", 3).exit_code == 0
    with audit.database.transaction() as session:
        session.execute(delete(AuditEvent).where(AuditEvent.log_index == 2))
    bad = run(audit, "verify", "--full")
    assert bad.exit_code == 1
    assert "removed at 2: the record is missing" in bad.stdout
    found = json.loads(run(audit, "verify", "--json").stdout)
    assert found["findings"][0]["index"] == 2
    assert run(audit, "verify", "--full", "--since", 1).exit_code == 2


def test_search_prints_and_a_look_at_personal_data_is_on_record(audit: AuditServices, ids: list[str]) -> None:
    """Who looks is seen."""
    table = run(audit, "search", "--type", "idp:password:*", "--subject", "p1")
    assert table.exit_code == 0, table.output
    assert "p1@example.test" not in table.stdout
    page = json.loads(run(audit, "search", "--type", "idp:*", "--limit", 2, "--json").stdout)
    assert len(page["events"]) == 2
    following = run(audit, "search", "--type", "idp:*", "--after", page["next"], "--json")
    assert len(json.loads(following.stdout)["events"]) == 4
    revealed = json.loads(run(audit, "search", "--subject", "p1", "--reveal", "oficio 12", "--json").stdout)
    assert {event["private"]["email"] for event in revealed["events"]} == {"p1@example.test", "p4@example.test"}
    with audit.database.reading() as session:
        page_of_looks = search_events(session, filters=EventFilter(type=EventType.AUDIT_SEARCHED.value))
    looks = [event.details for event in page_of_looks.events]
    assert {"reason": "oficio 12", "revealed": True, "subject": "p1"} in looks
    assert {"revealed": False, "type": "idp:password:*", "subject": "p1"} in looks
    assert len(looks) == 4


def test_prove_and_export(audit: AuditServices, ids: list[str], tmp_path: Path) -> None:
    """What they write verifies."""
    document = json.loads(run(audit, "prove", ids[3]).stdout)
    verify_event_proof(document, expected_key=audit.log_key(audit.origin))
    assert run(audit, "prove", ids[3], "--out", tmp_path / "proof.json").exit_code == 0
    exported = run(audit, "export", tmp_path / "log.zip", "--json")
    assert json.loads(exported.stdout)["records"] == 6
    with audit.database.reading() as session:
        taken = search_events(session, filters=EventFilter(type=EventType.AUDIT_EXPORTED.value))
    assert [event.details for event in taken.events] == [{"records": 6, "file": "log.zip"}]
    assert run(audit, "verify", "--bundle", tmp_path / "log.zip").exit_code == 0
    key = audit.log_key(audit.origin)
    assert run(audit, "verify", "--bundle", tmp_path / "log.zip", "--key", key).exit_code == 0


def test_status_tells_when_nothing_sequences(audit: AuditServices, ids: list[str], write: Write) -> None:
    """A stopped worker is seen from outside."""
    assert json.loads(run(audit, "status", "--json").stdout)["size"] == 6
    write(1)
    assert isinstance(audit.clock, ManualClock)
    audit.clock.advance(timedelta(minutes=1))
    late = run(audit, "status", "--json")
    assert late.exit_code == 1
    assert json.loads(late.stdout)["waiting"] == 1
