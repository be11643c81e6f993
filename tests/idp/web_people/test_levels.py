"""A person raises his level: the account's page, the check against the civil registry, and what it never tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import erase_person, verify_identity
from idp.accounts.person import Person, find_person
from idp.levels.check import TRIES
from idp.levels.evidence import list_evidence
from idp.levels.model import LevelEvidenceRow
from kernel.clock import ManualClock
from tests.idp.levels.civil_registry import ANSWERS, RegistryInMemory, record_of
from tests.idp.web_people.conftest import CEDULA, Walker

CHECK = "/account/level/check"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> RegistryInMemory:
    """The civil registry that this service asks."""
    registry = RegistryInMemory()
    monkeypatch.setattr("composition.open_registry", lambda *_settings, **_more: registry)
    return registry


@pytest.fixture
def person(walker: Walker, make_person: Callable[..., Person]) -> Person:
    """Somebody of level 1 who is logged in."""
    person = make_person()
    walker.log_in()
    return person


def _now(composition: Composition, person: Person) -> Person:
    with composition.database.reading() as session:
        return find_person(session, person.id)


def test_the_right_answers_raise_the_level_and_the_names_become_the_registry_s(
    walker: Walker,
    person: Person,
    composition: Composition,
    clock: ManualClock,
    events: Callable[..., list[Any]],
    mails: Callable[[], list[Any]],
) -> None:
    """Level, names, evidence, event and mail together; nothing that was answered is kept anywhere."""
    page = walker.get("/account/level")
    assert "Su nivel de hoy: 1" in page.text
    assert "Registro Civil" in page.text
    walker.get(CHECK)
    response = walker.post(CHECK, ANSWERS)
    assert response.location.endswith("/account/level?changed=level")
    page = walker.follow(response)
    assert "ya tiene nivel 2" in page.text
    assert "Comprobado en línea con el Registro Civil" in page.text
    raised = _now(composition, person)
    assert (raised.level, raised.name, raised.birth_date) == (2, "ANA MARÍA QUISPE TOAPANTA", "1984-03-17")
    with composition.database.reading() as session:
        evidence = list_evidence(session, person.id, now=clock.now())
    assert [(item.level, item.method, item.checked_by) for item in evidence] == [(2, "registry", person.id)]
    verified = events(EventType.ACCOUNT_IDENTITY_VERIFIED)[-1]
    assert json.loads(verified.leaf)["details"] == {"level": 2, "method": "registry"}
    assert "nivel 2" in mails()[0].subject
    leaves = b"".join(event.leaf for event in events())
    for secret in ("V1234V1234", "1984-03-17", "ANA MAR", CEDULA):
        assert secret.encode() not in leaves
    assert walker.post(CHECK, ANSWERS).status_code == 303, "sent twice"
    assert len(events(EventType.ACCOUNT_IDENTITY_VERIFIED)) == 1


@pytest.mark.parametrize("what", ["birth date", "code", "nobody", "dead"])
def test_a_mismatch_is_the_same_page_whatever_was_wrong(
    walker: Walker, person: Person, composition: Composition, registry: RegistryInMemory, what: str
) -> None:
    """Who guesses learns neither which answer was right nor whether the registry knows the cédula."""
    answers = dict(ANSWERS)
    if what == "birth date":
        answers["birth_date"] = "18/03/1984"
    elif what == "code":
        answers["fingerprint_code"] = "V1234V1235"
    else:
        registry.known[CEDULA] = None if what == "nobody" else record_of(CEDULA, status="deceased")
    walker.get(CHECK)
    page = walker.post(CHECK, answers)
    assert page.status_code == 422
    assert "Sus respuestas no coinciden con lo que consta en el Registro Civil. Le quedan 4 intentos" in page.text
    assert page.text.count('aria-invalid="true"') == 0
    assert "QUISPE TOAPANTA" not in page.text
    assert _now(composition, person).level == 1


def test_five_tries_a_day_for_each_person_and_the_registry_is_asked_no_more(
    walker: Walker,
    person: Person,
    clock: ManualClock,
    registry: RegistryInMemory,
    events: Callable[..., list[Any]],
) -> None:
    """Whoever took somebody's password does not get to try out a birth date's thirty thousand days."""
    wrong = ANSWERS | {"fingerprint_code": "V9999V9999"}
    walker.get(CHECK)
    shown = [walker.post(CHECK, wrong).status_code for _ in range(TRIES.tries + 2)]
    assert shown == [422] * TRIES.tries + [429, 429]
    assert len(registry.asked) == TRIES.tries
    assert walker.post(CHECK, ANSWERS).status_code == 429
    reasons = [event.reason for event in events(EventType.LEVEL_CHECK_REFUSED)]
    assert reasons == ["registry_mismatch"] * TRIES.tries + ["too_many_tries"] * 3
    clock.advance(timedelta(hours=24, seconds=1))
    walker.follow(walker.log_in())
    walker.get(CHECK)
    assert walker.post(CHECK, ANSWERS).status_code == 303


def test_a_registry_that_is_down_costs_no_try_and_loses_nothing(
    walker: Walker, person: Person, registry: RegistryInMemory, events: Callable[..., list[Any]]
) -> None:
    """A plain page, what was typed still there, and the next try counts as the first."""
    registry.down = True
    walker.get(CHECK)
    for _ in range(TRIES.tries + 1):
        page = walker.post(CHECK, ANSWERS)
        assert page.status_code == 503
    assert "El Registro Civil no responde ahora" in page.text
    assert 'value="17/03/1984"' in page.text
    assert events(EventType.LEVEL_CHECK_REFUSED)[-1].reason == "timed_out"
    registry.down = False
    assert walker.post(CHECK, ANSWERS).status_code == 303


def test_the_check_is_for_whom_it_can_help(
    walker: Walker, person: Person, composition: Composition, clock: ManualClock, registry: RegistryInMemory
) -> None:
    """Who is verified, or has no session, is asked nothing; a form that comes all the same raises nobody."""
    assert "/login/" in Walker(walker.app).get(CHECK).location
    walker.get(CHECK)
    with composition.database.transaction() as session:
        verify_identity(session, services=composition.idp, person_id=person.id, level=2, actor="desk", now=clock.now())
    assert walker.get(CHECK).status_code == 303
    assert walker.post(CHECK, ANSWERS).status_code == 303
    assert registry.asked == []


def test_lowering_takes_back_what_lifted_and_raising_again_needs_a_new_check(
    walker: Walker,
    person: Person,
    composition: Composition,
    clock: ManualClock,
    events: Callable[..., list[Any]],
) -> None:
    """``sau user verify --level 1``: the rows stay with the reason; erasing deletes them."""
    walker.get(CHECK)
    walker.post(CHECK, ANSWERS)
    with composition.database.transaction() as session:
        lowered = verify_identity(
            session, services=composition.idp, person_id=person.id, level=1, actor="command", now=clock.now()
        )
        assert lowered.level == 1
        assert list_evidence(session, person.id, now=clock.now()) == []
        [row] = session.query(LevelEvidenceRow).all()
        assert row.withdrawn_reason == "operator"
    lowered_event = events(EventType.LEVEL_LOWERED)[-1]
    assert json.loads(lowered_event.leaf)["details"] == {"level": 1, "former_level": 2, "reason": "operator"}
    assert "Su nivel de hoy: 1" in walker.get("/account/level").text
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
        assert session.query(LevelEvidenceRow).all() == []
        assert find_person(session, person.id).birth_date == ""
