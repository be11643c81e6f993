"""Bad input at each step: a clear page, an event, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from audit.vocabulary import EventType, Outcome
from composition import Composition
from idp.accounts.person import Person
from idp.authentication.enrollment_link import EnrollmentLink, create_enrollment_link
from kernel.clock import ManualClock
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker, mail_code
from tests.idp.web_people.test_sign_up import FORM

Events = Callable[..., list[Any]]


@pytest.fixture
def refusals(events: Events) -> Callable[..., list[tuple[str, list[str]]]]:
    """(reason, fields) of the refusals of one kind, oldest first."""

    def read(kind: EventType) -> list[tuple[str, list[str]]]:
        found = events(kind)
        assert all(event.outcome == Outcome.REFUSED for event in found)
        return [(event.reason, json.loads(event.leaf)["details"]["fields"]) for event in found]

    return read


@pytest.fixture
def link(composition: Composition, clock: ManualClock) -> EnrollmentLink:
    """An enrolment link for whoever holds it."""
    with composition.database.transaction() as session:
        return create_enrollment_link(session, journal=composition.journal, now=clock.now())


def test_every_refused_step_of_a_sign_up_is_on_record(
    walker: Walker, refusals: Any, events: Events, mails: Callable[[], list[Any]]
) -> None:
    """Malformed data, no code, wrong code, weak password, another's journey: each once, with nothing that was typed."""
    walker.get("/signup")
    typed = {"cedula": "1710034066", "given_names": "Zoraida9", "surnames": "Quispe", "email": "zoraida@"}
    assert walker.post("/signup", typed).status_code == 422
    step = walker.post("/signup", FORM).location
    walker.get(step)
    assert walker.post(step, {"step": "code", "code": ""}).status_code == 422
    assert walker.post(step, {"step": "code", "code": "00000000"}).status_code == 422
    assert walker.post(step, {"step": "password", "password": PASSWORD}).status_code == 303
    assert walker.post(step, {"step": "resend"}).status_code == 429
    walker.post(step, {"step": "code", "code": mail_code(mails()[0].body)})
    walker.get(step)
    assert walker.post(step, {"step": "password", "password": "Quispe 1710034065"}).status_code == 422
    assert Walker(walker.app).get(step).status_code == 403
    assert walker.get(f"/signup/{'x' * 26}").status_code == 404
    assert refusals(EventType.ACCOUNT_SIGN_UP_REFUSED) == [
        (
            "cedula_invalid",
            ["cedula: cedula_invalid", "given_names: name_characters", "email: email_invalid"],
        ),
        ("code_missing", ["code: code_missing"]),
        ("step_not_due", []),
        ("resend_too_soon", ["code: resend_too_soon"]),
        ("password_personal", ["password: password_personal"]),
        ("sign_up_foreign", []),
        ("sign_up_unknown", []),
    ]
    wrong = [event for event in events(EventType.CONTACT_VERIFIED) if event.outcome == Outcome.FAILURE]
    assert [event.reason for event in wrong] == ["wrong_mail_code"]
    journey = step.rpartition("/")[2]
    assert [event.object_id for event in events(EventType.ACCOUNT_SIGN_UP_REFUSED)[1:6]] == [journey] * 5
    leaves = b"".join(event.leaf for event in events())
    for text in ("1710034066", "Zoraida", "zoraida", "00000000", "Quispe"):
        assert text.encode() not in leaves


def test_every_refused_step_of_a_reset_is_on_record(
    walker: Walker, refusals: Any, make_person: Callable[..., Person], mails: Callable[[], list[Any]], events: Events
) -> None:
    """A malformed cédula, no code, a step that is not due, a weak password, the end of it opened again."""
    make_person()
    walker.get("/recovery")
    assert walker.post("/recovery", {"username": "17100340"}).status_code == 422
    step = walker.post("/recovery", {"username": CEDULA}).location
    walker.get(step)
    assert walker.post(step, {"step": "mail_code", "code": " "}).status_code == 422
    assert walker.post(step, {"step": "mail_code", "code": "00000000"}).status_code == 422
    assert walker.post(step, {"step": "password", "password": PASSWORD}).status_code == 303
    walker.post(step, {"step": "mail_code", "code": mail_code(mails()[0].body)})
    walker.get(step)
    assert walker.post(step, {"step": "password", "password": "12345"}).status_code == 422
    assert walker.post(step, {"step": "password", "password": "nube-cacao-sombrero-88"}).status_code == 200
    assert walker.get(step).status_code == 409
    assert [reason for reason, _ in refusals(EventType.PASSWORD_RESET_REFUSED)] == [
        "cedula_length",
        "code_missing",
        "step_not_due",
        "password_short",
        "reset_finished",
    ]
    failures = [event.reason for event in events(EventType.CONTACT_VERIFIED) if event.outcome == Outcome.FAILURE]
    assert failures == ["wrong_mail_code"]
    assert b"17100340" not in b"".join(event.leaf for event in events())


def test_every_refused_step_of_an_enrolment_link_is_on_record(
    walker: Walker,
    refusals: Any,
    link: EnrollmentLink,
    composition: Composition,
    clock: ManualClock,
    events: Events,
) -> None:
    """Wrong identity, weak password, wrong first code, an expired link; the link itself never stands in the log."""
    path = f"/enroll/{link.token}"
    who = {"cedula": CEDULA, "given_names": "Ana", "surnames": "Quispe", "email": "ana@correo.test"}
    walker.get(path)
    bad = {"step": "password", **who, "email": "ana", "password": "corta"}
    assert walker.post(path, bad).status_code == 422
    assert walker.post(path, {"step": "second_factor", "code": "123456"}).status_code == 303
    walker.post(path, {"step": "password", **who, "password": PASSWORD})
    walker.get(path)
    assert walker.post(path, {"step": "second_factor", "code": ""}).status_code == 422
    assert walker.post(path, {"step": "second_factor", "code": "000000"}).status_code == 422
    clock.advance(timedelta(hours=73))
    assert walker.get(path).status_code == 409
    assert walker.get("/enroll/" + "y" * 43).status_code == 404
    assert refusals(EventType.ENROLLMENT_LINK_REFUSED) == [
        ("email_invalid", ["email: email_invalid", "password: password_short"]),
        ("step_not_due", []),
        ("code_missing", ["code: code_missing"]),
        ("link_expired", []),
        ("link_unknown", []),
    ]
    assert {event.subject for event in events(EventType.ENROLLMENT_LINK_REFUSED)[:4]} == {link.person_id}
    failed = events(EventType.TOTP_ENROLLED)
    assert [(event.outcome, event.reason, event.subject) for event in failed] == [
        (Outcome.FAILURE, "wrong_code", link.person_id)
    ]
    leaves = b"".join(event.leaf for event in events())
    for text in (link.token, "y" * 43, "corta", "ana@correo.test", CEDULA):
        assert text.encode() not in leaves


def test_wrong_first_codes_are_counted_at_both_doors_of_enrolment(
    app: Flask, link: EnrollmentLink, make_person: Callable[..., Person], events: Events
) -> None:
    """Ten in a quarter of an hour, then a wait: a key that its owner sees is not guessed, but the log is not filled."""
    make_person("0923456719")
    citizen, holder = Walker(app), Walker(app)
    citizen.follow(citizen.log_in("0923456719"))
    citizen.get("/account/second-factor")
    path = f"/enroll/{link.token}"
    holder.get(path)
    who = {"cedula": CEDULA, "given_names": "Ana", "surnames": "Quispe", "email": "ana@correo.test"}
    holder.post(path, {"step": "password", **who, "password": PASSWORD})
    holder.get(path)
    for walker, address, data in (
        (citizen, "/account/second-factor", {}),
        (holder, path, {"step": "second_factor"}),
    ):
        answers = [walker.post(address, {**data, "code": "000000"}).status_code for _ in range(12)]
        assert answers == [422] * 10 + [429] * 2
    assert len(events(EventType.TOTP_ENROLLED)) == 20


def test_a_stranger_makes_at_most_thirty_refusals_a_minute(app: Flask, refusals: Any) -> None:
    """A flood of bad forms is no flood of records; another network still gets its own."""
    walker = Walker(app)
    walker.get("/login")
    path = walker.open_login()
    for _ in range(40):
        assert walker.post(path, {"step": "password", "username": "1", "password": ""}).status_code == 422
    assert len(refusals(EventType.INTERACTION_REFUSED)) == 30
    other = Walker(app, address="203.0.113.8")
    other.post(other.open_login(), {"step": "password", "username": "1", "password": ""})
    assert refusals(EventType.INTERACTION_REFUSED)[-1] == (
        "cedula_length",
        ["username: cedula_length", "password: password_missing"],
    )
    assert len(refusals(EventType.INTERACTION_REFUSED)) == 31


def test_a_stranger_cannot_use_up_the_mails_by_which_a_citizen_recovers(
    app: Flask, make_person: Callable[..., Person], mails: Callable[[], list[Any]]
) -> None:
    """One network has six mails an hour for a mailbox; the citizen's network and known device have theirs."""
    make_person()
    known = Walker(app, address="203.0.113.9")
    known.follow(known.log_in())
    stranger = Walker(app, address="198.51.100.1")
    stranger.get("/recovery")
    answers = [stranger.post("/recovery", {"username": CEDULA}).status_code for _ in range(8)]
    assert answers == [303] * 6 + [429] * 2
    citizen = Walker(app, address="203.0.113.10")
    citizen.get("/recovery")
    assert citizen.post("/recovery", {"username": CEDULA}).status_code == 303
    for network in range(2, 6):  # a stranger with many networks uses up what all strangers share
        many = Walker(app, address=f"198.51.100.{network}")
        many.get("/recovery")
        for _ in range(6):
            many.post("/recovery", {"username": CEDULA})
    citizen = Walker(app, address="203.0.113.11")
    citizen.get("/recovery")
    assert citizen.post("/recovery", {"username": CEDULA}).status_code == 429
    assert len(mails()) == 24
    known.get("/recovery")
    assert known.post("/recovery", {"username": CEDULA}).status_code == 303
    assert len(mails()) == 25


def test_sending_a_reset_code_again_counts_like_the_first(
    app: Flask, make_person: Callable[..., Person], clock: ManualClock, mails: Callable[[], list[Any]]
) -> None:
    """Otherwise five more mails went out for each that is counted."""
    make_person()
    stranger = Walker(app)
    for _ in range(3):
        stranger.get("/recovery")
        step = stranger.post("/recovery", {"username": CEDULA}).location
        for _ in range(2):
            clock.advance(timedelta(seconds=61))
            stranger.get(step)
            stranger.post(step, {"step": "resend"})
        if len(mails()) >= 6:
            break
    clock.advance(timedelta(seconds=61))
    assert stranger.post(step, {"step": "resend"}).status_code == 429
    assert len(mails()) == 6
