"""The person's own pages: each shows the person's things alone, and changes nothing without its form's token."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from admin.permissions import Role
from admin.person_lookup import look_up_person
from admin.roles import grant_role
from audit.event import Event
from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.deletion import erase_due
from idp.accounts.my_data import NOT_TOLD, gather
from idp.accounts.my_data_rest import rest_of
from idp.accounts.my_data_sections import SECTIONS
from idp.accounts.person import Person, find_person
from idp.authentication.recovery_codes import issue_recovery_codes, put_away_recovery_sheet
from idp.clients.client import Client, find_client
from idp.consent.consent import grant_consent
from idp.jobs import handlers
from idp.web.account_pages import my_data_words
from kernel.clock import ManualClock
from kernel.outbox import run_due
from tests.idp.relying_party import register
from tests.idp.web_people.conftest import CEDULA, Walker

OTHER = "0923456719"
MakePerson = Callable[..., Person]


@pytest.fixture
def service(composition: Composition) -> Client:
    """An application that people may allow to know them."""
    party = register(composition, client_name="Citas médicas", policy_uri="https://portal.example/privacidad")
    with composition.database.reading() as session:
        return find_client(session, party.client_id)


def _allow(composition: Composition, person: Person, client: Client, clock: ManualClock) -> None:
    with composition.database.transaction() as session:
        grant_consent(
            session,
            journal=composition.journal,
            person_id=person.id,
            client=client,
            requested=("openid", "profile", "email", "cedula"),
            chosen=("email",),
            now=clock.now(),
        )
        event = Event(type=EventType.USERINFO_RELEASED, subject=person.id, client_id=client.client_id)
        composition.journal.record(session, event, now=clock.now())


def test_a_connected_service_is_shown_with_each_value_it_receives(
    walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock, service: Client
) -> None:
    """Experience, Citizen: connected services with "disconnect"; exactly which values, and when last."""
    person, other = make_person(), make_person(OTHER)
    _allow(composition, person, service, clock)
    page = f"/account/services/{service.client_id}"
    walker.follow(walker.log_in(OTHER))
    for path in (page, f"{page}/withdraw"):
        assert walker.get(path).status_code == 404  # it knows nothing of this person
    walker.post("/account/sessions/close", {"which": "all"})
    walker.follow(walker.log_in())
    shown = walker.get(page).text
    for value in (person.cedula, person.name, person.email, "Recibió datos por última vez", "privacidad"):
        assert value in shown
    assert other.email not in shown
    asked = walker.get(f"{page}/withdraw").text
    assert "deja de servir" in asked
    assert walker.client.post(f"{page}/withdraw").status_code == 400  # without the form's token
    assert "quedó desconectado" in walker.follow(walker.post(f"{page}/withdraw")).text
    assert walker.get(page).status_code == 404
    assert "Aún no ha dado permiso" in walker.get("/account/services").text


def test_activity_is_chosen_by_kind_and_day(walker: Walker, make_person: MakePerson, clock: ManualClock) -> None:
    """Experience, Citizen: activity; what makes no sense in the address is not asked."""
    make_person()
    walker.log_in(password="equivocada-larga-1")
    walker.follow(walker.log_in())
    day = (clock.now() - timedelta(hours=5)).date()
    everything = walker.get("/account/activity").text
    assert "contraseña equivocada" in everything
    assert "Ingresó a su cuenta" in everything
    failures = walker.get("/account/activity?what=failures").text
    assert "contraseña equivocada" in failures
    assert "<h3>Ingresó a su cuenta" not in failures
    logins = walker.get(f"/account/activity?what=logins&since={day}&until={day}").text
    assert "<h3>Ingresó a su cuenta" in logins
    assert f'value="{day}"' in logins
    assert "No hay nada así" in walker.get(f"/account/activity?until={day - timedelta(days=1)}").text
    for nonsense in ("what=nada", "since=9999-12-31", "until=ayer", "since=0001-01-01"):
        assert walker.get(f"/account/activity?{nonsense}").status_code == 200


def test_who_looked_is_the_persons_to_see_and_not_to_disown(
    walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock, events: Callable[..., Any]
) -> None:
    """LOPDP Art. 13: an official's search about a person is in that person's activity, without the official's words."""
    make_person()
    auditor = make_person(OTHER)
    with composition.database.transaction() as session:
        look_up_person(
            session,
            journal=composition.journal,
            cedula=CEDULA,
            reason="Reclamo 2026-117 sobre un ingreso",
            actor=auditor.id,
            purpose="audit",
            now=clock.now(),
        )
    walker.follow(walker.log_in())
    page = walker.get("/account/activity?what=looks").text
    look = events(EventType.PERSON_LOOKED_UP)[0]
    assert "Un funcionario buscó su cuenta" in page
    assert look.id in page
    assert "Reclamo 2026-117" not in page
    assert walker.get(f"/account/activity/{look.id}/disown").status_code == 404
    assert walker.post(f"/account/activity/{look.id}/disown").status_code == 404


def test_sessions_say_device_place_and_which_one_is_this(app: Flask, walker: Walker, make_person: MakePerson) -> None:
    """Experience, Citizen: sessions (device, place, current); closing one closes that one, and only one's own."""
    make_person()
    make_person(OTHER)
    walker.follow(walker.log_in())
    second = Walker(app, address="198.51.100.9")
    second.follow(second.log_in())
    stranger = Walker(app)
    stranger.follow(stranger.log_in(OTHER))
    page = walker.get("/account/sessions").text
    assert page.count("Este equipo") == 1
    assert "203.0.113.7" in page
    assert "198.51.100.9" in page
    (row,) = re.findall(r"which=([0-9a-z]{26})\b", page)
    for who, ended in ((stranger, False), (walker, True)):
        who.get("/account/sessions/close?which=others")
        who.post("/account/sessions/close", {"which": row})
        assert (second.get("/account").status_code == 303) is ended


def test_what_needs_a_look_stands_on_top(
    walker: Walker, make_person: MakePerson, code: Callable[[], str], composition: Composition, clock: ManualClock
) -> None:
    """One factor alone; then a second one without codes; then all is well. The list names each with its days."""
    person = make_person()
    walker.follow(walker.log_in())
    assert "se abre solo con la contraseña" in walker.get("/account").text
    assert "Agregar mi celular" in walker.get("/account/security").text
    walker.post("/account/sessions/close", {"which": "all"})
    protected = make_person(OTHER, totp=True)
    walker.post(walker.log_in(OTHER).location, {"step": "second_factor", "code": code()})
    assert "No le quedan códigos de respaldo" in walker.get("/account").text
    with composition.database.transaction() as session:
        issue_recovery_codes(session, services=composition.idp, person_id=protected.id, now=clock.now())
        put_away_recovery_sheet(session, person_id=protected.id)
    assert "No hay nada que deba revisar" in walker.get("/account").text
    listed = walker.get("/account/security").text
    for words in ("Contraseña", "Celular de códigos", "Códigos de respaldo", "quedan 10", "usado el"):
        assert words in listed
    assert person.id not in listed


def _run_tasks(composition: Composition) -> None:
    run_due(composition.database, handlers(composition.idp), now=composition.clock.now())


def test_a_person_takes_all_that_is_kept_and_nobody_elses(
    walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock, service: Client
) -> None:
    """LOPDP Art. 13 and 17: a documented schema, no secret in it; asked for with a form's token; on record and told."""
    person, other = make_person(), make_person(OTHER)
    _allow(composition, person, service, clock)
    walker.follow(walker.log_in())
    walker.get("/account/my-data")
    assert walker.client.post("/account/my-data.json").status_code == 400  # without the form's token
    answer = walker.post("/account/my-data.json")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=mis-datos-sau-")
    document = json.loads(answer.text)
    assert document["schema"] == "sau-my-data-1"
    assert list(document["sections"]) == [section.name for section in SECTIONS]
    assert document["sections"]["person"][0]["cedula"] == CEDULA
    assert document["sections"]["consents"][0]["application"] == "Citas médicas"
    assert document["sections"]["sessions"][0]["address"] == "203.0.113.7"
    assert document["sections"]["activity"]
    for secret in ("argon2", "secret", "sha256", "hmac", other.id, other.email):
        assert secret not in answer.text


def test_my_data_on_paper_is_made_by_the_worker_and_taken_once(
    app: Flask, walker: Walker, make_person: MakePerson, composition: Composition, events: Callable[..., Any]
) -> None:
    """A tagged PDF with everything in words; another person's copy does not exist for who asks."""
    make_person()
    make_person(OTHER)
    walker.follow(walker.log_in())
    walker.get("/account/my-data")
    walker.post("/account/my-data/pdf")
    waiting = walker.get("/account/my-data").text
    assert "Estamos preparando su copia" in waiting
    _run_tasks(composition)
    (copy_id,) = re.findall(r"/account/my-data/([0-9a-z]{26})\.pdf", walker.get("/account/my-data").text)
    stranger = Walker(app)
    stranger.follow(stranger.log_in(OTHER))
    stranger.get("/account/my-data")
    assert stranger.post(f"/account/my-data/{copy_id}.pdf").status_code == 404
    taken = walker.client.post(f"/account/my-data/{copy_id}.pdf", data={"csrf_token": walker.token})
    assert taken.data.startswith(b"%PDF-")
    unpacked = b"".join(zlib.decompressobj().decompress(part) for part in taken.data.split(b"stream\n")[1::2])
    assert b"/StructTreeRoot" in unpacked
    assert walker.post(f"/account/my-data/{copy_id}.pdf").status_code == 409
    assert len(events(EventType.DATA_COPY_REQUESTED)) == len(events(EventType.DATA_COPY_TAKEN)) == 1


def test_taking_ones_data_wants_a_recent_login_and_has_a_limit(
    walker: Walker, make_person: MakePerson, clock: ManualClock, mails: Callable[[], list[Any]]
) -> None:
    """Who finds an open browser does not carry a life away; ten times an hour is enough; each is told by mail."""
    make_person()
    walker.follow(walker.log_in())
    walker.get("/account/my-data")
    answers = [walker.post("/account/my-data.json").status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
    assert mails()[0].subject == "Se descargaron sus datos de SAU"
    clock.advance(timedelta(minutes=16))
    walker.get("/account/my-data")
    assert "/login/" in walker.post("/account/my-data.json").location


def test_a_table_that_no_room_tells_is_told_by_its_moments(
    make_person: MakePerson, composition: Composition, clock: ManualClock
) -> None:
    """Nothing that is kept about people is left out, and nothing of it that might be a secret is told unasked."""
    person = make_person()
    untold = [section for section in SECTIONS if "idp_password" not in section.tables]
    with composition.database.reading() as session:
        rest = rest_of(lambda: untold).read(session, services=composition.idp, person_id=person.id, now=clock.now())
    told = {str(entry["what"]): entry["moments"] for entry in rest}
    assert told["idp_password"] == {"set_at": clock.now()}
    assert not {table for section in untold for table in section.tables} & set(told)
    assert not {table for section in SECTIONS for table in section.tables} & set(NOT_TOLD)


def test_every_section_and_key_has_its_words(
    walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock
) -> None:
    """Nobody reads a bare key on paper."""
    assert {section.name for section in SECTIONS} <= set(my_data_words.SECTIONS)
    person = make_person(totp=True)
    with composition.database.reading() as session:
        found = gather(session, services=composition.idp, person_id=person.id, sections=SECTIONS, now=clock.now())
    assert {key for entries in found.values() for entry in entries for key in entry} <= set(my_data_words.KEYS)


def test_an_account_is_erased_after_days_to_think(
    app: Flask, walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock, mails: Any
) -> None:
    """LOPDP Art. 15: explained, asked for, told, cancelled once, then done by the worker for good."""
    person = make_person()
    walker.follow(walker.log_in())
    page = walker.get("/account/delete").text
    for words in ("para siempre", "Revocamos sus certificados", "obliga a guardar la ley", "Esperamos 7 días"):
        assert words in page
    assert walker.client.post("/account/delete").status_code == 400
    for _ in range(2):
        assert walker.post("/account/delete").location == "/account/delete"
    assert [mail.subject for mail in mails()].count("Pidió borrar su cuenta SAU") == 1
    assert "Su cuenta se borrará el" in walker.get("/account").text
    walker.get("/account/delete")
    assert "no se borrará" in walker.follow(walker.post("/account/delete/cancel")).text
    clock.advance(timedelta(days=8))
    erase_due(composition.idp)
    walker.follow(walker.log_in())
    walker.get("/account/delete")
    walker.post("/account/delete")
    clock.advance(timedelta(days=6, hours=12))
    erase_due(composition.idp)
    assert mails()[0].subject == "Mañana borraremos su cuenta SAU"
    clock.advance(timedelta(days=1))
    for _ in range(2):
        erase_due(composition.idp)
    assert mails()[0].subject == "Borramos su cuenta SAU"
    with composition.database.reading() as session:
        assert find_person(session, person.id).status == "erased"
    assert "no coinciden" in Walker(app).log_in().text


def test_an_erasure_that_fails_half_way_is_done_by_the_next_run(
    walker: Walker,
    make_person: MakePerson,
    composition: Composition,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Attacks and faults: a crash between two steps leaves the request and nothing half erased."""
    person = make_person()
    walker.follow(walker.log_in())
    walker.get("/account/delete")
    walker.post("/account/delete")
    clock.advance(timedelta(days=8))
    with monkeypatch.context() as broken:
        broken.setattr(composition.journal.holder_keys, "destroy", lambda *_, **__: 1 / 0)
        erase_due(composition.idp)
    with composition.database.reading() as session:
        assert find_person(session, person.id).cedula == CEDULA
    erase_due(composition.idp)
    with composition.database.reading() as session:
        assert find_person(session, person.id).status == "erased"


def test_who_holds_a_role_hands_it_over_first(
    walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock, events: Callable[..., Any]
) -> None:
    """An official is told what to do; one who came to have a duty meanwhile is not erased either."""
    person = make_person()
    walker.follow(walker.log_in())
    walker.get("/account/delete")
    walker.post("/account/delete")
    with composition.database.transaction() as session:
        grant_role(
            session,
            journal=composition.journal,
            person_id=person.id,
            role=Role.AUDITOR,
            actor="command",
            now=clock.now(),
        )
    clock.advance(timedelta(days=8))
    erase_due(composition.idp)
    with composition.database.reading() as session:
        assert find_person(session, person.id).is_active
    walker.follow(walker.log_in())
    assert "Usted tiene una función" in walker.get("/account/delete").text
    walker.post("/account/delete")
    assert events(EventType.DELETION_REFUSED)[0].reason == "has_duties"
