"""Who holds which role of the console, by the API: finding a person on record, giving, taking."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from admin.api.bounds import Id, Ruc
from admin.api.operation import Call, Document, Nothing, Operation
from admin.giving_roles import find_holding, give_role, take_role
from admin.masking import mask_document
from admin.permissions import Permission, Role
from admin.person_lookup import look_up_person
from admin.roles import RoleHolding, list_role_holdings

_ID = "01KAR0Z6Q0S4V1J3H8M5T2N7XC"


class HoldingDocument(Document):
    """A role of the console in somebody's hands."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XB"])
    person_id: str = Field(examples=[_ID])
    role: Role
    institution_ruc: str | None = Field(description="The one institution that it reaches; null: all.")
    granted_by: str = Field(examples=["command"])
    granted_at: datetime


class NewHolding(Document):
    """A role to give."""

    person_id: Id
    role: Role
    institution_ruc: Ruc | None = Field(default=None, description="The one institution that it reaches; null: all.")


class Lookup(Document):
    """Whom to find, by the whole number of his document, and why. Both go on record."""

    document: str = Field(min_length=1, max_length=40, examples=["1710034065"], description="Cédula or passport.")
    reason: str = Field(min_length=1, max_length=300, examples=["Memorando 12 de talento humano"])


class FoundDocument(Document):
    """Whom the document belongs to; no more of him than what it takes to be sure."""

    person_id: str = Field(examples=[_ID])
    name: str = Field(examples=["Ana Prueba"])
    document: str = Field(examples=["17******65"], description="Masked.")


def list_holdings(call: Call) -> list[Document]:
    """Return who holds which role now."""
    return [_document(each) for each in list_role_holdings(call.session)]


def show(call: Call) -> Document:
    """Return one."""
    return _document(find_holding(call.session, call.path["holding_id"]))


def look_up(call: Call) -> Document:
    """Find a person, on record."""
    body: Lookup = call.body
    found = look_up_person(
        call.session,
        journal=call.services.journal,
        cedula=body.document,
        reason=body.reason,
        actor=call.caller.actor,
        purpose="roles",
        now=call.now,
    )
    return FoundDocument(person_id=found.id, name=found.name, document=mask_document(found.document))


def give(call: Call) -> Document:
    """Give a role."""
    body: NewHolding = call.body
    return _document(
        give_role(
            call.session,
            journal=call.services.journal,
            person_id=body.person_id,
            role=body.role,
            institution_ruc=body.institution_ruc,
            actor=call.caller.actor,
            now=call.now,
        )
    )


def take(call: Call) -> Document:
    """Take a role."""
    return _document(
        take_role(
            call.session,
            journal=call.services.journal,
            holding_id=call.path["holding_id"],
            actor=call.caller.actor,
            now=call.now,
        )
    )


def _document(each: RoleHolding) -> HoldingDocument:
    return HoldingDocument(
        id=each.id,
        person_id=each.person_id,
        role=each.role,
        institution_ruc=each.institution_ruc,
        granted_by=each.granted_by,
        granted_at=each.granted_at,
    )


LOOKUP_FIELDS = {
    "bad_document": "document",
    "bad_cedula": "document",
    "bad_passport": "document",
    "reason_missing": "reason",
    "reason_short": "reason",
    "reason_long": "reason",
}
OPERATIONS = (
    Operation(
        name="list_role_holdings",
        path="/roles",
        summary="Who holds which role of the console.",
        permission=Permission.ROLES_READ,
        item=HoldingDocument,
        handler=list_holdings,
        key="id",
        pages=("admin_roles.show_all",),
    ),
    Operation(
        name="show_role_holding",
        path="/roles/{holding_id}",
        summary="A role in somebody's hands.",
        permission=Permission.ROLES_READ,
        item=HoldingDocument,
        handler=show,
    ),
    Operation(
        name="find_person_for_role",
        path="/roles/people",
        summary="Find a person by his document, to give him a role; on record with the reason.",
        permission=Permission.ROLES_GRANT,
        item=FoundDocument,
        handler=look_up,
        method="POST",
        body=Lookup,
        fields=LOOKUP_FIELDS,
        pages=("admin_roles.search",),
    ),
    Operation(
        name="grant_role",
        path="/roles",
        summary="Give a role; it counts from the person's next call.",
        permission=Permission.ROLES_GRANT,
        item=HoldingDocument,
        handler=give,
        method="POST",
        body=NewHolding,
        status=201,
        fresh=True,
        fields={
            "unknown_institution": "institution_ruc",
            "role_not_institutional": "institution_ruc",
            "role_of_one_institution": "institution_ruc",
        },
        pages=("admin_roles.grant",),
    ),
    Operation(
        name="withdraw_role",
        path="/roles/{holding_id}",
        summary="Take a role; the person's next call feels it.",
        permission=Permission.ROLES_GRANT,
        item=HoldingDocument,
        handler=take,
        method="DELETE",
        body=Nothing,
        fresh=True,
        shown_by=show,
        pages=("admin_roles.withdraw",),
    ),
)
