"""Fixtures of issuance: a hierarchy made by the ceremony, and a register of institutions in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from ca.ceremony.hierarchy import Hierarchy, create_hierarchy
from ca.ports import InstitutionRecord, PersonRecord
from ca.services import CaServices
from composition import Composition
from kernel.clock import ManualClock
from kernel.errors import NotFound

RUC = "1768152560001"
OTHER_RUC = "1760013210001"


class FakeInstitutions:
    """A register in memory that answers as the real one does."""

    def __init__(self, *records: InstitutionRecord) -> None:
        self.records = {record.ruc: record for record in records}

    def find(self, session: Session, ruc: str) -> InstitutionRecord:
        """See :class:`ca.ports.Institutions`."""
        try:
            return self.records[ruc]
        except KeyError:
            raise NotFound("There is no such institution.", code="unknown_institution") from None


PERSON = PersonRecord(
    id="0123456789abcdefghjkmnpqrs", cedula="1710034065", given_names="María José", surnames="Ñaupari Güiza"
)


class FakePeople:
    """One person with a verified account."""

    def find_verified(self, session: Session, cedula: str) -> PersonRecord:
        """See :class:`ca.ports.People`."""
        if cedula != PERSON.cedula:
            raise NotFound("Nobody with this cédula has an account here.", code="holder_unknown")
        return PERSON


@pytest.fixture
def institutions() -> FakeInstitutions:
    """Two institutions, each with a domain of its own."""
    return FakeInstitutions(
        InstitutionRecord(id="i1", ruc=RUC, name="Ministerio de Pruebas", domains=("pruebas.gob.ec",)),
        InstitutionRecord(id="i2", ruc=OTHER_RUC, name="Servicio de Rentas de Prueba", domains=("rentas.gob.ec",)),
    )


@pytest.fixture
def services(composition: Composition, institutions: FakeInstitutions) -> CaServices:
    """What the authority is given, over the register in memory; no hierarchy yet."""
    return replace(composition.ca, institutions=institutions, people=FakePeople())


@pytest.fixture
def hierarchy(services: CaServices, now: datetime) -> Hierarchy:
    """A root and an issuing authority."""
    return create_hierarchy(services, now=now)


@pytest.fixture
def now(clock: ManualClock) -> datetime:
    """The moment at which the clock stands."""
    return clock.now()
