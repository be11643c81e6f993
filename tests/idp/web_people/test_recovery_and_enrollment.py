"""Resets, enrolment links and the account's own changes, through the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person, find_person, find_person_by_cedula
from idp.authentication.enrollment_link import LINK_LIFETIME, create_enrollment_link
from idp.authentication.totp import current_code
from kernel.clock import ManualClock
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker, mail_code
from tests.idp.web_people.test_sign_up import normal

NEW = "nube-cacao-sombrero-88"


def test_a_reset_asks_for_the_second_factor_and_ends_sessions(
    app: Flask,
    walker: Walker,
    make_person: Callable[..., Person],
    mails: Callable[[], list[Any]],
    code: Callable[[], str],
    clock: ManualClock,
) -> None:
    """authentik 18639: the mail alone is never enough; afterwards other sessions are over and the owner is told."""
    make_person(totp=True)
    other = Walker(app)
    address = other.log_in().location
    other.get(address)
    other.follow(other.post(address, {"step": "second_factor", "code": code()}))
    assert other.get("/account").status_code == 200
    clock.advance(timedelta(minutes=1))

    walker.get("/recovery")
    step = walker.post("/recovery", {"username": CEDULA}).location
    walker.get(step)
    assert walker.post(step, {"step": "password", "password": NEW}).location == step
    walker.post(step, {"step": "mail_code", "code": mail_code(mails()[0].body)})
    assert "Su cuenta tiene un segundo paso" in walker.get(step).text
    walker.post(step, {"step": "password", "password": NEW})
    assert "Su cuenta tiene un segundo paso" in walker.get(step).text
    walker.post(step, {"step": "second_factor", "code": code()})
    assert "Mucha gente usa esa contraseña" in walker.post(step, {"step": "password", "password": "1234567890"}).text
    assert "Su contraseña cambió" in walker.post(step, {"step": "password", "password": NEW}).text
    assert walker.get(step).status_code == 409
    assert "cambió" in mails()[0].subject
    assert other.get("/account").status_code == 303
    assert Walker(app).log_in(password=PASSWORD).status_code == 422
    assert Walker(app).log_in(password=NEW).status_code == 303


def test_a_reset_looks_the_same_for_any_cedula(
    app: Flask, make_person: Callable[..., Person], mails: Callable[[], list[Any]]
) -> None:
    """Enumeration: same bytes; nobody without an account gets a mail; a newer reset ends the older one for both."""
    make_person(CEDULA)
    seen = []
    for cedula in (CEDULA, "0923456719"):
        first, second = Walker(app), Walker(app)
        first.get("/recovery")
        step = first.post("/recovery", {"username": cedula}).location
        pages = [first.get(step), first.post(step, {"step": "mail_code", "code": "11112222"})]
        second.get("/recovery")
        second.post("/recovery", {"username": cedula})
        pages.append(first.get(step))
        seen.append([(page.status_code, normal(page.text)) for page in pages])
    assert [status for status, _ in seen[0]] == [200, 422, 404]
    assert seen[0][:2] == seen[1][:2]
    assert len(mails()) == 2


def test_an_enrollment_link_makes_a_person_with_two_factors_once(
    app: Flask, walker: Walker, composition: Composition, clock: ManualClock, events: Callable[..., list[Any]]
) -> None:
    """For the first administrator: identity, password, TOTP mandatory; single use; nothing in events or Referer."""
    with composition.database.transaction() as session:
        link = create_enrollment_link(session, journal=composition.journal, now=clock.now())
    path = f"/enroll/{link.token}"
    page = walker.get(path)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    who = {"cedula": CEDULA, "given_names": "Ana", "surnames": "Quispe", "email": "ana@correo.test"}
    assert walker.post(path, {"step": "second_factor", "code": "123456"}).location == path
    page = walker.post(path, {"step": "password", **who, "password": "Ana Quispe 2026"})
    assert "no debe contener su nombre" in page.text
    walker.post(path, {"step": "password", **who, "password": PASSWORD})
    with composition.database.reading() as session:
        assert find_person_by_cedula(session, CEDULA) is None, "nobody before the second factor"
    page = walker.get(path)
    key = re.search(r'id="totp-key">([A-Z2-7 ]+)<', page.text)[1].replace(" ", "")  # type: ignore[index]
    assert "no es correcto" in walker.post(path, {"step": "second_factor", "code": "000000"}).text
    code = current_code(key, now=clock.now())
    response = walker.post(path, {"step": "second_factor", "code": code})
    assert "Guarde sus códigos de respaldo" in walker.follow(response).text
    with composition.database.reading() as session:
        person = find_person(session, link.person_id)
    assert person.cedula == CEDULA
    assert Walker(app).get(path).status_code == 409
    assert events(EventType.ENROLLMENT_LINK_REDEEMED)
    leaves = b"".join(event.leaf for event in events())
    for secret in (link.token, key, PASSWORD):
        assert secret.encode() not in leaves


def test_an_enrollment_link_dies_with_a_newer_one_and_with_time(
    app: Flask, composition: Composition, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """Only the newest link of a person works, for 72 hours."""
    person = make_person()
    tokens = []
    for _ in range(2):
        with composition.database.transaction() as session:
            made = create_enrollment_link(session, journal=composition.journal, person_id=person.id, now=clock.now())
            tokens.append(made.token)
    assert "Hay un enlace más nuevo" in Walker(app).get(f"/enroll/{tokens[0]}").text
    assert Walker(app).get(f"/enroll/{tokens[1]}").status_code == 200
    assert Walker(app).get("/enroll/" + "x" * 43).status_code == 404
    clock.advance(LINK_LIFETIME)
    assert "Este enlace venció" in Walker(app).get(f"/enroll/{tokens[1]}").text


def test_an_enrollment_link_is_no_way_around_the_second_factor(
    walker: Walker, composition: Composition, make_person: Callable[..., Person], clock: ManualClock, code: Any
) -> None:
    """authentik 18639: who has a second factor must show it before the link changes his password."""
    person = make_person(totp=True)
    with composition.database.transaction() as session:
        made = create_enrollment_link(session, journal=composition.journal, person_id=person.id, now=clock.now())
    path = f"/enroll/{made.token}"
    walker.get(path)
    walker.post(path, {"step": "password", "password": NEW})
    page = walker.get(path)
    assert "Su cuenta ya tiene un segundo paso" in page.text
    assert "totp-key" not in page.text
    assert walker.post(path, {"step": "second_factor", "code": "000000"}).status_code == 422
    assert walker.log_in(password=NEW).status_code == 422, "not changed yet"
    walker.get(path)
    assert walker.post(path, {"step": "second_factor", "code": code()}).status_code == 303


def test_removing_the_second_factor_asks_for_it_first(
    walker: Walker, make_person: Callable[..., Person], code: Callable[[], str], clock: ManualClock, mails: Any
) -> None:
    """A change of how one logs in needs a login of the last 15 minutes, with the second factor."""
    make_person(totp=True)
    address = walker.log_in().location
    walker.get(address)
    walker.follow(walker.post(address, {"step": "second_factor", "code": code()}))
    clock.advance(timedelta(minutes=16))
    page = walker.follow(walker.get("/account/second-factor/remove"))
    assert "Escriba otra vez su contraseña" in page.text
    assert walker.follow(walker.post("/account/second-factor/remove")).status_code == 200
    path = walker.get("/account/second-factor/remove").location
    walker.get(path)
    walker.post(path, {"step": "password", "username": CEDULA, "password": PASSWORD})
    page = walker.follow(walker.post(path, {"step": "second_factor", "code": code()}))
    assert "¿Quitar el segundo paso?" in page.text
    page = walker.follow(walker.post("/account/second-factor/remove"))
    assert "Agregar mi celular" in page.text
    assert "segundo paso" in mails()[0].subject


def test_closing_all_sessions_logs_out_everywhere(
    app: Flask, walker: Walker, make_person: Callable[..., Person]
) -> None:
    """One's own list of sessions closes one, the others, or all."""
    make_person()
    walker.follow(walker.log_in())
    other = Walker(app)
    other.follow(other.log_in())
    page = walker.get("/account/sessions")
    assert "Cerrar todas las demás" in page.text
    walker.get("/account/sessions/close?which=others")
    walker.post("/account/sessions/close", {"which": "others"})
    assert other.get("/account").status_code == 303
    other.follow(other.log_in())
    page = other.get("/account/sessions/close?which=this")
    assert "¿Cerrar su sesión aquí?" in page.text
    assert "Cerró su sesión" in other.follow(other.post("/account/sessions/close", {"which": "this"})).text
    assert other.get("/account").status_code == 303
    assert walker.get("/account").status_code == 200
    walker.get("/account/sessions/close?which=all")
    assert "Cerró su sesión" in walker.follow(walker.post("/account/sessions/close", {"which": "all"})).text
    assert walker.get("/account").status_code == 303


def test_a_password_is_changed_with_the_old_one_and_told_by_mail(
    app: Flask, walker: Walker, make_person: Callable[..., Person], mails: Callable[[], list[Any]]
) -> None:
    """The old password is checked, other sessions end, this one lives."""
    make_person()
    walker.follow(walker.log_in())
    other = Walker(app)
    other.follow(other.log_in())
    walker.get("/account/password")
    page = walker.post("/account/password", {"current_password": "otra cosa aquí", "password": NEW})
    assert page.status_code == 422
    page = walker.follow(walker.post("/account/password", {"current_password": PASSWORD, "password": NEW}))
    assert "Su contraseña cambió" in page.text
    assert other.get("/account").status_code == 303
    assert "cambió" in mails()[0].subject


def test_disowning_an_event_protects_the_account(
    app: Flask, walker: Walker, make_person: Callable[..., Person], events: Callable[..., list[Any]]
) -> None:
    """«No fui yo»: other sessions end, it is on record under a number, a new password is asked for; others' are 404."""
    make_person()
    stranger = make_person("0923456719")
    walker.follow(walker.log_in())
    thief = Walker(app)
    thief.follow(thief.log_in())
    page = walker.get("/account/activity")
    path = re.findall(r'href="(/account/activity/[0-9a-z]{26}/disown)"', page.text)[0]
    walker.get(path)
    report = walker.follow(walker.post(path)).text
    assert "Su reporte" in report and 'href="/account/password' in report
    assert thief.get("/account").status_code == 303
    assert events(EventType.ACTIVITY_DISOWNED)
    foreign = next(event.id for event in events() if event.subject == stranger.id)
    assert walker.get(f"/account/activity/{foreign}/disown").status_code == 404


def test_a_new_device_is_told_by_mail_and_the_first_is_not(
    app: Flask, make_person: Callable[..., Person], mails: Callable[[], list[Any]]
) -> None:
    """A mail on a new device; none on the first, none on one that is known."""
    make_person()
    first = Walker(app)
    first.follow(first.log_in())
    first.follow(first.log_in())
    assert mails() == []
    second = Walker(app)
    second.follow(second.log_in())
    assert "equipo nuevo" in mails()[0].subject
