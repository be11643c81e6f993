"""Test citizens: nobody real, made for the developers of an institution, at home in sandboxes alone."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.model import TestPerson
from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.model import PersonRow
from idp.accounts.person import ACTIVE, Person, add_person, as_person
from idp.authentication.password import hash_password, store_password
from idp.authentication.totp import new_totp_row
from idp.clients.environment import new_test_person_id
from idp.directory.institutions import Institution
from idp.services import IdpServices
from kernel.errors import Rejected
from kernel.secret_text import SecretText

#: At level 3 the certificate is simulated: :mod:`idp.authentication.simulated_certificate`.
LEVELS = (1, 2, 3)
MOST = 50
# No state issues it: the letters are those of a passport that declares none.
_STATE = "XXX"
_SURNAMES = {1: "de Prueba Uno", 2: "de Prueba Dos", 3: "de Prueba Tres"}


@dataclass(frozen=True)
class TestCredentials:
    """What a developer types to log in as a test citizen; shown once.

    :ivar totp_key: of the authenticator, base32; empty at level 1, which needs none.
    :ivar phc: the password's digest, made before a transaction begins: it takes its time.
    """

    passport: str
    password: SecretText
    totp_key: SecretText
    phc: str
    level: int


def new_test_credentials(level: int) -> TestCredentials:
    """Return fresh credentials. :raises Rejected: (``bad_test_level``)."""
    if level not in LEVELS:
        raise Rejected("Test citizens are of level 1, 2 or 3.", code="bad_test_level")
    number = "T" + "".join(secrets.choice(string.digits + "ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(7)) + "0"
    password = SecretText("-".join(secrets.token_hex(3) for _ in range(4)))
    return TestCredentials(
        passport=f"{_STATE}-{number}",
        password=password,
        totp_key=SecretText(pyotp.random_base32() if level > 1 else ""),
        phc=hash_password(password),
        level=level,
    )


def make_test_person(
    session: Session,
    *,
    services: IdpServices,
    institution: Institution,
    credentials: TestCredentials,
    actor: str,
    now: datetime,
) -> Person:
    """Add a test citizen of ``institution`` who logs in with ``credentials``.

    :raises Rejected: (``too_many_test_people``) the institution has :data:`MOST`.
    """
    has = session.scalar(
        select(func.count()).select_from(TestPerson).where(TestPerson.institution_id == institution.id)
    )
    if (has or 0) >= MOST:
        raise Rejected(f"An institution has {MOST} test citizens at most.", code="too_many_test_people")
    person = add_person(
        session,
        journal=services.journal,
        person_id=new_test_person_id(),
        cedula=None,
        passport=credentials.passport,
        given_names="Persona",
        surnames=_SURNAMES[credentials.level],
        email="",
        level=credentials.level,
        method="test",
        is_test=True,
        now=now,
    )
    store_password(session, journal=services.journal, person_id=person.id, phc=credentials.phc, reason="test", now=now)
    if credentials.totp_key.reveal():
        row = new_totp_row(services, person_id=person.id, key=credentials.totp_key.reveal(), now=now)
        row.confirmed_at = now
        session.add(row)
    session.add(TestPerson(person_id=person.id, institution_id=institution.id, made_by=actor, made_at=now))
    event = Event(
        type=EventType.TEST_PERSON_MADE,
        subject=person.id,
        actor=actor,
        object_id=institution.id,
        details={"level": credentials.level},
    )
    services.journal.record(session, event, now=now)
    return person


def list_test_people(session: Session, institution_ids: list[str]) -> list[tuple[Person, str]]:
    """Return the test citizens of these institutions, each with its institution's id; the newest first."""
    rows = session.execute(
        select(PersonRow, TestPerson.institution_id)
        .join(TestPerson, TestPerson.person_id == PersonRow.id)
        .where(TestPerson.institution_id.in_(institution_ids), PersonRow.status == ACTIVE)
        .order_by(TestPerson.made_at.desc(), PersonRow.id)
    ).all()
    return [(as_person(row), institution_id) for row, institution_id in rows]
