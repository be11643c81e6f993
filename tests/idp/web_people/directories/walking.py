"""What the tests of directories do and read."""

from __future__ import annotations

from datetime import timedelta

from werkzeug.test import TestResponse

from composition import Composition
from idp.accounts.person import Person, find_person_by_cedula
from idp.directories.departure import check_people
from idp.directories.directory import Directory
from idp.directories.model import DirectoryLinkRow
from kernel.clock import ManualClock
from tests.idp.directories.fake import PASSWORD
from tests.idp.web_people.conftest import Walker

CEDULA = "0912345675"
NAME = "rchimbo@salud.gob.ec"
EVERY = timedelta(hours=12)


def log_in(walker: Walker, username: str = NAME, password: str = PASSWORD) -> TestResponse:
    """Do the password step."""
    return walker.log_in(username, password)


def person_at(composition: Composition, cedula: str = CEDULA) -> Person | None:
    """Who has the cédula."""
    with composition.database.reading() as session:
        return find_person_by_cedula(session, cedula)


def look(composition: Composition, directory: Directory, clock: ManualClock, after: timedelta) -> None:
    """Have the worker look, some time later."""
    clock.advance(after)
    check_people(composition.idp, directory_id=directory.id, every=EVERY, now=clock.now())


def the_link(composition: Composition) -> DirectoryLinkRow:
    """The one link."""
    with composition.database.reading() as session:
        row = session.query(DirectoryLinkRow).one()
        session.expunge(row)
        return row
