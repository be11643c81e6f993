"""A foreigner's account: sign-up, login, reset and erasure by passport, as by cédula."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.commands import user_commands
from idp.accounts.life import erase_person
from idp.accounts.model import PersonRow, SignUpRow
from idp.accounts.person import add_person, find_person_by_document
from idp.authentication.password import hash_password, store_password
from idp.tokens.claims import person_claims
from kernel.clock import ManualClock
from kernel.secret_text import SecretText
from tests.idp.web_people.conftest import PASSWORD, Walker, mail_code
from tests.idp.web_people.test_sign_up import normal

PASSPORT = "COL-AB123456"
FORM = {
    "document": "passport",
    "state": "COL",
    "passport": "ab 123456",
    "given_names": "Lucía",
    "surnames": "Restrepo Gómez",
    "email": "lucia@correo.test",
}


def test_a_foreigner_signs_up_logs_in_and_resets_the_password_by_passport(
    app: Flask, walker: Walker, composition: Composition, mails: Callable[[], list[Any]], events: Callable[..., Any]
) -> None:
    """One person, whatever way the passport is typed; applications are told it where they asked who it is."""
    walker.get("/signup?document=passport")
    step = walker.post("/signup", FORM).location
    walker.get(step)
    walker.post(step, {"step": "code", "code": mail_code(mails()[0].body)})
    assert f'value="{PASSPORT}"' in walker.get(step).text
    assert walker.post(step, {"step": "password", "password": PASSWORD}).status_code == 303
    assert "Pasaporte" in walker.get("/account").text
    with composition.database.reading() as session:
        person = find_person_by_document(session, PASSPORT)
    assert person is not None
    assert (person.cedula, person.passport, person.document) == ("", PASSPORT, PASSPORT)
    assert person_claims(person, ["openid", "cedula"], subject="s") == {"sub": "s", "passport": PASSPORT}
    other = Walker(app)
    for typed in ("col ab123456", "COL-AB 123-456"):
        assert other.log_in(typed).status_code == 303
    assert Walker(app).log_in(PASSPORT, "wrong-password-here").status_code == 422
    failed = events(EventType.PASSWORD_VERIFIED)[-1]
    assert failed.subject == person.id
    assert PASSPORT.encode() not in b"".join(event.leaf for event in events())
    stranger = Walker(app)
    stranger.get("/recovery")
    reset = stranger.post("/recovery", {"username": "COL-AB123456"}).location
    stranger.get(reset)
    assert mails()[0].to == "lucia@correo.test"
    stranger.post(reset, {"step": "mail_code", "code": mail_code(mails()[0].body)})
    assert PASSPORT in stranger.get(reset).text
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=person.created_at)
    with composition.database.reading() as session:
        assert session.scalars(select(PersonRow.passport)).all() == [None]
        assert session.scalars(select(SignUpRow)).all() == []


def test_what_is_wrong_stands_beside_its_field(walker: Walker) -> None:
    """State and number are two fields; what was typed comes back."""
    walker.get("/signup?document=passport")
    page = walker.post("/signup", {**FORM, "state": "", "email": "lucia@correo.test"})
    assert page.status_code == 422
    assert "Elija el país que dio el pasaporte" in page.text
    assert 'value="ab 123456"' in page.text
    page = walker.post("/signup", {**FORM, "passport": "AB"})
    assert "de 5 a 9 letras y dígitos. Cópielo" in page.text
    assert '<option value="COL" selected>' in page.text
    assert "escriba el país, un guion y el número" in walker.log_in("AB123456").text


def test_a_passport_tells_a_stranger_nothing(
    app: Flask, composition: Composition, clock: ManualClock, mails: Callable[[], list[Any]]
) -> None:
    """attacks-and-faults 3: existing and absent passports give the same bytes at login, reset and sign-up."""
    _add(composition, clock)
    pages = []
    for number in ("XY123456", "XY123457"):
        walker = Walker(app)
        typed, shown = walker.log_in(f"COL-{number}", "wrong-password-here"), []
        shown.append(typed.text.replace(number, "…"))
        walker.get("/recovery")
        shown.append(walker.follow(walker.post("/recovery", {"username": f"COL {number}"})).text)
        walker.get("/signup?document=passport")
        step = walker.post("/signup", {**FORM, "passport": number, "email": "intruso@correo.test"}).location
        shown += [walker.get(step).text, walker.post(step, {"step": "code", "code": "12345678"}).text]
        pages.append([normal(text) for text in shown])
    for existing, absent in zip(*pages, strict=True):
        assert existing == absent
    assert not any(mail.to == "intruso@correo.test" and "ya tiene" in mail.body for mail in mails())


def test_an_operator_adds_a_foreigner_and_finds_him(composition: Composition) -> None:
    """``sau user add --passport``, then ``show`` by it; one document a person, and each once."""
    commands, run = user_commands(lambda: composition.idp), CliRunner().invoke
    add = ["add", "--email", "lucia@correo.test", "--name", "Lucía, Restrepo", "--json"]
    made = run(commands, [*add, "--passport", "col ab123456"])
    assert json.loads(made.output)["passport"] == PASSPORT
    assert json.loads(run(commands, ["show", "COL-AB123456", "--json"]).output)["name"] == "Lucía Restrepo"
    for wrong in ((), ("--cedula", "1710034065", "--passport", "COL-AB123456"), ("--passport", "1710034065")):
        assert run(commands, [*add, *wrong]).exit_code != 0
    assert getattr(run(commands, [*add, "--passport", PASSPORT]).exception, "code", "") == "passport_taken"


def _add(composition: Composition, clock: ManualClock) -> None:
    phc = hash_password(SecretText(PASSWORD))
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula=None,
            passport="COL-XY123456",
            given_names="Lucía",
            surnames="Restrepo",
            email="lucia@correo.test",
            email_verified=True,
            now=clock.now(),
        )
        store_password(
            session, journal=composition.journal, person_id=person.id, phc=phc, reason="operator", now=clock.now()
        )
