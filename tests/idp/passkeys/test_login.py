"""Passkeys through the real addresses, with an authenticator in software: what they open, and every way they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import erase_person
from idp.accounts.person import Person
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.recovery_codes import count_recovery_codes
from idp.passkeys.model import PasskeyChallengeRow, PasskeyHolderRow, PasskeyRow
from idp.passkeys.passkey import list_passkeys
from kernel.clock import ManualClock
from tests.idp.passkeys.conftest import add_passkey, ask, options_in
from tests.idp.passkeys.software_authenticator import BE, BS, UP, UV, SoftwareAuthenticator
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker, mail_code

Holder = Callable[..., tuple[Person, Walker, SoftwareAuthenticator]]
_SECOND = "0926687856"


def _log_in(walker: Walker, authenticator: SoftwareAuthenticator, **wrong: Any) -> Any:
    path = walker.open_login()
    answer = authenticator.answer(ask(walker, path), **wrong)
    return walker.post(f"{path}/passkey", {"code": answer})


@pytest.mark.parametrize(
    ("algorithm", "flags", "lives"),
    [(-7, UP | UV, "hwk"), (-8, UP | UV | BE | BS, "swk"), (-257, UP | UV | BE, "swk")],
    ids=["ES256", "EdDSA", "RS256"],
)
def test_a_passkey_opens_the_account_by_itself(
    app: Flask,
    composition: Composition,
    holder: Holder,
    clock: ManualClock,
    events: Callable[..., list[Any]],
    algorithm: int,
    flags: int,
    lives: str,
) -> None:
    """Two factors at once: the key, and the finger, face or PIN (NIST SP 800-63B-4 §3.1.7).

    ``amr`` says where it lives (RFC 8176); ES256, EdDSA and RS256.
    """
    person, browser, authenticator = holder(algorithm=algorithm, flags=flags)
    assert "XXXXX" not in browser.get("/account/recovery-codes").text
    with composition.database.reading() as session:
        assert count_recovery_codes(session, person.id) == 10, "with the first factor, whichever it is"
        (made_by,) = list_browser_sessions(session, person_id=person.id, now=clock.now())
    assert {lives, "user", "pwd", "mfa"} == set(made_by.amr), "the session that made it has proved it"
    other = Walker(app, "198.51.100.4")
    answer = _log_in(other, authenticator)
    assert answer.status_code == 303
    assert "María" in other.follow(answer).text
    with composition.database.reading() as session:
        sessions = list_browser_sessions(session, person_id=person.id, now=clock.now())
    opened = next(each for each in sessions if each.sid != made_by.sid)
    assert set(opened.amr) == {lives, "user", "mfa"}
    assert opened.acr == "urn:sau:acr:2fa"
    (event,) = events(EventType.PASSKEY_VERIFIED)
    assert (event.outcome, event.subject) == ("success", person.id)


def test_what_is_asked_of_a_browser_is_the_same_for_everybody(app: Flask) -> None:
    """No list of keys before the password, no word on who exists; keys that need no name; the person verified."""
    stranger = Walker(app)
    options = ask(stranger, stranger.open_login())
    assert options.pop("challenge")
    assert options == {"rpId": "localhost", "timeout": 300_000, "allowCredentials": [], "userVerification": "required"}


def test_what_is_asked_at_registration(app: Flask, composition: Composition, holder: Holder) -> None:
    """Discoverable keys, user verified, no attestation; a handle that is neither id nor cédula; no key made twice."""
    person, browser, authenticator = holder()
    options = options_in(browser.get("/account/passkeys/new"))
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
    assert options["rp"] == {"name": "SAU", "id": "localhost"}
    assert CEDULA not in json.dumps(options)
    assert person.id not in json.dumps(options)
    assert options["user"]["id"] == authenticator.handle
    assert len(options["excludeCredentials"]) == 1


def test_an_answer_that_is_not_what_was_asked_for_opens_nothing(
    app: Flask, holder: Holder, events: Callable[..., list[Any]]
) -> None:
    """Attacks 4: another origin, nobody verified, no handle, no answer at all; every other way: the rule's test."""
    _, _, authenticator = holder()
    other = Walker(app)
    for wrong in ({"origin": "https://localhost:8000"}, {"flags": UP}, {"handle": None}, {"handle": "\ud800"}):
        answer = _log_in(other, authenticator, **wrong)
        assert answer.status_code == 422, wrong
        assert "Esa llave de acceso no sirvió" in answer.text
    path = other.open_login()
    for sent in ("", "{", "null", "[" * 8000, '{"id":' * 1500, "x" * 300_000):
        assert other.post(f"{path}/passkey", {"code": sent}).status_code == 422, sent[:20]
    assert other.cookie("sau_session") is None
    assert {event.outcome for event in events(EventType.PASSKEY_VERIFIED)} == {"refused"}
    assert _log_in(other, authenticator).status_code == 303, "the honest one still gets in"


def test_an_answer_counts_once_and_in_its_own_login_alone(app: Flask, holder: Holder, clock: ManualClock) -> None:
    """Attacks 4, 5: replay, another interaction, another browser, later than five minutes, without a challenge."""
    _, _, authenticator = holder()
    first, second = Walker(app), Walker(app, "198.51.100.4")
    path, elsewhere = first.open_login(), second.open_login()
    answer = authenticator.answer(ask(first, path))
    assert second.post(f"{elsewhere}/passkey", {"code": answer}).status_code == 422, "another's login"
    assert second.post(f"{path}/passkey", {"code": answer}).status_code == 403, "another's interaction"
    again = first.open_login()
    assert first.post(f"{again}/passkey", {"code": answer}).status_code == 422, "one's own other login"
    assert first.post(f"{path}/passkey", {"code": answer}).status_code == 303
    third = Walker(app)
    path = third.open_login()
    old = authenticator.answer(ask(third, path))
    clock.advance(timedelta(minutes=5))
    assert third.post(f"{path}/passkey", {"code": old}).status_code == 422, "too old"
    fresh = authenticator.answer(ask(third, path))
    assert third.post(f"{path}/passkey", {"code": fresh}).status_code == 303
    fourth = Walker(app)
    path = fourth.open_login()
    assert fourth.post(f"{path}/passkey", {"code": fresh}).status_code == 422, "used"


def test_a_counter_that_goes_back_closes_the_key_and_says_so(
    app: Flask,
    composition: Composition,
    holder: Holder,
    events: Callable[..., list[Any]],
    mails: Callable[[], list[Any]],
) -> None:
    """WebAuthn §7.2 step 22: there may be a copy. Refused, on record, told; kept for its person to see and remove."""
    person, browser, authenticator = holder(count=7)
    assert _log_in(Walker(app), authenticator, count=9).status_code == 303
    assert _log_in(Walker(app), authenticator, count=9).status_code == 422
    (flagged,) = events(EventType.PASSKEY_FLAGGED)
    assert (flagged.subject, flagged.outcome) == (person.id, "refused")
    assert "su contador retrocedió" in mails()[0].body
    assert _log_in(Walker(app), authenticator, count=10).status_code == 422, "closed from then on, to whoever has it"
    assert len(events(EventType.PASSKEY_FLAGGED)) == 1
    with composition.database.reading() as session:
        (kept,) = list_passkeys(session, person.id)
    assert kept.flagged_at is not None
    assert "No se acepta" in browser.get("/account/passkeys").text


def test_another_persons_key_is_no_second_step(
    app: Flask, holder: Holder, make_person: Callable[..., Person], events: Callable[..., list[Any]]
) -> None:
    """A key of Luis, however well it signs, does not stand beside Ana's password; and it is counted like any code."""
    _, _, luis_key = holder(cedula=(_SECOND,))
    _, _, ana_key = holder()
    thief = Walker(app, "198.51.100.9")
    page = thief.follow(thief.log_in(CEDULA))
    options = options_in(page)
    assert [each["id"] for each in options["allowCredentials"]] != []
    path = page.request.path
    body = {"step": "second_factor", "method": "passkey"}
    answer = thief.post(path, {**body, "code": luis_key.answer(options)})
    assert answer.status_code == 422
    assert [event.reason for event in events(EventType.PASSKEY_VERIFIED)] == ["passkey_refused"]
    claimed = options_in(answer)
    assert thief.post(path, {**body, "code": ana_key.answer(claimed, handle=luis_key.handle)}).status_code == 422
    assert thief.post(path, {**body, "code": ana_key.answer(options_in(thief.get(path)))}).status_code == 303


def test_a_second_step_belongs_to_one_login(app: Flask, holder: Holder) -> None:
    """The answer made in one login does not finish another of the same person; a login's does not do for a step."""
    _, _, key = holder()
    one, two = Walker(app), Walker(app, "198.51.100.4")
    first, second = one.follow(one.log_in(CEDULA)), two.follow(two.log_in(CEDULA))
    body = {"step": "second_factor", "method": "passkey"}
    answer = key.answer(options_in(first))
    options_in(second)
    assert two.post(second.request.path, {**body, "code": answer}).status_code == 422
    usernameless = Walker(app)
    path = usernameless.open_login()
    crossed = key.answer(ask(usernameless, path))
    assert one.post(first.request.path, {**body, "code": crossed}).status_code == 422
    assert usernameless.post(f"{path}/passkey", {"code": answer}).status_code == 422
    assert one.post(first.request.path, {**body, "code": answer}).status_code == 303


def test_a_passkey_opens_the_reset_of_a_password(
    app: Flask, holder: Holder, mails: Callable[[], list[Any]], composition: Composition
) -> None:
    """The mailbox alone does not give a new password to who has a passkey; and the login with it keeps working."""
    _, _, key = holder()
    other = Walker(app)
    other.get("/recovery")
    path = other.post("/recovery", {"username": CEDULA}).location
    other.get(path)
    other.post(path, {"step": "mail_code", "code": mail_code(mails()[0].body)})
    options = options_in(other.get(path))
    assert other.post(path, {"step": "second_factor", "method": "passkey", "code": "{}"}).status_code == 422
    other.post(path, {"step": "second_factor", "method": "passkey", "code": key.answer(options)})
    page = other.post(path, {"step": "password", "password": "otra-frase-muy-larga-92"})
    assert page.status_code == 200
    assert _log_in(Walker(app), key).status_code == 303


def test_a_registration_counts_once_in_its_own_session(
    app: Flask, holder: Holder, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """Replay, another session's options, a key that someone has already, and after five minutes."""
    _, browser, key = holder()
    make_person(_SECOND)
    luis = Walker(app, "198.51.100.9")
    luis.log_in(_SECOND)
    made = options_in(browser.get("/account/passkeys/new"))
    stolen = SoftwareAuthenticator().register(made)
    assert luis.get("/account/passkeys/new").status_code == 200
    assert luis.post("/account/passkeys/new", {"code": stolen}).status_code == 422
    assert browser.post("/account/passkeys/new", {"code": stolen}).status_code == 303
    assert browser.post("/account/passkeys/new", {"code": stolen}).status_code == 422, "again"
    known = key.register(options_in(luis.get("/account/passkeys/new")))
    assert luis.post("/account/passkeys/new", {"code": known}).status_code == 422, "somebody's"
    for wrong in ({"flags": UP}, {"origin": "http://localhost:8001"}, {"attestation": b"\x81" * 5000}):
        bad = SoftwareAuthenticator().register(options_in(browser.get("/account/passkeys/new")), **wrong)
        assert browser.post("/account/passkeys/new", {"code": bad}).status_code == 422, wrong
    assert browser.post("/account/passkeys/new", {"code": ""}).status_code == 422, "no script, no key"
    late = SoftwareAuthenticator().register(options_in(browser.get("/account/passkeys/new")))
    clock.advance(timedelta(minutes=5))
    assert browser.post("/account/passkeys/new", {"code": late}).status_code == 422


def test_a_disabled_person_and_a_removed_key_open_nothing(
    app: Flask, composition: Composition, holder: Holder, clock: ManualClock
) -> None:
    """The same words for both; the holder's own browser is told that the key is unknown (Signal API)."""
    person, browser, key = holder()
    page = browser.get("/account/passkeys")
    passkey_id = page.text.split('href="/account/passkeys/')[1].split('"')[0]
    assert "signalAllAcceptedCredentials" in page.text
    assert browser.post(f"/account/passkeys/{passkey_id}/remove").status_code == 303
    answer = _log_in(Walker(app), key)
    assert answer.status_code == 422
    assert "signalUnknownCredential" in answer.text
    assert add_passkey(browser, key).status_code == 303
    with composition.database.transaction() as session:
        from idp.accounts.life import disable_person

        disable_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
    closed = _log_in(Walker(app), key)
    assert closed.status_code == 422
    assert "signalUnknownCredential" not in closed.text


def test_erasing_a_person_destroys_the_passkeys(
    app: Flask, composition: Composition, holder: Holder, clock: ManualClock
) -> None:
    """Key, name, handle and open challenges."""
    person, _, key = holder()
    browser = Walker(app)
    browser.follow(browser.log_in(CEDULA))
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
    with composition.database.reading() as session:
        for table in (PasskeyRow, PasskeyHolderRow, PasskeyChallengeRow):
            assert session.scalars(select(table)).all() == []
    assert _log_in(Walker(app), key).status_code == 422


def test_without_a_password_there_must_be_two_other_ways_in(
    app: Flask,
    holder: Holder,
    mails: Callable[[], list[Any]],
    events: Callable[..., list[Any]],
) -> None:
    """Offered with two passkeys, not with one; then the password opens nothing, and the last key cannot be removed."""
    _, browser, key = holder()
    assert browser.get("/account/password/remove").status_code == 303
    assert browser.post("/account/password/remove").status_code == 409
    second = SoftwareAuthenticator()
    assert add_passkey(browser, second, "Otra").status_code == 303
    assert "Quitar mi contraseña" in browser.get("/account/passkeys").text
    assert browser.get("/account/password/remove").status_code == 200
    assert browser.post("/account/password/remove").status_code == 303
    assert len(events(EventType.PASSWORD_REMOVED)) == 1
    assert "se quitó la contraseña" in mails()[0].body
    other = Walker(app)
    assert other.log_in(CEDULA, PASSWORD).status_code == 422
    assert _log_in(other, second).status_code == 303
    ids = [part.split('"')[0] for part in other.get("/account/passkeys").text.split('href="/account/passkeys/')[1:]]
    ids = [each for each in ids if each != "new"]
    assert other.post(f"/account/passkeys/{ids[0]}/remove").status_code == 303
    refused = other.post(f"/account/passkeys/{ids[1]}/remove")
    assert refused.status_code == 422
    assert "única forma de ingresar" in refused.text
    assert _log_in(Walker(app), key).status_code == 422
    assert _log_in(Walker(app), second).status_code == 303


def test_a_passkey_steps_a_session_up_and_can_be_renamed(
    app: Flask, holder: Holder, clock: ManualClock, events: Callable[..., list[Any]]
) -> None:
    """What changes how one logs in asks for a recent login: a passkey is one. Another's key is nobody's to rename."""
    _, browser, key = holder()
    clock.advance(timedelta(minutes=16))
    path = browser.get("/account/passkeys/new").location
    assert "/login/" in path
    before = browser.cookie("sau_session")
    browser.get(path)
    assert browser.post(f"{path}/passkey", {"code": key.answer(ask(browser, path))}).status_code == 303
    assert browser.cookie("sau_session") != before, "a session's cookie changes with its worth"
    assert browser.follow(browser.get(path)).request.path == "/account/passkeys/new"
    passkey_id = browser.get("/account/passkeys").text.split('href="/account/passkeys/')[1].split('"')[0]
    assert browser.post(f"/account/passkeys/{passkey_id}", {"name": "  Celular\u202e de Ana "}).status_code == 303
    assert "Celular de Ana" in browser.get("/account/passkeys").text
    assert browser.post(f"/account/passkeys/{passkey_id}", {"name": "x" * 61}).status_code == 422
    assert browser.post(f"/account/passkeys/{passkey_id}", {"name": " "}).status_code == 422
    assert len(events(EventType.PASSKEY_RENAMED)) == 1
    assert browser.post("/account/passkeys/00000000000000000000000000", {"name": "x"}).status_code == 404


def test_many_refusals_of_one_network_are_stopped_for_a_while(
    app: Flask, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody guesses a signature: the bound is on what a stranger can have written into the evidence."""
    from idp.authentication.throttle import Limit
    from idp.passkeys import login

    monkeypatch.setattr(login, "PASSKEY_BY_ADDRESS", Limit("certificate-address", 2, timedelta(minutes=15)))
    _, _, key = holder()
    stranger = Walker(app, "198.51.100.66")
    path = stranger.open_login()
    for _ in range(2):
        assert stranger.post(f"{path}/passkey", {"code": "{}"}).status_code == 422
    assert stranger.post(f"{path}/passkey", {"code": "{}"}).status_code == 429
    assert _log_in(Walker(app), key).status_code == 303
