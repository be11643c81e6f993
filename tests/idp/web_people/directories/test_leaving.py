"""Who is no longer in the directory; and how a directory is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import erase_person
from idp.accounts.person import add_person
from idp.authentication.browser_session import BrowserSession
from idp.directories.directory import Directory
from idp.directories.errors import DirectoryError, DirectoryReason
from idp.directories.health import list_health, look_at_directory
from idp.directories.model import DirectoryLinkRow
from kernel.clock import ManualClock
from tests.idp.directories.fake import FakeDirectories, entry
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.directories.walking import EVERY, log_in, look, person_at, the_link


def test_twice_not_found_ends_the_sessions(
    walker: Walker,
    salud: Directory,
    fake: FakeDirectories,
    composition: Composition,
    clock: ManualClock,
    session_of: Callable[[Walker], BrowserSession | None],
    events: Callable[..., list[Any]],
) -> None:
    """Not at the first look. With the account the work there is over, which began when she first came."""
    log_in(walker)
    person = person_at(composition)
    assert person
    fake.people.clear()
    look(composition, salud, clock, EVERY)
    assert events(EventType.LDAP_PERSON_LEFT) == []
    assert the_link(composition).missed_at is not None
    walker2 = Walker(walker.app)
    fake.people["rchimbo"] = entry()
    log_in(walker2)
    fake.people.clear()
    assert session_of(walker2) is not None
    look(composition, salud, clock, EVERY)
    look(composition, salud, clock, timedelta(minutes=11))
    assert len(events(EventType.LDAP_PERSON_LEFT)) == 1
    assert [each.object_id for each in events(EventType.BELONGING_ENDED)] == [salud.institution_id]
    assert session_of(walker2) is None
    assert the_link(composition).groups == []


def test_a_directory_that_is_down_dismisses_nobody(
    walker: Walker, salud: Directory, fake: FakeDirectories, composition: Composition, clock: ManualClock
) -> None:
    """It says nothing about anybody."""
    log_in(walker)
    fake.error = DirectoryError(DirectoryReason.UNREACHABLE)
    with pytest.raises(DirectoryError):
        look(composition, salud, clock, EVERY)
    assert the_link(composition).missed_at is None


def test_when_many_are_missing_nobody_has_left(
    salud: Directory,
    fake: FakeDirectories,
    composition: Composition,
    clock: ManualClock,
    events: Callable[..., list[Any]],
) -> None:
    """Somebody moved the tree: a person must look."""
    now = clock.now()
    with composition.database.transaction() as session:
        for number in range(8):
            person = add_person(
                session,
                journal=composition.idp.journal,
                cedula=f"171003406{number}",
                given_names="Rosa",
                surnames="Chimbo",
                email="",
                now=now,
            )
            session.add(
                DirectoryLinkRow(
                    id=f"0{number}",
                    directory_id=salud.id,
                    person_id=person.id,
                    entry_key=str(number),
                    username=f"u{number}",
                    groups=[],
                    linked_at=now,
                    last_login_at=now,
                    checked_at=now,
                )
            )
    fake.people = {"u0": entry("1710034060", key="0")}
    look(composition, salud, clock, EVERY)
    (stopped,) = events(EventType.LDAP_CHECK_STOPPED)
    assert stopped.reason == "too_many_missing"
    with composition.database.reading() as session:
        assert session.query(DirectoryLinkRow).filter(DirectoryLinkRow.missed_at.is_not(None)).count() == 0


def test_erasure_takes_the_links(walker: Walker, salud: Directory, composition: Composition) -> None:
    """What is kept about a person goes with him."""
    log_in(walker)
    person = person_at(composition)
    assert person
    with composition.database.transaction() as session:
        erase_person(
            session, services=composition.idp, person_id=person.id, actor="command", now=composition.clock.now()
        )
    with composition.database.reading() as session:
        assert session.query(DirectoryLinkRow).count() == 0


def test_health_is_kept_and_its_changes_are_events(
    salud: Directory, fake: FakeDirectories, composition: Composition, events: Callable[..., list[Any]]
) -> None:
    """Up, down, down, up: three changes that anybody asks about, and two that are events."""
    for error in (None, DirectoryReason.TIMED_OUT, DirectoryReason.TIMED_OUT, None):
        fake.error = DirectoryError(error) if error else None
        look_at_directory(composition.idp, directory_id=salud.id, now=composition.clock.now())
        with composition.database.reading() as session:
            (health,) = list_health(session)
        assert (health.up, health.reason) == (error is None, error.value if error else None)
    assert [each.outcome for each in events(EventType.LDAP_DIRECTORY_HEALTH_CHANGED)] == ["failure", "success"]
