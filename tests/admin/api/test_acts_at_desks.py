"""What desks do by the API: somebody found on record, a report, a recovery, a datum to put right; keys handed over."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from admin.permissions import Role
from audit.model import AuditEvent
from composition import Composition
from idp.accounts.person import find_person
from idp.accounts.rectification import ask_rectification
from idp.desk.desks import add_desk
from idp.desk.document import DocumentShown
from idp.desk.recovery import open_recovery
from idp.desk.report import open_report
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from tests.admin.api.conftest import RUC, MakePerson, make_second_account


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_somebody_is_found_on_record_and_what_he_asked_for_is_worked_off(
    make_person: MakePerson, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """Masked until the file is opened, the case its operator's alone; each thing done once, with who did it."""
    officer, security = make_person(Role.REGISTRATION_OFFICER), make_person(Role.SECURITY_OFFICER)
    citizen, now = make_person(), clock.now()
    with composition.database.transaction() as session:
        person = find_person(session, citizen.visitor.person_id)
        desk = add_desk(
            session,
            journal=composition.journal,
            institution_ruc=RUC,
            name="Ventanilla 1",
            city="Quito",
            address="Av. Amazonas",
            hours="08:00 a 16:30",
            now=now,
        )
        report = open_report(
            session, services=composition.idp, person_id=person.id, kind="activity", event_id=None, now=now
        )
        recovery, _ = open_recovery(
            session,
            services=composition.idp,
            person_id=person.id,
            desk_id=desk.id,
            shown=DocumentShown("cedula", "registry"),
            lost_email=False,
            lost_phone=False,
            officer_id=officer.visitor.person_id,
            institutions=None,
            now=now,
        )
        wrong = ask_rectification(
            session,
            services=composition.idp,
            person=person,
            datum="given_names",
            value="Ana María",
            why="En mi cédula está completo",
            now=now,
        )
    asks, guards = officer.token(), security.token()
    found = officer.send(
        "POST", "/people/cases", {"document": person.document, "reason": "Está en la ventanilla"}, token=asks
    )
    assert (found.status_code, found.get_json()["opened"]) == (201, False), found.text
    assert person.document not in found.text
    case = f"/people/cases/{found.get_json()['case_id']}"
    assert security.send("POST", f"{case}/open", token=guards).status_code == 404
    opened = officer.send("POST", f"{case}/open", token=asks)
    assert (opened.status_code, opened.get_json()["person_id"]) == (200, person.id)
    assert person.document not in opened.text

    at = f"/reports/{report.id}"
    assert officer.get(at, token=asks).status_code == 403
    assert security.send("POST", f"{at}/look", token=guards).status_code == 200
    short = security.send("POST", f"{at}/close", {"words": "no"}, token=guards)
    assert (short.status_code, short.get_json()["errors"][0]["pointer"]) == (422, "#/words")
    words = {"words": "Era un celular nuevo de la misma persona."}
    twin = make_second_account(composition, make_person(Role.REGISTRATION_OFFICER, Role.SECURITY_OFFICER), of=citizen)
    again_his = twin.token()
    own = twin.send("POST", f"{at}/close", words, token=again_his)
    assert (own.status_code, own.get_json()["code"]) == (403, "own_report"), "by another account of his neither"
    assert security.send("POST", f"{at}/close", words, token=guards, Idempotency_Key="r").status_code == 200
    twice = security.send("POST", f"{at}/close", words, token=guards)
    assert twice.status_code == 409

    stop = f"/recoveries/{recovery.id}/stop"
    assert security.send("POST", stop, token=guards).status_code == 200
    assert security.send("POST", stop, token=guards).status_code == 409

    at = f"/rectifications/{wrong.id}/decide"
    decision = {"accept": False, "answer": "En el registro consta con un solo nombre."}
    own = twin.send("POST", at, decision, token=again_his)
    assert (own.status_code, own.get_json()["code"]) == (403, "own_rectification")
    decided = officer.send("POST", at, decision, token=asks)
    assert decided.status_code == 200, decided.text
    assert officer.send("POST", at, decision, token=asks).status_code == 409
    with composition.database.reading() as session:
        told = session.execute(
            select(AuditEvent.type, AuditEvent.actor).where(
                AuditEvent.subject == person.id,
                AuditEvent.actor.in_((officer.visitor.person_id, security.visitor.person_id)),
            )
        ).all()
    mine = sorted(kind for kind, actor in told if actor == officer.visitor.person_id)
    assert {"admin:person:looked_up", "admin:person:opened"} <= set(mine)
    assert "idp:desk_recovery:stopped" in [kind for kind, actor in told if actor == security.visitor.person_id]


def test_a_key_is_made_for_who_brings_none_and_destroyed_on_demand(
    make_person: MakePerson, institution: Institution, authority: None, composition: Composition
) -> None:
    """The code is told once, and to its repetition; no list has it; who serves one institution sees its own."""
    officer, bound = make_person(Role.PKI_OFFICER), make_person(Role.PKI_OFFICER, institution_ruc=RUC)
    token = officer.token()
    body = {
        "profile": "natural-person-signature",
        "key": "P-256",
        "email": "rosa@correo.test",
        "inputs": {"cedula": "1710034065", "given_names": "Rosa", "first_surname": "Chimbo"},
    }
    server = officer.send("POST", "/handovers", {**body, "profile": "tls-server"}, token=token)
    assert (server.status_code, server.get_json()["code"]) == (404, "unknown_profile"), "servers bring their key"
    lacks = officer.send("POST", "/handovers", {**body, "email": None}, token=token)
    assert (lacks.status_code, lacks.get_json()["errors"][0]["pointer"]) == (422, "#/email")
    made = officer.send("POST", "/handovers", body, token=token, Idempotency_Key="h")
    assert (made.status_code, made.get_json()["handover"]["status"]) == (201, "prepared"), made.text
    assert officer.send("POST", "/handovers", body, token=token, Idempotency_Key="h").data == made.data
    listed = officer.get("/handovers?status=prepared", token=token)
    assert [each["id"] for each in listed.get_json()["items"]] == [made.get_json()["handover"]["id"]]
    assert made.get_json()["code"] not in listed.text
    theirs = bound.token()
    assert bound.get("/handovers", token=theirs).get_json()["items"] == []
    at = f"/handovers/{made.get_json()['handover']['id']}"
    hidden = bound.send("POST", f"{at}/cancel", token=theirs)
    assert (hidden.status_code, hidden.get_json()["code"]) == (404, "unknown_handover")
    for _ in range(2):
        ended = officer.send("POST", f"{at}/cancel", token=token)
        assert (ended.status_code, ended.get_json()["end_reason"]) == (200, "cancelled")
    with composition.database.reading() as session:
        kinds = session.scalars(
            select(AuditEvent.type).where(AuditEvent.object_id == made.get_json()["handover"]["id"])
        ).all()
    assert sorted(kinds) == ["ca:handover:ended", "ca:handover:prepared"]
