"""Rules of levels: what answers are, when they fit, which ways there are, when a server is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from idp.accounts.person import Person
from idp.authentication.assurance import level_in, level_reached, satisfies
from idp.demo import DEMO_PEOPLE
from idp.levels.answers import Answers, is_the_person, parse_birth_date, parse_fingerprint_code
from idp.levels.circuit import FAILURES, PAUSE, Circuit
from idp.levels.registry import CivilRecord, RegistryUnavailableError, read_record
from idp.levels.registry_file import COLUMNS, DEMO_FILE, RegistryFile
from idp.levels.ways import Way, ways_to
from kernel.errors import Rejected

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
TODAY = NOW.date()
RECORD = CivilRecord(
    cedula="1710034065",
    given_names="ANA",
    surnames="QUISPE",
    birth_date=date(1984, 3, 17),
    fingerprint_code="V1234V1234",
    status="alive",
)
PERSON = Person(
    id="p",
    cedula="1710034065",
    given_names="Ana",
    surnames="Quispe",
    email="a@correo.test",
    email_verified=True,
    locale="es",
    status="active",
    level=1,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.mark.parametrize("text", ["17/03/1984", "17-3-1984", " 17.03.1984 ", "17 3 1984", "1984-03-17"])
def test_a_birth_date_is_read_as_people_write_it(text: str) -> None:
    """Day, month, year; and the form that browsers fill in."""
    assert parse_birth_date(text, today=TODAY) == date(1984, 3, 17)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "birth_date_missing"),
        ("31/02/1984", "birth_date_invalid"),
        ("03/17/1984", "birth_date_invalid"),
        ("17/03/84", "birth_date_invalid"),
        ("24/11/2026", "birth_date_invalid"),
        ("17/03/1890", "birth_date_invalid"),
        ("ayer", "birth_date_invalid"),
    ],
)
def test_what_is_no_birth_date_is_refused(text: str, code: str) -> None:
    """No such day, a day to come, older than anybody."""
    with pytest.raises(Rejected) as caught:
        parse_birth_date(text, today=TODAY)
    assert caught.value.code == code


def test_a_fingerprint_code_is_compared_without_its_spaces() -> None:
    """As it is printed or typed."""
    assert parse_fingerprint_code(" v1234 v1234 ") == "V1234V1234"
    for text, code in (("", "fingerprint_code_missing"), ("V1", "fingerprint_code_invalid")):
        with pytest.raises(Rejected) as caught:
            parse_fingerprint_code(text)
        assert caught.value.code == code


def test_only_all_the_right_answers_about_somebody_alive_fit() -> None:
    """One wrong answer, an unknown cédula, a dead person or a record without a code are all the same no."""
    right = Answers(date(1984, 3, 17), "V1234V1234")
    assert is_the_person(right, RECORD)
    assert not is_the_person(replace(right, birth_date=date(1984, 3, 18)), RECORD)
    assert not is_the_person(replace(right, fingerprint_code="V1234V1235"), RECORD)
    assert not is_the_person(right, None)
    assert not is_the_person(right, replace(RECORD, status="deceased"))
    assert not is_the_person(right, replace(RECORD, status="void"))
    assert not is_the_person(replace(right, fingerprint_code=""), replace(RECORD, fingerprint_code=""))
    assert "1984" not in repr(right) + repr(RECORD)


def test_only_the_ways_that_reach_the_level_are_there() -> None:
    """issue: three ways to get it, and none that leads nowhere."""
    all_of_it = {"with_registry": True, "with_certificates": True}
    assert ways_to(2, person=PERSON, **all_of_it) == (Way.REGISTRY, Way.DESK)
    assert ways_to(3, person=PERSON, **all_of_it) == (Way.REGISTRY, Way.DESK, Way.CERTIFICATE)
    assert ways_to(3, person=replace(PERSON, level=2), **all_of_it) == (Way.CERTIFICATE,)
    assert ways_to(2, person=PERSON, with_registry=False, with_certificates=False) == (Way.DESK,)
    assert ways_to(2, person=replace(PERSON, cedula="", passport="COL-AB123456"), **all_of_it) == (Way.DESK,)
    assert ways_to(2, person=replace(PERSON, level=2), **all_of_it) == ()


def test_a_level_asks_for_who_and_for_how() -> None:
    """Level N: identity of level N or more, and a login of the strength that goes with it; both, or neither counts."""
    one, two, three = (f"urn:sau:acr:level{number}" for number in (1, 2, 3))
    strong, weak, certificate = "urn:sau:acr:2fa", "urn:sau:acr:1fa", "urn:sau:acr:certificate"
    assert satisfies(weak, one, level=1)
    assert satisfies(strong, two, level=2)
    assert not satisfies(weak, two, level=3)
    assert not satisfies(certificate, two, level=1)
    assert satisfies(certificate, three, level=3)
    assert not satisfies(strong, three, level=3)
    assert satisfies(certificate, f"{certificate} {two}", level=2)
    assert not satisfies(strong, f"{certificate} {two}", level=2)
    assert not satisfies(strong, two), "who nobody looked up has no level"
    assert level_in(f"{certificate} {two}") == 2
    assert (level_in(strong), level_in(None)) == (0, 0)
    assert [level_reached(level, ["pop"]) for level in (1, 2, 3)] == [1, 3, 3]
    assert level_reached(2, ["otp", "pwd"]) == 2


def test_a_server_that_fails_is_left_alone_for_a_while() -> None:
    """Then one caller tries; the others go on hearing at once that it does not answer."""
    circuit = Circuit()
    for _ in range(FAILURES):
        assert circuit.lets_through(NOW)
        circuit.failed(NOW)
    assert not circuit.lets_through(NOW + PAUSE - timedelta(seconds=1))
    later = NOW + PAUSE
    assert [circuit.lets_through(later) for _ in range(3)] == [True, False, False]
    circuit.succeeded()
    assert circuit.lets_through(later)


def test_the_demo_registry_agrees_with_the_demo_s_people() -> None:
    """Otherwise nobody could raise his level in the demonstration."""
    registry = RegistryFile(DEMO_FILE)
    for person in DEMO_PEOPLE:
        record = registry.find(person.cedula)
        assert record is not None
        assert (record.given_names, record.surnames) == (person.given_names, person.surnames)
        assert record.fingerprint_code == parse_fingerprint_code(record.fingerprint_code)
    assert registry.find("0000000000") is None


def test_a_registry_file_is_read_again_when_it_changes_and_refused_whole_when_it_is_wrong(tmp_path: Path) -> None:
    """Half a registry would call honest people liars."""
    path = tmp_path / "registry.csv"
    registry = RegistryFile(path)
    with pytest.raises(RegistryUnavailableError):
        registry.find("1710034065")
    line = "1710034065,Ana,Quispe,1984-03-17,V1234V1234,alive\n"
    path.write_text(",".join(COLUMNS) + "\n" + line, "utf-8")
    assert registry.find("1710034065") == replace(RECORD, given_names="Ana", surnames="Quispe")
    for wrong in (line.replace("alive", "maybe"), line.replace("-03-", "-13-"), line.replace("Ana", "")):
        path.write_text(",".join(COLUMNS) + "\n" + line + wrong, "utf-8")
        with pytest.raises(RegistryUnavailableError):
            registry.find("1710034065")
    path.write_text("cedula\n1710034065\n", "utf-8")
    with pytest.raises(RegistryUnavailableError):
        registry.find("1710034065")


@pytest.mark.parametrize("wrong", [{"birth_date": 1984}, {"surnames": None}, {"status": "x"}, {"fingerprint_code": 7}])
def test_a_record_in_another_form_is_none(wrong: dict[str, object]) -> None:
    """The documented JSON shape, or nothing."""
    told = {
        "cedula": "1710034065",
        "given_names": "Ana",
        "surnames": "Quispe",
        "birth_date": "1984-03-17",
        "status": "alive",
    }
    assert read_record(told).fingerprint_code == ""
    with pytest.raises(ValueError, match=r".*"):
        read_record({**told, **wrong})
