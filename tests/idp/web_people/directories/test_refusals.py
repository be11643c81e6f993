"""Logging in with an institution's password: what does not let in, and what others notice of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from audit.vocabulary import EventType, Outcome
from composition import Composition
from idp.accounts.life import disable_person
from idp.accounts.person import Person
from idp.authentication.browser_session import BrowserSession
from idp.directories.account_state import AccountState
from idp.directories.directory import Directory
from idp.directories.errors import DirectoryAccountError, DirectoryError, DirectoryReason
from tests.idp.directories.fake import FakeDirectories, entry
from tests.idp.web_people.conftest import PASSWORD as OWN_PASSWORD
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.directories.walking import CEDULA, NAME, log_in, person_at


@pytest.mark.parametrize("password", ["", " ", "\u200b", "\x00"], ids=["empty", "blank", "invisible", "nul"])
def test_no_bind_for_a_password_that_is_none(
    walker: Walker, salud: Directory, fake: FakeDirectories, password: str
) -> None:
    """Login 10: no bind is sent."""
    assert log_in(walker, password=password).status_code in (400, 422)
    assert fake.asked == 0


def test_no_bind_for_a_name_that_is_none(walker: Walker, salud: Directory, fake: FakeDirectories) -> None:
    """Login 10: ``*)(uid=*``."""
    assert log_in(walker, "*)(uid=*@salud.gob.ec").status_code == 422
    assert fake.asked == 0


def test_the_same_octets_for_wrong_absent_and_unknown(
    app: Flask, salud: Directory, make_person: Callable[..., Person]
) -> None:
    """A wrong password, a name that the directory lacks, a domain that nobody has, a cédula of nobody."""
    pages = []
    for username in (NAME, "nadie@salud.gob.ec", "nadie@otro.gob.ec", CEDULA):
        answer = log_in(Walker(app, address=f"203.0.113.{len(pages)}"), username, "otra-cosa-larga")
        assert answer.status_code == 422, username
        text = re.sub(r"[0-9a-z]{26}|value=\"[^\"]*\"", "X", answer.text.replace(username, "X"))
        pages.append(text.splitlines())
    for page in pages[1:]:
        assert page == pages[0]


def test_tries_are_counted_before_the_directory_is_asked(
    walker: Walker, app: Flask, salud: Directory, fake: FakeDirectories
) -> None:
    """Five; the sixth asks nobody. The person's own device has a counter of its own."""
    log_in(walker)
    known = walker.cookie("sau_device")
    stranger = Walker(app, address="198.51.100.1")
    before = fake.asked
    told = [log_in(stranger, password="otra-cosa").status_code for _ in range(7)]
    assert told == [422] * 5 + [429] * 2
    assert fake.asked - before == 5
    assert log_in(Walker(app, address="198.51.100.2"), CEDULA).status_code == 429  # one counter for both names
    assert known
    assert log_in(walker).status_code == 303


@pytest.mark.parametrize("state", list(AccountState))
def test_closed_there_is_told_in_plain_words(
    walker: Walker,
    salud: Directory,
    fake: FakeDirectories,
    events: Callable[..., list[Any]],
    state: AccountState,
) -> None:
    """And on record with the reason."""
    fake.error = DirectoryAccountError(state)
    answer = log_in(walker)
    assert answer.status_code == 422
    assert "Su institución" in answer.text or "Su cuenta en la institución" in answer.text
    (refused,) = events(EventType.PASSWORD_VERIFIED)
    assert (refused.outcome, refused.reason) == (Outcome.REFUSED.value, state.value)


def test_no_old_password_stands_in_for_a_directory(
    walker: Walker,
    app: Flask,
    salud: Directory,
    fake: FakeDirectories,
    make_person: Callable[..., Person],
    events: Callable[..., list[Any]],
) -> None:
    """Login 10: it is down, the person has a password of his own, and it does not fit while he works there."""
    maria = make_person("1710034065")
    fake.people["mquispe"] = entry(maria.cedula)
    log_in(walker, "mquispe@salud.gob.ec")
    fake.error = DirectoryError(DirectoryReason.TIMED_OUT)
    answer = log_in(Walker(app), maria.cedula, OWN_PASSWORD)
    assert answer.status_code == 503
    assert "no responde" in answer.text
    refused = events(EventType.PASSWORD_VERIFIED)[-1]
    assert (refused.reason, refused.subject) == ("directory_unavailable", maria.id)
    fake.error = None
    assert log_in(Walker(app), maria.cedula, OWN_PASSWORD).status_code == 422


def test_a_try_that_the_directory_did_not_look_at_does_not_count(
    walker: Walker, salud: Directory, fake: FakeDirectories
) -> None:
    """Whoever tries ten times while it is down gets in when it is back."""
    fake.error = DirectoryError(DirectoryReason.UNREACHABLE)
    assert {log_in(walker).status_code for _ in range(8)} == {503}
    fake.error = None
    assert log_in(walker).status_code == 303


def test_an_account_that_is_closed_here(walker: Walker, app: Flask, salud: Directory, composition: Composition) -> None:
    """The directory's yes opens nothing, and says nothing."""
    log_in(walker)
    person = person_at(composition)
    assert person
    with composition.database.transaction() as session:
        disable_person(
            session, services=composition.idp, person_id=person.id, actor="command", now=composition.clock.now()
        )
    answer = log_in(Walker(app))
    assert answer.status_code == 422
    assert "no coinciden" in answer.text


def test_the_second_factor_stays_ours(
    walker: Walker,
    salud: Directory,
    fake: FakeDirectories,
    make_person: Callable[..., Person],
    code: Callable[[], str],
    session_of: Callable[[Walker], BrowserSession | None],
) -> None:
    """Who has one is asked for it."""
    maria = make_person("1710034065", totp=True)
    fake.people["mquispe"] = entry(maria.cedula)
    answer = log_in(walker, "mquispe@salud.gob.ec")
    assert session_of(walker) is None
    walker.follow(answer)
    walker.post(answer.location, {"step": "second_factor", "method": "totp", "code": code()})
    opened = session_of(walker)
    assert opened is not None
    assert opened.acr == "urn:sau:acr:2fa"


def test_others_are_not_slowed_by_a_directory_that_hangs(
    app: Flask, salud: Directory, composition: Composition, make_person: Callable[..., Person]
) -> None:
    """Login 10: its people wait in the dark, a citizen logs in meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    given_up = threading.Event()

    class Hung(FakeDirectories):
        def authenticate(self, *arguments: object, **keywords: object) -> Any:
            given_up.wait(60)
            raise DirectoryError(DirectoryReason.TIMED_OUT)

    composition.idp.__dict__["directories"] = Hung()
    make_person()
    walkers = [Walker(app, address=f"198.51.100.{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        hung = [threads.submit(log_in, each, f"p{number}@salud.gob.ec") for number, each in enumerate(walkers)]
        assert Walker(app).log_in().status_code == 303
        assert not any(each.done() for each in hung)
        given_up.set()
        assert {each.result().status_code for each in hung} == {503}
