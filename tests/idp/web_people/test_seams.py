"""Where rooms meet: what one person, session or tab does while another is half way."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from composition import Composition
from idp.accounts.life import disable_person
from idp.accounts.model import PasswordRow
from idp.accounts.person import Person
from idp.authentication import login, password_try
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.password import hash_password
from idp.authentication.password_reset import replace_password
from idp.authentication.totp import current_code, list_totp
from kernel.clock import ManualClock
from kernel.secret_text import SecretText
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker


def _shown_key(walker: Walker) -> str:
    page = walker.get("/account/second-factor").text
    found = re.search(r'class="[^"]*"[^>]*>((?:[A-Z2-7]{4}\s?){8})<', page) or re.search(
        r"((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})", page
    )
    assert found, page
    return re.sub(r"\s", "", found[1])


def test_the_key_to_enrol_is_shown_to_one_session_alone(
    app: Flask, composition: Composition, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """Attacks 5, 7: a thief of the password who opens the page first does not know the key that its owner confirms."""
    person = make_person()
    thief, owner = Walker(app, "198.51.100.9"), Walker(app)
    thief.log_in()
    owner.log_in()
    stolen, own = _shown_key(thief), _shown_key(owner)
    assert stolen != own
    assert _shown_key(owner) == own, "a reload shows the same key"
    assert owner.post("/account/second-factor", {"code": current_code(own, now=clock.now())}).status_code == 303
    answer = thief.post("/account/second-factor", {"code": current_code(stolen, now=clock.now())})
    assert "/login/" in answer.location, "whoever has not shown the second factor is sent to log in"
    with composition.database.reading() as session:
        assert len(list_totp(session, person.id)) == 1


def test_a_password_step_dies_with_its_password(
    walker: Walker,
    composition: Composition,
    make_person: Callable[..., Person],
    code: Callable[[], str],
    clock: ManualClock,
) -> None:
    """Provider 7: who typed the old password and waits at the second factor does not get in after the change."""
    person = make_person(totp=True)
    path = walker.open_login()
    walker.post(path, {"step": "password", "username": CEDULA, "password": PASSWORD})
    phc = hash_password(SecretText("otra-clave-bien-larga-77"))
    with composition.database.transaction() as session:
        replace_password(session, services=composition.idp, person=person, phc=phc, reason="reset", now=clock.now())
    walker.post(path, {"step": "second_factor", "code": code()})
    assert walker.cookie("sau_session") is None
    with composition.database.reading() as session:
        assert list_browser_sessions(session, person_id=person.id, now=clock.now()) == []


@pytest.mark.parametrize("change", ["disable", "password"])
def test_a_session_opened_at_the_moment_of_the_change_does_not_survive_it(
    walker: Walker,
    composition: Composition,
    make_person: Callable[..., Person],
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    """READ COMMITTED: what ends sessions waits for the one that is being opened, then ends it, too."""
    person = make_person()
    phc = hash_password(SecretText("otra-clave-bien-larga-77"))
    opening = login.open_session

    def act() -> None:
        with composition.database.transaction() as session:
            if change == "disable":
                disable_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
            else:
                replace_password(
                    session, services=composition.idp, person=person, phc=phc, reason="reset", now=clock.now()
                )

    other = threading.Thread(target=act)

    def open_slowly(*arguments: object, **keywords: object) -> object:
        other.start()
        time.sleep(0.4)
        return opening(*arguments, **keywords)

    monkeypatch.setattr(login, "open_session", open_slowly)
    walker.log_in()
    other.join(60)
    with composition.database.reading() as session:
        assert list_browser_sessions(session, person_id=person.id, now=clock.now()) == []


def test_a_renewed_hash_is_no_new_password(
    walker: Walker,
    composition: Composition,
    make_person: Callable[..., Person],
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stronger parameters at the next login end no application's access: the password is the same."""
    person = make_person()
    monkeypatch.setattr(password_try, "needs_rehash", lambda phc: True)
    with composition.database.reading() as session:
        before = session.get_one(PasswordRow, person.id)

    def hash_anew(password: SecretText) -> str:
        """Tests make two hashes of a password and no more: this is the one that the person has not."""
        made = hash_password(password)
        return made if made != before.phc else hash_password(password)

    monkeypatch.setattr(password_try, "hash_password", hash_anew)
    clock.advance(timedelta(days=1))
    walker.log_in()
    with composition.database.reading() as session:
        after = session.get_one(PasswordRow, person.id)
    assert after.phc != before.phc
    assert after.set_at == before.set_at
