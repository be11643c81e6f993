"""The account's own pages: the e-mail address, the activity, a session that runs out under a form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from audit.vocabulary import EventType, Outcome
from composition import Composition
from idp.accounts.person import Person, add_person, find_person
from idp.authentication.password import hash_password, store_password
from kernel.clock import ManualClock
from kernel.secret_text import SecretText
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker, mail_code

OTHER = "0923456719"
Mails = Callable[[], list[Any]]


@pytest.fixture
def unverified(composition: Composition, clock: ManualClock) -> Person:
    """A person whom an operator added: nobody has confirmed the address."""
    phc = hash_password(SecretText(PASSWORD))
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula=CEDULA,
            given_names="Ana",
            surnames="Quispe",
            email="ana@correo.test",
            now=clock.now(),
        )
        store_password(
            session, journal=composition.journal, person_id=person.id, phc=phc, reason="operator", now=clock.now()
        )
    return person


def test_an_address_that_an_operator_typed_is_confirmed_by_its_owner(
    walker: Walker, unverified: Person, composition: Composition, mails: Mails, events: Callable[..., list[Any]]
) -> None:
    """Send code, type it, CONTACT_VERIFIED; a second submit of either form is harmless."""
    walker.follow(walker.log_in())
    assert "Falta confirmar su correo" in walker.get("/account").text
    assert "Confirmar mi correo" in walker.get("/account/profile").text
    for _ in range(2):
        assert walker.post("/account/email/confirm").location == "/account/email/code"
    assert len(mails()) == 1
    assert mails()[0].to == "ana@correo.test"
    walker.get("/account/email/code")
    assert "Le quedan 4 intentos" in walker.post("/account/email/code", {"code": "00000000"}).text
    code = mail_code(mails()[0].body)
    page = walker.follow(walker.post("/account/email/code", {"code": code}))
    assert "Su correo quedó confirmado" in page.text
    assert "Confirmar mi correo" not in page.text
    assert walker.post("/account/email/code", {"code": code}).status_code == 303
    with composition.database.reading() as session:
        assert find_person(session, unverified.id).email_verified
    outcomes = [(event.outcome, event.subject) for event in events(EventType.CONTACT_VERIFIED)]
    assert outcomes == [(Outcome.FAILURE, unverified.id), (Outcome.SUCCESS, unverified.id)]
    leaves = b"".join(event.leaf for event in events())
    assert b"ana@correo.test" not in leaves
    assert code.encode() not in leaves


def test_a_changed_address_answers_first_and_the_former_one_is_told(
    app: Flask, walker: Walker, make_person: Callable[..., Person], composition: Composition, mails: Mails
) -> None:
    """Nothing changes before the code is typed; then resets whose code went to the former mailbox are dead."""
    person = make_person()
    walker.follow(walker.log_in())
    thief = Walker(app, address="198.51.100.1")
    thief.get("/recovery")
    reset = thief.post("/recovery", {"username": CEDULA}).location
    walker.get("/account/email")
    assert "Ese ya es su correo" in walker.post("/account/email", {"email": person.email}).text
    page = walker.post("/account/email", {"email": "nuevo@"})
    assert "Ese correo no está completo" in page.text
    assert 'value="nuevo@"' in page.text
    walker.post("/account/email", {"email": "Nueva@Correo.test"})
    assert mails()[0].to == "nueva@correo.test"
    with composition.database.reading() as session:
        assert find_person(session, person.id).email == person.email
    walker.get("/account/email/code")
    walker.post("/account/email/code", {"code": mail_code(mails()[0].body)})
    with composition.database.reading() as session:
        changed = find_person(session, person.id)
    assert (changed.email, changed.email_verified) == ("nueva@correo.test", True)
    assert mails()[0].to == person.email
    assert "n•••••@correo.test" in mails()[0].body
    assert thief.get(reset).status_code == 404


def test_an_account_sends_six_codes_an_hour_whatever_the_addresses(
    walker: Walker, make_person: Callable[..., Person], mails: Mails
) -> None:
    """An account is no way to write to strangers."""
    make_person()
    walker.follow(walker.log_in())
    walker.get("/account/email")
    answers = [walker.post("/account/email", {"email": f"x{n}@correo.test"}).status_code for n in range(8)]
    assert answers == [303] * 6 + [429] * 2
    assert len(mails()) == 6


@pytest.mark.parametrize("protects", ["password", "disown"])
def test_a_change_that_a_thief_began_dies_when_the_owner_protects_the_account(
    app: Flask, walker: Walker, make_person: Callable[..., Person], protects: str
) -> None:
    """A new password, or «no fui yo»: nobody is asked any more to confirm the address that the thief typed."""
    make_person()
    walker.follow(walker.log_in())
    thief = Walker(app, address="198.51.100.1")
    thief.follow(thief.log_in())
    thief.get("/account/email")
    thief.post("/account/email", {"email": "ladron@correo.test"})
    assert "ladron@correo.test" in walker.get("/account/email/code").text
    if protects == "password":
        walker.get("/account/password")
        walker.post("/account/password", {"current_password": PASSWORD, "password": "nube-cacao-sombrero-88"})
    else:
        path = re.findall(r"/account/activity/[0-9a-z]{26}/disown", walker.get("/account/activity").text)[0]
        walker.get(path)
        walker.post(path)
    assert walker.get("/account/email/code").location == "/account/profile"


def test_changing_the_address_wants_a_recent_login(
    walker: Walker, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """Who finds an open browser does not take the account; what was typed comes back after the password."""
    make_person()
    walker.follow(walker.log_in())
    walker.get("/account/email")
    clock.advance(timedelta(minutes=16))
    login = walker.post("/account/email", {"email": "nueva@correo.test"}).location
    assert "/login/" in login
    walker.get(login)
    page = walker.follow(walker.post(login, {"step": "password", "username": CEDULA, "password": PASSWORD}))
    assert 'value="nueva@correo.test"' in page.text
    assert "lo que escribió sigue aquí" in page.text


def test_a_form_sent_after_the_session_ran_out_is_not_lost(
    walker: Walker, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """The person logs in again and finds what was typed; another person in the same browser does not."""
    make_person()
    make_person(OTHER)
    for cedula, found in ((CEDULA, True), (OTHER, False)):
        walker.follow(walker.log_in())
        assert "Su sesión dura hasta el" in walker.get("/account").text
        walker.get("/account/email")
        clock.advance(timedelta(minutes=31))
        login = walker.post("/account/email", {"email": "nueva@correo.test"}).location
        walker.get(login)
        page = walker.follow(walker.post(login, {"step": "password", "username": cedula, "password": PASSWORD}))
        assert "Cambie su correo" in page.text
        assert ("nueva@correo.test" in page.text) is found
    assert "nueva@correo.test" not in walker.get("/account").text


def test_activity_says_device_and_place_and_goes_back_page_by_page(
    app: Flask, walker: Walker, make_person: Callable[..., Person], composition: Composition, clock: ManualClock
) -> None:
    """Newest first; a stranger's try shows where it came from; an operator's address is not the person's business."""
    make_person()
    stranger = Walker(app, address="198.51.100.77")
    stranger.log_in(password="no es esta clave")
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    path = walker.open_login()
    data = {"step": "password", "username": CEDULA, "password": PASSWORD}
    walker.follow(walker.post(path, data, headers={"User-Agent": agent}))
    page = walker.get("/account/activity").text
    assert "Firefox · Linux" in page
    assert "203.0.113.7" in page
    assert page.index("Ingresó a su cuenta") < page.index("Alguien probó una contraseña") < page.index("Se creó")
    assert "198.51.100.77" in page
    created = page[page.index("Se creó") :]
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", created)
    assert "Ver lo más antiguo" not in page
    for _ in range(30):
        clock.advance(timedelta(seconds=1))
        stranger.log_in(password="no es esta clave")
    seen = []
    address = "/account/activity"
    while address:
        page = walker.get(address).text
        seen += re.findall(r"/account/activity/([0-9a-z]{26})/disown", page)
        older = re.search(r'href="(/account/activity\?before=[0-9a-z]{26})"', page)
        address = older[1] if older else ""
    assert len(seen) == len(set(seen)) > 30
    assert walker.get("/account/activity?before=" + "x" * 26).status_code == 404
