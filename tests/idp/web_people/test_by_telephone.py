"""People who have a mobile telephone and no e-mail: sign-up, notices, and a new password, through the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.deletion import request_deletion
from idp.accounts.model import PersonRow
from idp.accounts.person import Person, add_person, find_person_by_cedula
from idp.authentication.password import hash_password, store_password
from idp.authentication.recovery_codes import issue_recovery_codes
from idp.authentication.sms_limits import SMS_BY_ADDRESS, SMS_BY_RECIPIENT_AND_ADDRESS
from idp.codes.code_factor import add_code_factor
from idp.codes.sent_code import Channel
from idp.notices.sms import list_stored_sms
from kernel.clock import ManualClock
from kernel.secret_text import SecretText
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker
from tests.idp.web_people.test_sign_up import normal

PHONE = "+593991234567"
NEW = "nube-cacao-sombrero-88"
FORM = {
    "contact": "phone",
    "cedula": CEDULA,
    "given_names": "Rosa",
    "surnames": "Guamán",
    "phone": "099 123 4567",
}


@pytest.fixture
def messages(composition: Composition) -> Callable[[], list[tuple[str, str]]]:
    """Short messages that were sent, newest first: to whom, and what."""

    def read() -> list[tuple[str, str]]:
        with composition.database.reading() as session:
            return [(sms.to, sms.text) for sms in list_stored_sms(session, services=composition.idp)]

    return read


@pytest.fixture
def phone_person(composition: Composition) -> Callable[..., Person]:
    """Add a person with a password and a confirmed telephone, as old as the account."""
    hashes: dict[str, str] = {}

    def make(cedula: str = CEDULA, *, level: int = 1, email: str = "") -> Person:
        phc = hashes.setdefault(PASSWORD, hash_password(SecretText(PASSWORD)))
        now, journal = composition.clock.now(), composition.journal
        with composition.database.transaction() as session:
            person = add_person(
                session,
                journal=journal,
                cedula=cedula,
                given_names="Rosa",
                surnames="Guamán",
                email=email,
                phone=PHONE,
                phone_verified=True,
                level=level,
                now=now,
            )
            store_password(session, journal=journal, person_id=person.id, phc=phc, reason="operator", now=now)
        return person

    return make


def code_in(messages: Callable[[], list[tuple[str, str]]]) -> str:
    """Return the code of the newest message."""
    return re.search(r"\b\d{8}\b", messages()[0][1])[0]  # type: ignore[index]


def ask(walker: Walker, cedula: str = CEDULA) -> str:
    """Ask for a new password by telephone; return the address of the step."""
    walker.get("/recovery?contact=phone")
    step: str = walker.post("/recovery", {"contact": "phone", "username": cedula}).location
    walker.get(step)
    return step


def test_a_citizen_without_a_mailbox_signs_up(
    walker: Walker, composition: Composition, messages: Any, mails: Any, events: Callable[..., list[Any]]
) -> None:
    """Experience, "Citizen": cédula and a mobile, code by SMS, password; no mail at any time."""
    walker.get("/signup?contact=phone")
    assert "Ese número no es de un celular" in walker.post("/signup", FORM | {"phone": "02 222 3333"}).text
    assert "No enviamos mensajes a ese país" in walker.post("/signup", FORM | {"phone": "+51 912 345 678"}).text
    step = walker.post("/signup", FORM).location
    assert "••••••567" in walker.get(step).text
    assert messages()[0][0] == PHONE
    walker.post(step, {"step": "code", "code": code_in(messages)})
    assert "no debe contener" in walker.post(step, {"step": "password", "password": "mandarina 099 1234567"}).text
    walker.follow(walker.post(step, {"step": "password", "password": PASSWORD}))
    with composition.database.reading() as session:
        person = find_person_by_cedula(session, CEDULA)
    assert person is not None
    assert (person.email, person.phone, person.phone_verified, person.level) == ("", PHONE, True, 1)
    page = walker.get("/account").text
    assert "No tenemos un correo" not in page
    assert mails() == []
    leaves = b"".join(event.leaf for event in events())
    assert PHONE.encode() not in leaves


def test_who_has_an_account_is_told_to_its_owner_alone(
    app: Flask, phone_person: Callable[..., Person], make_person: Any, messages: Any, mails: Any
) -> None:
    """Same bytes for a document of an account with a mailbox, of one with a telephone, and of nobody."""
    phone_person("0923456719")
    make_person(CEDULA)
    pages = []
    for cedula in ("0923456719", CEDULA, "0702468133"):
        walker = Walker(app)
        walker.get("/signup?contact=phone")
        step = walker.post("/signup", FORM | {"cedula": cedula, "phone": "098 765 4321"}).location
        shown = [walker.get(step).text, walker.post(step, {"step": "code", "code": "12345678"}).text]
        pages.append([normal(text) for text in shown])
    assert pages[0] == pages[1] == pages[2]
    told = dict(messages())
    assert set(told) == {PHONE, "+593987654321"}
    assert "alguien quiso crear una cuenta" in told[PHONE]
    assert "su codigo para crear" in told["+593987654321"]
    assert [mail.to for mail in mails()] == ["ana65@correo.test"]


def test_messages_to_strangers_are_counted_by_telephone_and_network(app: Flask, messages: Any) -> None:
    """Each costs: four an hour by one network to one telephone, fifteen in all, then a wait."""
    for number in range(SMS_BY_RECIPIENT_AND_ADDRESS.tries + 1):
        walker = Walker(app)
        walker.get("/signup?contact=phone")
        response = walker.post("/signup", FORM)
        assert response.status_code == (303 if number < SMS_BY_RECIPIENT_AND_ADDRESS.tries else 429)
    while response.status_code != 303 or len(messages()) < SMS_BY_ADDRESS.tries:
        number += 1
        walker = Walker(app)
        walker.get("/signup?contact=phone")
        response = walker.post("/signup", FORM | {"phone": f"0987654{number:03}"})
        assert response.status_code == 303
    walker = Walker(app)
    walker.get("/signup?contact=phone")
    assert walker.post("/signup", FORM | {"phone": "0987655999"}).status_code == 429


def test_a_block_of_numbers_is_worth_little_to_who_earns_by_messages(
    composition: Composition, app: Flask, messages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMS pumping takes many numbers of one block, by many networks: a day's count stops it, other blocks go on."""
    monkeypatch.setitem(composition.idp.settings.__dict__, "sms_per_block_per_day", 3)
    codes = []
    for number in range(5):
        walker = Walker(app, address=f"203.0.{number}.7")
        walker.get("/signup?contact=phone")
        codes.append(walker.post("/signup", FORM | {"phone": f"099555000{number}"}).status_code)
    assert codes == [303, 303, 303, 429, 429]
    walker.get("/signup?contact=phone")
    assert walker.post("/signup", FORM | {"phone": "0995560000"}).status_code == 303


def test_a_new_password_on_a_known_device_does_not_wait(
    app: Flask, walker: Walker, phone_person: Callable[..., Person], messages: Any, clock: ManualClock
) -> None:
    """Two things that are had, the number and the device: what a thief of the number alone lacks."""
    phone_person()
    walker.follow(walker.log_in())
    clock.advance(timedelta(minutes=1))
    step = ask(walker)
    walker.post(step, {"step": "mail_code", "code": code_in(messages)})
    assert "Su contraseña cambió" in walker.post(step, {"step": "password", "password": NEW}).text
    assert "cambio la clave" in messages()[0][1]
    assert Walker(app).log_in(password=NEW).status_code == 303


@pytest.mark.parametrize(("level", "hours"), [(1, 2), (2, 24)])
def test_a_telephone_alone_waits_and_must_still_be_read_at_the_end(
    app: Flask,
    walker: Walker,
    phone_person: Callable[..., Person],
    messages: Any,
    mails: Any,
    events: Any,
    clock: ManualClock,
    level: int,
    hours: int,
) -> None:
    """SIM swap: all contacts are told at once; the password can be set after the delay, from any browser, once."""
    phone_person(level=level, email="rosa@correo.test")
    step = ask(walker)
    page = walker.follow(walker.post(step, {"step": "mail_code", "code": code_in(messages)}))
    assert "Ahora falta esperar" in page.text
    assert walker.post(step, {"step": "password", "password": NEW}).location == step
    assert "pidieron otra clave" in messages()[0][1]
    assert mails()[0].subject == "Pidieron otra contraseña con su celular"
    assert len(events(EventType.PHONE_RECOVERY_OPENED)) == 1
    clock.advance(timedelta(hours=hours, minutes=-1))
    early = Walker(app, address="203.0.113.9")
    step = ask(early)
    early.post(step, {"step": "mail_code", "code": code_in(messages)})
    assert "Ahora falta esperar" in early.get(step).text
    assert len(events(EventType.PHONE_RECOVERY_OPENED)) == 1
    clock.advance(timedelta(minutes=2))
    later = Walker(app, address="203.0.113.10")
    step = ask(later)
    later.post(step, {"step": "mail_code", "code": code_in(messages)})
    assert "Su contraseña cambió" in later.post(step, {"step": "password", "password": NEW}).text
    assert "cambió" in mails()[0].subject
    step = ask(later)
    later.post(step, {"step": "mail_code", "code": code_in(messages)})
    assert "Ahora falta esperar" in later.get(step).text, "a wait is used once"


def test_the_owner_who_logs_in_ends_the_wait(
    app: Flask, walker: Walker, phone_person: Callable[..., Person], messages: Any, clock: ManualClock
) -> None:
    """Who knows the password has no need of another: whoever waits for one is not he. The account says so."""
    phone_person(level=2)
    thief = Walker(app, address="203.0.113.66")
    open_before = Walker(app)
    open_before.follow(open_before.log_in())
    clock.advance(timedelta(minutes=1))
    step = ask(thief)
    thief.post(step, {"step": "mail_code", "code": code_in(messages)})
    assert "Alguien pidió una contraseña nueva con su celular" in open_before.get("/account").text
    clock.advance(timedelta(minutes=1))
    walker.follow(walker.log_in())
    assert "La espera se detuvo" in thief.get(step).text
    clock.advance(timedelta(hours=25))
    step = ask(thief)
    thief.post(step, {"step": "mail_code", "code": code_in(messages)})
    assert "Ahora falta esperar" in thief.get(step).text
    assert thief.post(step, {"step": "password", "password": NEW}).location == step


def test_a_message_is_not_proof_twice_in_one_reset(
    composition: Composition, walker: Walker, phone_person: Callable[..., Person], messages: Any, clock: ManualClock
) -> None:
    """Whose second step is a code by message proves another: here a recovery code; a code by message is refused."""
    person = phone_person()
    with composition.database.transaction() as session:
        add_code_factor(session, person_id=person.id, channel=Channel.SMS, now=clock.now())
        codes = issue_recovery_codes(session, services=composition.idp, person_id=person.id, now=clock.now())
    step = ask(walker)
    sent = code_in(messages)
    page = walker.follow(walker.post(step, {"step": "mail_code", "code": sent}))
    assert "segundo paso" in page.text
    assert "Recibir un código por mensaje de texto" not in page.text
    before = len(messages())
    walker.get(f"{step}?method=sms")
    assert len(messages()) == before
    assert walker.post(step, {"step": "second_factor", "method": "sms", "code": sent[:6]}).status_code == 422
    assert walker.post(step, {"step": "password", "password": NEW}).location == step
    walker.post(step, {"step": "second_factor", "method": "recovery_code", "code": codes[0]})
    assert "Su contraseña cambió" in walker.post(step, {"step": "password", "password": NEW}).text


def test_a_telephone_that_was_changed_lately_gives_no_password(
    composition: Composition, walker: Walker, phone_person: Callable[..., Person], messages: Any, clock: ManualClock
) -> None:
    """The number is told why; after a week it serves. No code goes out before."""
    person = phone_person()
    clock.advance(timedelta(days=30))
    with composition.database.transaction() as session:
        session.get_one(PersonRow, person.id).phone_verified_at = clock.now()
    step = ask(walker)
    assert "por 7 dias no sirve" in messages()[0][1]
    assert re.search(r"\d{8}", messages()[0][1]) is None
    assert walker.post(step, {"step": "mail_code", "code": "00000000"}).status_code == 422
    clock.advance(timedelta(days=7))
    ask(walker)
    assert "su codigo para crear otra clave" in messages()[0][1]


def test_what_must_not_be_missed_reaches_who_has_no_mailbox(
    composition: Composition, phone_person: Callable[..., Person], messages: Any, mails: Any, clock: ManualClock
) -> None:
    """The account is to be erased: the day stands in the message."""
    person = phone_person()
    with composition.database.transaction() as session:
        due = request_deletion(session, services=composition.idp, person=person, now=clock.now())
    to, text = messages()[0]
    assert to == PHONE
    assert due.due_at.astimezone().strftime("%m/%Y") in text
    assert "No borrar mi cuenta" in text
    assert mails() == []
