"""Test people: made straight in the service's database, with a password and an authenticator that we hold."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyotp
from stdnum.ec import ci

from composition import Composition
from idp.accounts.person import add_person
from idp.authentication.password import hash_password, store_password
from idp.authentication.totp import new_totp_row
from kernel.secret_text import SecretText
from tests.servers.service import LiveService

_STEP_SECONDS = 30


@dataclass
class Citizen:
    """Someone who can log in.

    :ivar totp_key: base32; empty for someone without a second factor.
    """

    id: str
    cedula: str
    name: str
    email: str
    password: str
    totp_key: str = field(repr=False)
    _last_step: int = field(default=0, repr=False)

    def next_code(self) -> str:
        """Return a one-time code that was not used before: the present one, or the next, which clocks may be ahead by.

        A third one within half a minute is not to be had: take another citizen.
        """
        present = int(datetime.now(UTC).timestamp()) // _STEP_SECONDS
        self._last_step = max(present, self._last_step + 1)
        return pyotp.TOTP(self.totp_key).generate_otp(self._last_step)


def new_cedula() -> str:
    """Return a valid cédula at random."""
    while True:
        nine = f"{random.randrange(1, 25):02d}{random.randrange(0, 6)}{random.randrange(10**6):06d}"
        for check in range(10):
            if ci.is_valid(f"{nine}{check}"):
                return f"{nine}{check}"


def add_citizen(composition: Composition, *, with_totp: bool = True) -> Citizen:
    """Add a verified person with a password, and an authenticator unless told otherwise."""
    services, now = composition.idp, composition.clock.now()
    citizen = Citizen(
        id="",
        cedula=new_cedula(),
        name="María Fernanda Quishpe Guamán",
        email=f"maria.{random.randrange(10**9)}@correo.test",
        password=f"volcán-{random.randrange(10**9)}-cóndor",
        totp_key=pyotp.random_base32() if with_totp else "",
    )
    phc = hash_password(SecretText(citizen.password))
    with services.database.transaction() as session:
        person = add_person(
            session,
            journal=services.journal,
            cedula=citizen.cedula,
            given_names="María Fernanda",
            surnames="Quishpe Guamán",
            email=citizen.email,
            email_verified=True,
            method="demo",
            now=now,
        )
        store_password(session, journal=services.journal, person_id=person.id, phc=phc, reason="demo", now=now)
        if with_totp:
            row = new_totp_row(services, person_id=person.id, key=citizen.totp_key, now=now)
            row.confirmed_at = now
            session.add(row)
    citizen.id = person.id
    return citizen


def citizen_of(service: LiveService, *, with_totp: bool = True) -> Citizen:
    """Add a person to a running service."""
    with service.composition() as composition:
        return add_citizen(composition, with_totp=with_totp)
