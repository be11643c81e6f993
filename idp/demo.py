"""People of the demonstration: invented, with valid cédulas, and passwords that everybody may know."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from stdnum.ec import ci

from idp.accounts.person import Person, add_person, find_person_by_cedula
from idp.authentication.model import TotpRow
from idp.authentication.password import hash_password, store_password
from idp.authentication.recovery_codes import issue_recovery_codes, put_away_recovery_sheet
from idp.authentication.totp import STEP_SECONDS, current_code, has_totp, new_totp_row
from idp.services import IdpServices
from kernel.identifiers import sha256
from kernel.secret_text import SecretText
from keys.sealing import Sealer

DEMO_PASSWORD = "colibri-quinua-lago-47"
# Seven digits after the province; the first of them below 6 marks a person. The step keeps neighbours apart.
_FIRST_SPARE, _SPARE_STEP = 5_041_733, 7_919


@dataclass(frozen=True)
class DemoPerson:
    """A person of the demonstration.

    :ivar role: ``citizen``, or the role in the console that ``sau init --demo`` grants.
    """

    cedula: str
    given_names: str
    surnames: str
    role: str
    second_factor: bool
    what: str


@dataclass(frozen=True)
class DemoAccount:
    """A person of the demonstration as the demo page and the printout show one. ``totp_key`` is empty without TOTP."""

    person: Person
    role: str
    what: str
    password: str
    totp_key: str


DEMO_PEOPLE = (
    DemoPerson("1710034065", "María Fernanda", "Quishpe Toapanta", "citizen", True, "Ciudadana con segundo paso"),
    DemoPerson("0923456719", "Luis Alberto", "Mendoza Vera", "citizen", False, "Ciudadano sin celular"),
    DemoPerson("0104567896", "Rosa Elena", "Guamán Sinchi", "citizen", True, "Ciudadana con segundo paso"),
    DemoPerson("1801234566", "Jorge Andrés", "Paredes Núñez", "pki_officer", True, "Pide certificados"),
    DemoPerson("1107654327", "Ana Lucía", "Ojeda Cabrera", "pki_approver", True, "Aprueba certificados"),
    DemoPerson("1309988770", "Carlos Julio", "Zambrano Loor", "auditor", True, "Revisa la evidencia"),
)


def create_demo_people(session: Session, services: IdpServices, now: datetime) -> list[DemoAccount]:
    """Make the people that are not there yet; return all of them. Repeating it changes nothing."""
    for demo in DEMO_PEOPLE:
        if find_person_by_cedula(session, demo.cedula) is None:
            _create(session, services, demo, now=now)
    session.flush()
    return list_demo_accounts(session, services)


def list_demo_accounts(session: Session, services: IdpServices) -> list[DemoAccount]:
    """Return the demonstration's people who are there."""
    accounts = []
    for demo in DEMO_PEOPLE:
        person = find_person_by_cedula(session, demo.cedula)
        if person is not None:
            key = _totp_key(session, services, person.id)
            accounts.append(DemoAccount(person, demo.role, demo.what, DEMO_PASSWORD, key))
    return accounts


def list_spare_cedulas(session: Session, *, most: int = 3) -> list[str]:
    """Return valid cédulas that nobody has, for whoever wants to sign up in the demonstration."""
    spare: list[str] = []
    for number in range(_FIRST_SPARE, _FIRST_SPARE + 10**6, _SPARE_STEP):
        cedula = next(text for digit in range(10) if ci.is_valid(text := f"17{number}{digit}"))
        if find_person_by_cedula(session, cedula) is None:
            spare.append(cedula)
        if len(spare) == most:
            break
    return spare


def code_and_seconds_left(totp_key: str, *, now: datetime) -> tuple[str, int]:
    """Return the code of ``totp_key`` at ``now`` and for how many seconds it is shown."""
    return current_code(totp_key, now=now), STEP_SECONDS - int(now.timestamp()) % STEP_SECONDS


def _create(session: Session, services: IdpServices, demo: DemoPerson, *, now: datetime) -> None:
    mailbox = demo.given_names.split()[0].lower().replace("í", "i")
    person = add_person(
        session,
        journal=services.journal,
        cedula=demo.cedula,
        given_names=demo.given_names,
        surnames=demo.surnames,
        email=f"{mailbox}.{demo.cedula[-4:]}@correo.test",
        email_verified=True,
        level=1 if demo.role == "citizen" else 2,
        method="demo",
        now=now,
    )
    phc = hash_password(SecretText(DEMO_PASSWORD))
    store_password(session, journal=services.journal, person_id=person.id, phc=phc, reason="demo", now=now)
    if demo.second_factor and not has_totp(session, person.id):
        # The same key on every machine, so that a code app can keep it between demonstrations.
        key = base64.b32encode(sha256(f"sau demo {demo.cedula}")[:20]).decode()
        row = new_totp_row(services, person_id=person.id, key=key, now=now)
        row.confirmed_at = now
        session.add(row)
        issue_recovery_codes(session, services=services, person_id=person.id, now=now)
        put_away_recovery_sheet(session, person_id=person.id)


def _totp_key(session: Session, services: IdpServices, person_id: str) -> str:
    row = session.scalars(
        select(TotpRow).where(TotpRow.person_id == person_id, TotpRow.confirmed_at.is_not(None))
    ).first()
    if row is None:
        return ""
    return Sealer(services.sealing_secret, "totp").open(row.sealed_key, bound_to=row.id).decode()
