"""Looking into the evidence from the console: every look is on record."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from urllib.parse import parse_qs, urlsplit

import pytest

from admin.permissions import Role
from audit.event import Event
from audit.proofs import verify_event_proof
from audit.services import ensure_log_key
from audit.vocabulary import EventType
from tests.admin.conftest import Operator

REASON = "Investigación 2026-014 de la Contraloría"


@pytest.fixture
def auditor(make_operator, composition) -> Operator:
    """Reads."""
    ensure_log_key(composition.keystore)
    return make_operator(Role.AUDITOR, name="Alba")


@pytest.fixture
def record(composition, clock):
    """Put an event on record and return its id."""

    def make(**values: object) -> str:
        with composition.database.transaction() as session:
            return composition.journal.record(session, Event(**values), now=clock.now())

    return make


def _of(events, kind: EventType):
    return [event for event in events() if event.type == kind.value]


def test_each_search_is_itself_an_event_with_what_was_asked(auditor, events) -> None:
    """The filters stand in it; no personal data."""
    assert auditor.get("/admin/audit?type=ca:*&outcome=failure&client=portal").status_code == 200
    (event,) = _of(events, EventType.AUDIT_SEARCHED)
    assert event.actor == auditor.person.id
    asked = json.loads(event.leaf)["details"]["filters"]
    assert asked == ["client=portal", "outcome=failure", "type=ca:*"]


def test_a_person_is_searched_only_with_a_reason_and_no_cedula_in_the_address(auditor, make_person, events) -> None:
    """The look, "Never"; experience, "Auditor"."""
    person = make_person("Berta")
    direct = auditor.get(f"/admin/audit?person={person.id}")
    assert urlsplit(direct.location).path == "/admin/audit/person"
    for reason in ("", "corto", "x" * 400):
        refused = auditor.post("/admin/audit/person", {"cedula": person.cedula, "reason": reason})
        assert refused.status_code == 422
        assert f'value="{person.cedula}"' in refused.get_data(as_text=True)
    assert _of(events, EventType.PERSON_LOOKED_UP) == []

    sent = auditor.post("/admin/audit/person", {"cedula": person.cedula, "reason": REASON})
    assert parse_qs(urlsplit(sent.location).query) == {"person": [person.id]}
    shown = auditor.get(sent.location).get_data(as_text=True)
    assert "Creó una cuenta" in shown
    assert person.cedula not in shown
    (looked_up,) = _of(events, EventType.PERSON_LOOKED_UP)
    assert (looked_up.actor, looked_up.subject) == (auditor.person.id, person.id)
    assert REASON.encode() not in looked_up.leaf
    assert _of(events, EventType.AUDIT_SEARCHED)[-1].subject == person.id


def test_a_reason_holds_for_an_hour_and_for_who_gave_it(auditor, make_operator, make_person, clock) -> None:
    """Then it is asked for again."""
    from datetime import timedelta

    person, other = make_person("Berta"), make_operator(Role.AUDITOR, name="Celia")
    path = auditor.post("/admin/audit/person", {"cedula": person.cedula, "reason": REASON}).location
    assert auditor.get(path).status_code == 200
    assert other.get(path).status_code == 303
    for _ in range(4):
        clock.advance(timedelta(minutes=16))
        auditor.get("/admin/audit")
    assert auditor.get(path).status_code == 303
    assert auditor.get(path.replace("/admin/audit?", "/admin/audit/export.csv?")).status_code == 303


def test_nobody_with_the_cedula_is_said_and_on_record(auditor, events) -> None:
    """The try counts, too."""
    shown = auditor.post("/admin/audit/person", {"cedula": "1104680135", "reason": REASON})
    assert shown.status_code == 422
    assert "Nadie con ese documento" in shown.get_data(as_text=True)
    (event,) = _of(events, EventType.PERSON_LOOKED_UP)
    assert (event.outcome, event.reason) == ("failure", "unknown_person")
    assert b"1104680135" not in event.leaf


def test_an_export_is_on_record_and_no_cell_is_a_formula(auditor, record, events) -> None:
    """Console 14: names of things come from outside."""
    for name in ("=HYPERLINK(0)", "+1", "-1", "@x"):
        record(type=EventType.CLIENT_AUTHENTICATED, client_id=name)
    answer = auditor.get("/admin/audit/export.csv?type=idp:client:*")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    assert sorted(row["client_id"] for row in rows) == ["'+1", "'-1", "'=HYPERLINK(0)", "'@x"]
    assert len(_of(events, EventType.AUDIT_EXPORTED)) == 1


def test_personal_data_is_shown_only_with_a_reason(auditor, make_person, events) -> None:
    """Sealed at first; seeing it is on record."""
    person = make_person("Berta")
    (created,) = [event for event in _of(events, EventType.ACCOUNT_CREATED) if event.subject == person.id]
    page = f"/admin/audit/events/{created.id}"
    assert person.email not in auditor.get(page).get_data(as_text=True)
    refused = auditor.post(page, {"reason": ""})
    assert refused.status_code == 422
    assert person.email not in refused.get_data(as_text=True)
    shown = auditor.post(page, {"reason": REASON})
    assert person.email in shown.get_data(as_text=True)
    revealed = json.loads(_of(events, EventType.AUDIT_SEARCHED)[-1].leaf)
    assert revealed["details"]["revealed"] is True
    assert revealed["object_id"] == created.id


def test_an_event_comes_with_a_proof_that_stands_alone(auditor, record, composition, clock) -> None:
    """Download, verified with nothing else but the log's key."""
    event_id = record(type=EventType.CLIENT_REGISTERED, client_id="portal")
    waiting = auditor.get(f"/admin/audit/events/{event_id}")
    assert "todavía no tiene sello" in waiting.get_data(as_text=True)
    assert auditor.get(f"/admin/audit/events/{event_id}/proof.json").status_code == 404
    import audit.jobs

    for job in audit.jobs.periodic_jobs(composition.audit):
        job.run()
    assert "Descargar el registro con su prueba" in auditor.get(f"/admin/audit/events/{event_id}").get_data(
        as_text=True
    )
    document = auditor.get(f"/admin/audit/events/{event_id}/proof.json").get_json()
    verify_event_proof(document, expected_key=composition.audit.log_key(composition.audit.origin))
    assert json.loads(document["leaf"])["client_id"] == "portal"

    for path in (f"/admin/audit/events/{event_id}/evidence.zip", "/admin/audit/evidence.zip?client=portal"):
        with zipfile.ZipFile(io.BytesIO(auditor.get(path).data)) as packed:
            assert {"README.txt", "LEEME.txt", "log-key.txt", f"proofs/{event_id}.json"} <= set(packed.namelist())
            proof = json.loads(packed.read(f"proofs/{event_id}.json"))
        verify_event_proof(proof, expected_key=composition.audit.log_key(composition.audit.origin))
    assert auditor.get("/admin/audit/evidence.zip?client=nobody").status_code == 404
    assert str(composition.audit.log_key(composition.audit.origin)) in auditor.get("/admin/audit").text
    assert "Ningún testigo está configurado" in auditor.get("/admin/audit").text

    intact = auditor.post("/admin/audit/check").get_data(as_text=True)
    assert "Registro íntegro" in intact
    from sqlalchemy import update

    from audit.model import AuditEvent

    with composition.database.transaction() as session:
        session.execute(update(AuditEvent).where(AuditEvent.id == event_id).values(leaf=b'{"v":1}'))
    tampered = auditor.post("/admin/audit/check").get_data(as_text=True)
    assert "El registro fue alterado" in tampered
    assert event_id in tampered


@pytest.mark.parametrize("query", ["since=ayer", "until=2026-13-01", "since=9999-99-99", "after=xx"])
def test_a_bad_filter_is_answered_beside_the_field(auditor, query: str) -> None:
    """And nothing fails."""
    assert auditor.get(f"/admin/audit?{query}").status_code in (400, 422)


def test_pages_of_events_follow_each_other_without_gap(auditor, record) -> None:
    """By cursor."""
    for number in range(120):
        record(type=EventType.CLIENT_AUTHENTICATED, client_id=f"c{number}")
    import re

    seen: list[str] = []
    address = "/admin/audit?type=idp:client:*"
    for _ in range(4):
        shown = auditor.get(address).get_data(as_text=True)
        seen += re.findall(r"/admin/audit/events/(\w+)\"", shown)
        found = re.search(r'btn alt end" href="([^"]*after=[^"]*)"', shown)
        if not found:
            break
        address = found[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 120


def test_what_somebody_did_is_asked_with_a_reason_too_and_what_a_program_did_without(
    auditor, make_person, record, events
) -> None:
    """Who acts is a person as much as whom it is about; a serial is found as other programs write it."""
    person = make_person("Berta")
    record(type=EventType.CERTIFICATE_REVOKED, actor="command:root", object_id="ab" * 16)
    record(type=EventType.PASSWORD_VERIFIED, subject=person.id, actor=person.id)
    for page in ("", "/export.csv", "/evidence.zip"):
        answer = auditor.get(f"/admin/audit{page}?actor={person.id}")
        assert urlsplit(answer.location).path == "/admin/audit/person", page
    auditor.post("/admin/audit/person", {"cedula": person.cedula, "reason": REASON})
    assert "Solo lo que hizo" in auditor.get(f"/admin/audit?actor={person.id}").text
    (searched,) = _of(events, EventType.AUDIT_SEARCHED)
    assert searched.subject == person.id
    assert person.id not in json.dumps(json.loads(searched.leaf)["details"])
    assert "ab" * 16 in auditor.get("/admin/audit?actor=command:root").text
    assert "ab" * 16 in auditor.get(f"/admin/audit?object={':'.join(['AB'] * 16)}").text
