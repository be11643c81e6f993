"""The right to have data put right (LOPDP Art. 14): asked for in the account, decided at the console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import erase_person
from idp.accounts.model import RectificationRow
from idp.accounts.person import Person, find_person
from idp.accounts.person_data import read_rectifications
from idp.accounts.rectification import (
    ANSWERED_WITHIN,
    Datum,
    Rectification,
    ask_rectification,
    decide_rectification,
    list_own_rectifications,
    parse_value,
    registry_answer,
)
from idp.levels.registry import ALIVE, CivilRecord
from kernel.clock import ManualClock
from kernel.errors import Conflict, Denied, Rejected
from tests.idp.web_people.conftest import CEDULA, Walker

PAGE = "/account/rectification"
WHY = "En mi cédula dice otra cosa"
MakePerson = Callable[..., Person]


class _Registry:
    """Knows one person, as given."""

    def __init__(self, given_names: str) -> None:
        self.given_names = given_names

    def find(self, cedula: str) -> CivilRecord | None:
        return CivilRecord(
            cedula=cedula,
            given_names=self.given_names,
            surnames="QUISPE TOAPANTA",
            birth_date=date(1990, 5, 17),
            fingerprint_code="",
            status=ALIVE,
        )


def _ask(composition: Composition, person: Person, datum: str = "given_names", value: str = "Ana Lucía") -> Any:
    with composition.database.transaction() as session:
        return ask_rectification(
            session,
            services=composition.idp,
            person=person,
            datum=datum,
            value=value,
            why=WHY,
            now=composition.clock.now(),
        )


def _decide(
    composition: Composition,
    asked: Rectification,
    *,
    accept: bool = True,
    officer: str = "officer-1",
    record: Any = None,
) -> Rectification:
    with composition.database.transaction() as session:
        return decide_rectification(
            session,
            services=composition.idp,
            request_id=asked.id,
            accept=accept,
            answer="Comparé con su cédula y es así.",
            record=record,
            officer_id=officer,
            now=composition.clock.now(),
        )


@pytest.mark.parametrize(
    ("datum", "typed", "kept"),
    [
        (Datum.GIVEN_NAMES, "  ana   lucía ", "ana lucía"),
        (Datum.BIRTH_DATE, "1990-05-17", "1990-05-17"),
        (Datum.OTHER, "Mi provincia es Loja", "Mi provincia es Loja"),
        (Datum.GIVEN_NAMES, " ", "value_missing"),
        (Datum.SURNAMES, "Quispe <b>", "name_characters"),
        (Datum.BIRTH_DATE, "17/05/1990", "birth_date_unclear"),
        (Datum.BIRTH_DATE, "2090-05-17", "birth_date_unclear"),
        (Datum.OTHER, "x" * 201, "value_long"),
    ],
)
def test_what_a_datum_should_be_is_judged_by_its_kind(datum: Datum, typed: str, kept: str) -> None:
    """Names as anywhere, a date that somebody can be born on, words of bounded length."""
    try:
        assert parse_value(datum, typed, today=date(2026, 11, 23)) == kept
    except Rejected as error:
        assert error.code == kept


def test_a_person_asks_in_the_account_sees_the_deadline_and_takes_it_back(
    walker: Walker,
    make_person: MakePerson,
    clock: ManualClock,
    mails: Callable[[], list[Any]],
    events: Callable[..., Any],
) -> None:
    """A number, the day of the answer, one request at a time; overdue is said; no JavaScript, with the form's token."""
    person = make_person()
    walker.follow(walker.log_in())
    assert PAGE in walker.get("/account/profile").text
    page = walker.get(PAGE).text
    assert "15 días" in page
    form = {"datum": "given_names", "value": "Ana Lucía", "why": WHY}
    assert walker.client.post(PAGE, data=form).status_code == 400
    for wrong, said in (
        ({"datum": "cedula"}, "Elija qué dato"),
        ({"value": person.given_names}, "Eso es lo que ya dice"),
        ({"why": "no"}, "Escriba por qué"),
    ):
        answer = walker.post(PAGE, form | wrong)
        assert (answer.status_code, said in answer.text) == (422, True)
    assert walker.post(PAGE, form).location == f"{PAGE}?asked=1"
    page = walker.get(f"{PAGE}?asked=1").text
    number = mails()[0].subject.rpartition(" ")[2]
    assert number in page
    assert "Respondemos hasta el" in page
    assert "Ya tiene un pedido" in walker.post(PAGE, form).text
    asked = events(EventType.RECTIFICATION_ASKED)
    assert [(event.subject, event.actor) for event in asked] == [(person.id, person.id)]
    assert b"Ana Luc" not in asked[0].leaf
    clock.advance(ANSWERED_WITHIN + timedelta(minutes=1))
    walker.follow(walker.log_in())
    assert "Debimos responder el" in walker.get(PAGE).text
    for _ in range(2):
        assert walker.post(f"{PAGE}/withdraw").location == f"{PAGE}?asked=0"
    assert "Lo retiró" in walker.get(PAGE).text
    assert len(events(EventType.RECTIFICATION_WITHDRAWN)) == 1


def test_an_officer_s_decision_changes_the_datum_once_and_is_told(
    make_person: MakePerson, composition: Composition, mails: Callable[[], list[Any]], events: Callable[..., Any]
) -> None:
    """Nobody decides his own; a reason that the person reads; my data shows it; erasure takes it along."""
    person = make_person()
    asked = _ask(composition, person)
    with composition.database.reading() as session:
        assert [item.id for item in list_own_rectifications(session, person.id)] == [asked.id]
    with pytest.raises(Denied, match="own_rectification"):
        _decide(composition, asked, officer=person.id)
    assert _decide(composition, asked).state == "accepted"
    with pytest.raises(Conflict, match="rectification_decided"):
        _decide(composition, asked, accept=False)
    assert mails()[0].subject == "Corregimos su dato"
    with composition.database.reading() as session:
        assert find_person(session, person.id).given_names == "Ana Lucía"
        [told] = read_rectifications(
            session, services=composition.idp, person_id=person.id, now=composition.clock.now()
        )
    assert (told["number"], told["value"], told["state"]) == (asked.number, "Ana Lucía", "accepted")
    refused = _ask(composition, person, "birth_date", "1990-05-17")
    assert _decide(composition, refused, accept=False).before == ""
    assert [event.outcome for event in events(EventType.RECTIFICATION_DECIDED)] == [
        "refused",
        "success",
        "refused",
        "success",
    ]
    with composition.database.transaction() as session:
        erase_person(
            session, services=composition.idp, person_id=person.id, actor="command", now=composition.clock.now()
        )
    with composition.database.reading() as session:
        assert session.query(RectificationRow).count() == 0


def test_what_comes_from_the_civil_registry_is_corrected_there_first(
    make_person: MakePerson, composition: Composition
) -> None:
    """Accepted only as the registry has it now; other data need no registry."""
    person = make_person()
    asked = _ask(composition, person)
    for told, fits in (("ANA MARÍA", False), ("ANA LUCÍA", True)):
        services = replace(composition.idp, civil_registry=_Registry(told))
        record = registry_answer(services, asked, cedula=CEDULA)
        assert record is not None
        if fits:
            assert _decide(composition, asked, record=record).state == "accepted"
        else:
            with pytest.raises(Conflict, match="registry_says_otherwise"):
                _decide(composition, asked, record=record)
    other = _ask(composition, person, "other", "Mi provincia es Loja")
    assert registry_answer(services, other, cedula=CEDULA) is None
    assert registry_answer(replace(services, civil_registry=None), asked, cedula=CEDULA) is None
