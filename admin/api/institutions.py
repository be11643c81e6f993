"""Institutions, by the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from admin.api.operation import Call, Document, Operation
from admin.permissions import Permission
from idp.directory.institutions import (
    Institution,
    add_institution,
    change_institution,
    find_institution_by_ruc,
    hold_institution,
    list_institutions,
)
from kernel.errors import NotFound, Rejected

_NAME = Field(min_length=1, max_length=200, examples=["Ministerio de Telecomunicaciones"])
_Domain = Annotated[str, Field(min_length=1, max_length=253)]
_Network = Annotated[str, Field(min_length=1, max_length=49)]
_FIELDS = {
    "bad_ruc": "ruc",
    "institution_exists": "ruc",
    "bad_institution_name": "name",
    "bad_domain": "domains",
    "bad_network": "networks",
    "bad_email": "contact_email",
}


class InstitutionDocument(Document):
    """An institution."""

    ruc: str = Field(examples=["1768152560001"], description="13 digits.")
    name: str = Field(examples=["Ministerio de Telecomunicaciones"])
    domains: list[str] = Field(examples=[["mintel.gob.ec"]])
    networks: list[str] = Field(examples=[["190.152.0.0/16"]])
    contact_email: str = Field(examples=["certificados@mintel.gob.ec"], description="Empty: nobody is written to.")
    active: bool


class NewInstitution(Document):
    """An institution to add."""

    ruc: str = Field(min_length=13, max_length=20, examples=["1768152560001"])
    name: str = _NAME
    domains: list[_Domain] = Field(default=[], max_length=100, examples=[["mintel.gob.ec"]])


class InstitutionChange(Document):
    """What is to be otherwise; members that are left out stay."""

    name: str = Field(default="", min_length=1, max_length=200, examples=["Ministerio de Telecomunicaciones"])
    domains: list[_Domain] = Field(default=[], max_length=100, examples=[["mintel.gob.ec"]])
    networks: list[_Network] = Field(default=[], max_length=100, examples=[["190.152.0.0/16"]])
    contact_email: str = Field(default="", max_length=254, examples=["certificados@mintel.gob.ec"])
    active: bool = Field(default=True, description="A closed one gets no new application and no new certificate.")


def list_all(call: Call) -> list[Document]:
    """Return the institutions that the caller's roles reach."""
    reach = call.caller.powers.institutions(Permission.INSTITUTIONS_READ)
    return [_document(each) for each in list_institutions(call.session) if reach is None or each.ruc in reach]


def show(call: Call) -> Document:
    """Return one. :raises NotFound: for every other one, known or not."""
    return _document(_reached(call, Permission.INSTITUTIONS_READ))


def add(call: Call) -> Document:
    """Add an institution."""
    body: NewInstitution = call.body
    return _document(
        add_institution(
            call.session,
            journal=call.services.journal,
            ruc=body.ruc,
            name=body.name,
            domains=body.domains,
            actor=call.caller.actor,
            now=call.now,
        )
    )


def hold(call: Call) -> None:
    """Hold its row: of two changes at once the second one sees the first."""
    hold_institution(call.session, _reached(call, Permission.INSTITUTIONS_CHANGE).id)


def change(call: Call) -> Document:
    """Change what the body has."""
    body: InstitutionChange = call.body
    return _document(
        change_institution(
            call.session,
            journal=call.services.journal,
            institution_id=_reached(call, Permission.INSTITUTIONS_CHANGE).id,
            changes={name: getattr(body, name) for name in sorted(body.model_fields_set)},
            actor=call.caller.actor,
            now=call.now,
        )
    )


def _reached(call: Call, permission: Permission) -> Institution:
    try:
        found = find_institution_by_ruc(call.session, call.path["ruc"])
        call.caller.powers.require_institution(permission, found.ruc)
    except (NotFound, Rejected) as error:
        raise NotFound("There is no such institution.", code="unknown_institution") from error
    return found


def _document(institution: Institution) -> InstitutionDocument:
    return InstitutionDocument(
        ruc=institution.ruc,
        name=institution.name,
        domains=list(institution.domains),
        networks=list(institution.networks),
        contact_email=institution.contact_email,
        active=institution.active,
    )


OPERATIONS = (
    Operation(
        name="list_institutions",
        path="/institutions",
        summary="Institutions that your roles reach.",
        permission=Permission.INSTITUTIONS_READ,
        item=InstitutionDocument,
        handler=list_all,
        key="ruc",
        pages=("admin_institutions.show_all",),
    ),
    Operation(
        name="show_institution",
        path="/institutions/{ruc}",
        summary="One institution.",
        permission=Permission.INSTITUTIONS_READ,
        item=InstitutionDocument,
        handler=show,
        pages=("admin_institutions.show",),
    ),
    Operation(
        name="add_institution",
        path="/institutions",
        summary="Add an institution.",
        permission=Permission.INSTITUTIONS_ADD,
        item=InstitutionDocument,
        handler=add,
        method="POST",
        body=NewInstitution,
        status=201,
        fields=_FIELDS,
        pages=("admin_institutions.add",),
    ),
    Operation(
        name="change_institution",
        path="/institutions/{ruc}",
        summary="Change an institution: what it is called, what it holds, whether it goes on.",
        permission=Permission.INSTITUTIONS_CHANGE,
        item=InstitutionDocument,
        handler=change,
        method="PATCH",
        body=InstitutionChange,
        fresh=True,
        shown_by=show,
        lock=hold,
        fields=_FIELDS,
        pages=("admin_institutions.change", "admin_institutions.set_active"),
    ),
)
