"""The first time somebody comes from a directory: who is made, who is linked, and by what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person
from idp.authentication.browser_session import BrowserSession
from idp.directories.directory import Directory
from tests.idp.directories.fake import FakeDirectories, add_salud, entry
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.directories.walking import CEDULA, NAME, log_in, person_at


def test_somebody_new_is_made_and_let_in(
    walker: Walker,
    salud: Directory,
    composition: Composition,
    session_of: Callable[[Walker], BrowserSession | None],
    events: Callable[..., list[Any]],
    mails: Callable[[], list[Any]],
) -> None:
    """With the level that the operator declared, the mailbox of the institution, and a letter about it."""
    assert log_in(walker).status_code == 303
    person = person_at(composition)
    assert person is not None
    assert (person.name, person.level, person.email) == ("Rosa Elena Chimbo Andi", 2, NAME)
    opened = session_of(walker)
    assert opened is not None
    assert (opened.person_id, opened.amr) == (person.id, ("pwd",))
    (verified,) = events(EventType.PASSWORD_VERIFIED)
    assert verified.subject == person.id
    assert [each.subject for each in events(EventType.LDAP_PERSON_LINKED)] == [person.id]
    assert "Ministerio de Salud" in mails()[0].body


def test_the_cedula_is_enough_afterwards(
    walker: Walker, app: Flask, salud: Directory, session_of: Callable[[Walker], BrowserSession | None]
) -> None:
    """And before, where the operator has cédulas asked for."""
    other = Walker(app)
    assert log_in(other, CEDULA).status_code == 422
    log_in(walker)
    assert log_in(other, CEDULA).status_code == 303
    assert session_of(other) is not None


def test_cedulas_are_asked_for_where_the_operator_says_so(
    walker: Walker, composition: Composition, fake: FakeDirectories
) -> None:
    """Of a cédula that nobody here has."""
    add_salud(composition, asked_by_cedula=True)
    assert log_in(walker, CEDULA).status_code == 303
    assert fake.asked == 1


def test_who_has_an_account_is_linked_by_cedula_alone(
    walker: Walker, salud: Directory, fake: FakeDirectories, make_person: Callable[..., Person]
) -> None:
    """Never by mail or name: the entry's cédula is somebody else's, so nobody is linked with María."""
    maria = make_person("1710034065")
    fake.people["rchimbo"] = entry(mail=maria.email)
    assert log_in(walker).status_code == 303
    fake.people["mquispe"] = entry(maria.cedula, key="22")
    assert log_in(Walker(walker.app), "mquispe@salud.gob.ec").status_code == 303


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cedula": ""}, "no nos dijo quién es usted"),
        ({"key": ""}, "no nos dijo quién es usted"),
        ({"given_names": ""}, "no nos dijo quién es usted"),
    ],
    ids=["cedula", "key", "name"],
)
def test_an_entry_that_names_nobody(
    walker: Walker, salud: Directory, fake: FakeDirectories, changed: dict[str, str], words: str
) -> None:
    """Its own page; nobody is let in."""
    fake.people["rchimbo"] = entry(**{"cedula": CEDULA, **changed})  # type: ignore[arg-type]
    answer = log_in(walker)
    assert answer.status_code == 403
    assert words in answer.text


def test_nobody_is_made_where_the_operator_does_not_want_it(
    walker: Walker, composition: Composition, fake: FakeDirectories, events: Callable[..., list[Any]]
) -> None:
    """The page says to sign up first; the refusal is on record."""
    add_salud(composition, creates_people=False)
    assert "Todavía no tiene una cuenta" in log_in(walker).text
    assert person_at(composition) is None
    (refused,) = events(EventType.PASSWORD_VERIFIED)
    assert refused.reason == "directory_person_unknown"


def test_a_directory_reaches_no_account_that_was_checked_better(
    walker: Walker, composition: Composition, fake: FakeDirectories, make_person: Callable[..., Person]
) -> None:
    """What it vouches for is bounded by what the operator declared."""
    from idp.accounts.life import verify_identity

    add_salud(composition, level=1)
    maria = make_person("1710034065")
    with composition.database.transaction() as session:
        verify_identity(
            session,
            services=composition.idp,
            person_id=maria.id,
            level=2,
            actor="command",
            now=composition.clock.now(),
        )
    fake.people["rchimbo"] = entry(maria.cedula)
    assert "Ingrese con su propia contraseña" in log_in(walker).text


def test_an_entry_that_became_another_persons(walker: Walker, salud: Directory, fake: FakeDirectories) -> None:
    """A name that is given to the next one does not open the last one's account."""
    log_in(walker)
    fake.people["rchimbo"] = entry("1710034065")
    assert "es de otra persona" in log_in(Walker(walker.app)).text
