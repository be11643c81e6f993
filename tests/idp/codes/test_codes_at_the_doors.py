"""Codes by short message and by mail, and printed cards, at the login, the reset and the link."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from audit.vocabulary import EventType, Outcome
from composition import Composition
from idp.accounts.person import Person
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.enrollment_link import create_enrollment_link
from idp.authentication.model import ThrottleRow
from idp.authentication.second_factor import require_second_factor
from idp.authentication.second_factor_kinds import GRID_CARD, SMS_CODE
from idp.codes.code_factor import add_code_factor
from idp.codes.grid_card import GridCard
from idp.codes.model import GridCardRow, SentCodeRow
from idp.codes.sent_code import Channel
from kernel.clock import ManualClock
from kernel.errors import ServiceError
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker

Messages = Callable[[], list[Any]]


def sms_code(messages: Messages) -> str:
    """Return the 6-digit code of the newest message."""
    found = re.search(r"\b\d{6}\b", messages()[0].text)
    assert found
    return found[0]


def _acr(composition: Composition, person: Person) -> list[tuple[str, list[str]]]:
    with composition.database.reading() as session:
        now = composition.clock.now()
        return [(found.acr, list(found.amr)) for found in list_browser_sessions(session, person_id=person.id, now=now)]


def test_a_code_by_short_message_is_sent_once_and_opens_the_account(
    composition: Composition,
    walker: Walker,
    clock: ManualClock,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    messages: Messages,
    events: Callable[..., list[Any]],
) -> None:
    """The form sends it, a reload nothing; a newer one kills it; it makes 2fa; no code stands in an event."""
    person = make_person()
    with_phone(person.id)
    login = walker.log_in().location
    page = walker.get(login)
    assert "••••••567" in page.text
    first = sms_code(messages)
    walker.get(login)
    assert len(messages()) == 1
    assert walker.post(login, {"step": "resend", "method": "sms"}).status_code == 200
    assert len(messages()) == 1, "another one after a minute only"
    clock.advance(timedelta(seconds=61))
    assert "código nuevo" in walker.post(login, {"step": "resend", "method": "sms"}).text
    second = sms_code(messages)
    assert len(messages()) == 2
    if first != second:
        answer = walker.post(login, {"step": "second_factor", "method": "sms", "code": first})
        assert answer.status_code == 422
    answer = walker.post(login, {"step": "second_factor", "method": "sms", "code": f"{second[:3]} {second[3:]}"})
    assert answer.status_code == 303
    assert walker.follow(answer).status_code == 200
    assert _acr(composition, person) == [("urn:sau:acr:2fa", ["mfa", "pwd", "sms"])]
    told = str([(event.leaf, event.details) if hasattr(event, "details") else event.leaf for event in events()])
    assert second not in told


def test_a_code_dies_after_ten_minutes_and_after_its_use(
    composition: Composition,
    walker: Walker,
    clock: ManualClock,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    messages: Messages,
) -> None:
    """What is dead is said to be dead, so that another one is asked for."""
    with_phone(make_person().id)
    login = walker.log_in().location
    walker.get(login)
    code = sms_code(messages)
    clock.advance(timedelta(minutes=10, seconds=1))
    login = walker.log_in().location  # a login of its own has a code of its own
    answer = walker.post(login, {"step": "second_factor", "method": "sms", "code": code})
    assert answer.status_code == 422
    assert "ya no sirve" in answer.text


@pytest.mark.parametrize("kind", ["sms", "grid"])
def test_two_hundred_wrong_codes_at_once_are_counted_exactly(
    composition: Composition,
    clock: ManualClock,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    with_card: Callable[[str], GridCard],
    events: Callable[..., list[Any]],
    kind: str,
) -> None:
    """Five are looked at, all others refused, and the password's own counter has not moved."""
    person = make_person()
    with_phone(person.id)
    with_card(person.id)
    factor, now = (SMS_CODE if kind == "sms" else GRID_CARD), clock.now()

    def guess(number: int) -> str:
        try:
            with composition.database.transaction() as session:
                require_second_factor(
                    session,
                    services=composition.idp,
                    person_id=person.id,
                    kind=factor,
                    code=f"{number:09}",
                    device_secret=None,
                    purpose="login",
                    journey="j" * 26,
                    now=now,
                )
        except ServiceError as error:
            return error.code
        return "right"

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(guess, range(200)))
    assert said.count("too_many_tries") == 195
    assert len([one for one in said if one in ("wrong_code", "dead_code")]) == 5
    with composition.database.reading() as session:
        counters = {row.key.partition(":")[0]: row.tries for row in session.query(ThrottleRow)}
    assert counters == {"code": 5}
    failures = [event for event in events(factor.verified) if event.outcome == Outcome.FAILURE.value]
    assert len(failures) == 5


def test_one_code_opens_one_session_however_often_it_is_sent_at_once(
    composition: Composition,
    clock: ManualClock,
    walker: Walker,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    with_card: Callable[[str], GridCard],
    messages: Messages,
) -> None:
    """Exactly one winner, for both kinds."""
    person = make_person()
    with_phone(person.id)
    card = with_card(person.id)
    login = walker.log_in().location
    walker.get(login)
    journey, code, now = login.rpartition("/")[2], sms_code(messages), clock.now()
    cells = "".join(card.cells[position] for position in card.asked)

    def try_it(factor: Any, text: str) -> bool:
        try:
            with composition.database.transaction() as session:
                require_second_factor(
                    session,
                    services=composition.idp,
                    person_id=person.id,
                    kind=factor,
                    code=text,
                    device_secret=None,
                    purpose="login",
                    journey=journey,
                    now=now,
                )
        except ServiceError:
            return False
        return True

    for factor, text in ((SMS_CODE, code), (GRID_CARD, cells)):
        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(lambda _, factor=factor, text=text: try_it(factor, text), range(4))) == 1  # type: ignore[misc]


def test_a_card_asks_the_same_cells_until_they_are_answered(
    composition: Composition,
    walker: Walker,
    app: Any,
    make_person: Callable[..., Person],
    with_card: Callable[[str], GridCard],
) -> None:
    """Reload, another browser and a wrong answer bring the same three; after the right one there are three others."""
    person = make_person()
    card = with_card(person.id)
    login = walker.log_in().location

    def asked(browser: Walker, path: str) -> list[str]:
        return re.findall(r'<b class="big">([A-H][1-8])</b>', browser.get(path).text)

    first = asked(walker, login)
    assert len(set(first)) == 3
    assert first == list(card.asked) == asked(walker, login)
    other = Walker(app)
    assert asked(other, other.log_in().location) == first
    wrong = {"step": "second_factor", "method": "grid", "code": "000000000"}
    if "".join(card.cells[each] for each in first) != wrong["code"]:
        assert walker.post(login, wrong).status_code == 422
    assert asked(walker, login) == first
    typed = " ".join(card.cells[each] for each in first)
    assert walker.post(login, {"step": "second_factor", "method": "grid", "code": typed}).status_code == 303
    assert _acr(composition, person) == [("urn:sau:acr:2fa", ["grid", "mfa", "pwd"])]
    after = asked(other, other.log_in().location)
    assert not set(after) & set(first)
    with composition.database.reading() as session:
        row = session.query(GridCardRow).one()
        assert row.uses == 1
        assert not any(value.encode() in row.digests for value in set(card.cells.values()))


def test_a_reset_and_a_link_take_a_card_too(
    composition: Composition,
    walker: Walker,
    app: Any,
    make_person: Callable[..., Person],
    with_card: Callable[[str], GridCard],
    mails: Callable[[], list[Any]],
) -> None:
    """Every door takes every kind, and none is a way around it."""
    person = make_person()
    card = with_card(person.id)
    walker.get("/recovery")
    path = walker.post("/recovery", {"username": CEDULA}).location
    walker.get(path)
    code = re.search(r"\b\d{8}\b", mails()[0].body)
    assert code
    walker.post(path, {"step": "mail_code", "code": code[0]})
    page = walker.get(path)
    positions = re.findall(r'<b class="big">([A-H][1-8])</b>', page.text)
    typed = "".join(card.cells[each] for each in positions)
    walker.post(path, {"step": "second_factor", "method": "grid", "code": typed})
    assert 'name="password"' in walker.get(path).text
    with composition.database.transaction() as session:
        link = create_enrollment_link(
            session, journal=composition.journal, person_id=person.id, now=composition.clock.now()
        )
    holder = Walker(app)
    path = f"/enroll/{link.token}"
    holder.get(path)
    holder.post(path, {"step": "password", "password": "otra-frase-muy-larga-7"})
    positions = re.findall(r'<b class="big">([A-H][1-8])</b>', holder.get(path).text)
    typed = "".join(card.cells[each] for each in positions)
    assert holder.post(path, {"step": "second_factor", "method": "grid", "code": typed}).status_code == 303
    assert _acr(composition, person) == [("urn:sau:acr:2fa", ["grid", "mfa", "pwd"])]


def test_a_code_by_mail_is_asked_on_a_new_device_and_is_no_second_factor(
    composition: Composition,
    walker: Walker,
    app: Any,
    make_person: Callable[..., Person],
    mails: Callable[[], list[Any]],
) -> None:
    """Who switched it on gets it on devices that are not his; what it opens is worth one factor."""
    person = make_person()
    assert walker.log_in().status_code == 303
    with composition.database.transaction() as session:
        add_code_factor(session, person_id=person.id, channel=Channel.EMAIL, now=composition.clock.now())
    assert walker.follow(walker.log_in()).request.path.startswith("/account"), "a known device is not asked"
    stranger = Walker(app)
    login = stranger.log_in().location
    assert "a•••••@correo.test" in stranger.get(login).text
    assert stranger.get("/account").status_code == 303
    code = re.search(r"\b\d{6}\b", mails()[0].body)
    assert code
    assert code[0] not in mails()[0].subject
    answer = stranger.post(login, {"step": "second_factor", "method": "email", "code": code[0]})
    assert answer.status_code == 303
    assert stranger.get("/account").status_code == 200
    assert ("urn:sau:acr:1fa", ["email", "pwd"]) in _acr(composition, person)


def test_only_a_keyed_digest_of_a_code_is_kept(
    composition: Composition,
    walker: Walker,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    messages: Messages,
) -> None:
    """Six digits are hashed through in a moment: the key is not in the database."""
    with_phone(make_person().id)
    walker.get(walker.log_in().location)
    with composition.database.reading() as session:
        row = session.query(SentCodeRow).one()
    assert sms_code(messages) not in row.code_hmac
    assert len(row.code_hmac) == 64


def test_sending_is_limited_for_who_knows_the_password_but_not_for_a_known_device(
    composition: Composition,
    app: Any,
    clock: ManualClock,
    make_person: Callable[..., Person],
    with_phone: Callable[..., None],
    messages: Messages,
    events: Callable[..., list[Any]],
) -> None:
    """A thief of the password can make six messages an hour be sent; the owner's device still gets its own."""
    person = make_person()
    own = Walker(app)
    own.follow(own.log_in())
    with_phone(person.id)
    for _ in range(8):
        thief = Walker(app)
        thief.get(thief.log_in(password=PASSWORD).location)
    assert len(messages()) == 6
    assert [event.reason for event in events(EventType.LOGIN_THROTTLED)] == ["too_many_tries"] * 2
    clock.advance(timedelta(minutes=1))
    own.client.delete_cookie("sau_session")
    own.get(own.log_in().location)
    assert len(messages()) == 7
