"""Test citizens by the API: nobody real, made for the developers of an institution."""

from __future__ import annotations

from pydantic import Field

from admin.api.bounds import Ruc
from admin.api.operation import Before, Call, Document, Operation
from admin.applications.people import TestCredentials, list_test_people, make_test_person, new_test_credentials
from admin.applications.reach import institutions_reached
from admin.permissions import Permission
from kernel.errors import NotFound

_WRITE = Permission.APPLICATIONS_WRITE


class TestPersonDocument(Document):
    """A test citizen."""

    person_id: str = Field(examples=["prueba-01KAR0Z6Q0S4V1J3H8M"])
    name: str = Field(examples=["Persona de Prueba Uno"])
    passport: str = Field(examples=["XXX-T1234ABC0"])
    level: int
    institution_ruc: str = Field(examples=["1768152560001"])


class NewTestPersonDocument(Document):
    """What to log in with; told here alone."""

    person: TestPersonDocument
    password: str = Field(examples=["0a1b2c-3d4e5f-607182-93a4b5"])
    totp_key: str = Field(examples=[""], description="Of the authenticator, base32; empty at level 1.")


class NewTestPerson(Document):
    """Whose, and of which level."""

    institution_ruc: Ruc
    level: int = Field(ge=1, le=3, examples=[1], description="3: with a certificate that is simulated.")


def list_all(call: Call) -> list[Document]:
    """Return those of the institutions within reach."""
    reached = {each.id: each.ruc for each in institutions_reached(call.session, call.caller.powers, _WRITE)}
    return [
        TestPersonDocument(
            person_id=person.id,
            name=person.name,
            passport=person.document,
            level=person.level,
            institution_ruc=reached[institution_id],
        )
        for person, institution_id in list_test_people(call.session, list(reached))
    ]


def credentials(before: Before) -> TestCredentials:
    """Make what he logs in with; a password's digest takes its time."""
    return new_test_credentials(before.body.level)


def make(call: Call) -> Document:
    """Make one."""
    body: NewTestPerson = call.body
    reached = institutions_reached(call.session, call.caller.powers, _WRITE)
    institution = next((each for each in reached if each.ruc == body.institution_ruc and each.active), None)
    if institution is None:
        raise NotFound("There is no such institution.", code="unknown_institution")
    made: TestCredentials = call.prepared
    person = make_test_person(
        call.session,
        services=call.services.idp,
        institution=institution,
        credentials=made,
        actor=call.caller.actor,
        now=call.now,
    )
    shown = TestPersonDocument(
        person_id=person.id,
        name=person.name,
        passport=made.passport,
        level=made.level,
        institution_ruc=institution.ruc,
    )
    return NewTestPersonDocument(person=shown, password=made.password.reveal(), totp_key=made.totp_key.reveal())


OPERATIONS = (
    Operation(
        name="list_test_people",
        path="/test-people",
        summary="Test citizens of the institutions you reach.",
        permission=_WRITE,
        item=TestPersonDocument,
        handler=list_all,
        key="person_id",
        pages=("admin_applications.show_test_people",),
    ),
    Operation(
        name="make_test_person",
        path="/test-people",
        summary="Make a test citizen; what he logs in with is told once.",
        permission=_WRITE,
        item=NewTestPersonDocument,
        handler=make,
        method="POST",
        body=NewTestPerson,
        status=201,
        fresh=True,
        prepare=credentials,
        fields={"unknown_institution": "institution_ruc", "too_many_test_people": "institution_ruc"},
        pages=("admin_applications.make_person",),
    ),
)
