"""A person with everything to lose, an officer, a desk, and the pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from composition import Composition
from idp.accounts.person import Person
from idp.desk.desks import Desk, add_desk
from idp.desk.document import DocumentShown
from idp.desk.recovery import open_recovery
from idp.desk.recovery_record import Recovery
from idp.directory.institutions import Institution, add_institution
from idp.notices.mail import list_stored_mails
from tests.idp.web_people.conftest import app, make_person, walker

__all__ = ["app", "make_person", "walker"]
RUC = "1760001550001"
SHOWN = DocumentShown("cedula", "registry")
OFFICER, SECOND = "0" * 25 + "1", "0" * 25 + "2"


@pytest.fixture
def institution(composition: Composition) -> Institution:
    """An institution."""
    with composition.database.transaction() as session:
        return add_institution(
            session, journal=composition.journal, ruc=RUC, name="Registro de Prueba", now=composition.clock.now()
        )


@pytest.fixture
def desk(composition: Composition, institution: Institution) -> Desk:
    """A desk."""
    with composition.database.transaction() as session:
        return add_desk(
            session,
            journal=composition.journal,
            institution_ruc=institution.ruc,
            name="Agencia Norte",
            city="Quito",
            address="Av. Amazonas N39-123",
            hours="Lunes a viernes, 08:00 a 16:30",
            now=composition.clock.now(),
        )


@dataclass
class Opened:
    """A recovery with what was printed and what was sent."""

    recovery: Recovery
    code: str
    stop: str


Open = Callable[..., Opened]


@pytest.fixture
def open_one(composition: Composition, desk: Desk) -> Open:
    """Open a person's recovery."""

    def open_(person: Person, *, officer: str = OFFICER, **more: Any) -> Opened:
        with composition.database.transaction() as session:
            recovery, code = open_recovery(
                session,
                services=composition.idp,
                person_id=person.id,
                desk_id=desk.id,
                shown=SHOWN,
                officer_id=officer,
                now=composition.clock.now(),
                **{"lost_email": False, "lost_phone": False, "institutions": None} | more,
            )
        return Opened(recovery, code, stop_code(composition))

    return open_


def stop_code(composition: Composition) -> str:
    """Return the code of the newest notice, empty where none was sent."""
    for mail in mails(composition):
        _before, found, after = mail.body.partition("/recovery/stop/")
        if found:
            return after.split()[0]
    return ""


def mails(composition: Composition) -> list[Any]:
    """Return the mails that were written, newest first."""
    with composition.database.reading() as session:
        return list_stored_mails(session, services=composition.idp)
