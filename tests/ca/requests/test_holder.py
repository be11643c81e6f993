"""Whose a personal certificate is: an account with a verified identity, and its names from the register."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest

from ca.ceremony.hierarchy import Hierarchy, create_hierarchy
from ca.issuance.issue import issue_approved
from ca.requests.decide import approve_request
from ca.requests.submit import submit_request
from ca.requests.view import RequestView
from composition import Composition
from idp.accounts.life import disable_person, verify_identity
from idp.accounts.person import Person, add_person
from kernel.errors import NotFound, Rejected, ServiceError
from tests.ca.csr import make_csr

CEDULA = "1710034065"


@pytest.fixture
def made(composition: Composition, now: datetime) -> Hierarchy:
    """A hierarchy of the composed service, whose register of people is the real one."""
    return create_hierarchy(composition.ca, now=now)


@pytest.fixture
def person(composition: Composition, now: datetime) -> Person:
    """Somebody who signed up by himself."""
    with composition.database.transaction() as session:
        return add_person(
            session,
            journal=composition.journal,
            cedula=CEDULA,
            given_names="Ana María",
            surnames="Quispe Ñaupari",
            email="ana@correo.test",
            now=now,
        )


def _verify(composition: Composition, person: Person, now: datetime) -> None:
    with composition.database.transaction() as session:
        verify_identity(session, services=composition.idp, person_id=person.id, level=2, actor="desk", now=now)


def _submit(composition: Composition, now: datetime, **inputs: str) -> RequestView:
    return _submitted(composition, now, {"cedula": CEDULA, **inputs})


def _submitted(composition: Composition, now: datetime, inputs: Mapping[str, str]) -> RequestView:
    with composition.database.transaction() as session:
        return submit_request(
            session,
            services=composition.ca,
            profile="person-authentication",
            csr=make_csr(common_name="Otra Persona", dns=()),
            institution_ruc=None,
            requested_by="jorge",
            inputs=inputs,
            now=now,
        )


def _refused(composition: Composition, now: datetime, **inputs: str) -> str:
    with pytest.raises(ServiceError) as caught:
        _submit(composition, now, **inputs)
    return caught.value.code


def test_an_account_that_nobody_verified_gets_no_certificate(
    composition: Composition, made: Hierarchy, person: Person, now: datetime
) -> None:
    """Anyone can sign up with another's cédula: a certificate would lend that account the other's name."""
    assert _refused(composition, now) == "person_not_verified"
    with pytest.raises(NotFound):
        _submit(composition, now, cedula="0923456719")


def test_the_names_come_from_the_register(
    composition: Composition, made: Hierarchy, person: Person, now: datetime
) -> None:
    """Neither the CSR nor who types decides how the person is called."""
    _verify(composition, person, now)
    request = _submit(composition, now, cedula="171003406-5")
    assert "CN=Ana María Quispe Ñaupari" in request.subject
    assert request.inputs["cedula"] == CEDULA
    assert not request.is_blocked
    assert _refused(composition, now, surnames="Otra") == "input_from_register"


def test_a_closed_account_stops_the_certificate_at_its_signature(
    composition: Composition, made: Hierarchy, person: Person, now: datetime
) -> None:
    """What has changed since the approval stops it."""
    _verify(composition, person, now)
    request = _submit(composition, now)
    with composition.database.transaction() as session:
        approve_request(
            session,
            services=composition.ca,
            request_id=request.id,
            approver="ana",
            tbs_sha256=request.tbs_sha256,
            now=now,
        )
        disable_person(session, services=composition.idp, person_id=person.id, actor="desk", now=now)
    with pytest.raises(NotFound) as caught:
        issue_approved(composition.ca, request.id, now=now)
    assert caught.value.code == "holder_unknown"


def test_a_request_without_a_person_says_what_is_missing(
    composition: Composition, made: Hierarchy, now: datetime
) -> None:
    """In words, naming the field."""
    with pytest.raises(Rejected, match="cedula"):
        _submitted(composition, now, {})
