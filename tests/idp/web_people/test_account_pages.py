"""The person's own pages: each shows the person's things alone, and changes nothing without its form's token."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from admin.person_lookup import look_up_person
from audit.event import Event
from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person
from idp.authentication.recovery_codes import issue_recovery_codes, put_away_recovery_sheet
from idp.clients.client import Client, find_client
from idp.consent.consent import grant_consent
from kernel.clock import ManualClock
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
