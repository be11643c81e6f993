"""What applications declare, and who may give it, by the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from admin.api.bounds import Id, Ruc
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Nothing, Operation
from admin.api.roles import LOOKUP_FIELDS
from admin.declaring import application_reached, applications_reached, declare_at_console
from admin.permissions import Permission
from admin.person_lookup import look_up_person
from idp.clients.client import hold_client
from idp.directory.institutions import Institution, find_institution, list_institutions
from idp.rights.catalog import compare, declared_document, find_role, list_roles
from idp.rights.declaration import parse_declaration
from idp.rights.delegation import Delegation, delegate, find_delegation, list_delegations, withdraw_delegation
from kernel.errors import NotFound

_ID = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XD"])


class DeclaredRoleDocument(Document):
    """A role that an application declares."""

    id: str = _ID
    name: str = Field(examples=["revisor"])
    needs_approval: bool
    sensitive: bool


class DeclarationDocument(Document):
    """What an application declares. ``declared``: in the form in which it is put."""

    client_id: str = _ID
    application: str = Field(examples=["Portal de trámites"])
    roles: list[DeclaredRoleDocument]
    declared: dict[str, Any] = Field(examples=[{"institutions": "all", "permissions": [], "roles": []}])


class NewDeclaration(Document):
    """What it is to declare from now on, whole."""

    declared: dict[str, Any] = Field(examples=[{"institutions": "all", "permissions": [], "roles": []}])


class DifferenceLinesDocument(Document):
    """What would change: each line begins with +, - or ~."""

    lines: list[str] = Field(examples=[["+ revisor"]])


class DelegationDocument(Document):
    """That somebody may give, or approve, a role in an institution."""

    id: str = _ID
    institution_ruc: str = Field(examples=["1768152560001"])
    client_id: str = _ID
    role_id: str = _ID
    role: str = Field(examples=["revisor"])
    person_id: str = _ID
    may_assign: bool
    may_approve: bool
    granted_by: str = _ID
    granted_at: datetime


class NewDelegation(Document):
    """Who may give or approve what, and where: found by the whole number of his document, on record."""

    institution_ruc: Ruc
    document: str = Field(min_length=1, max_length=40, examples=["1710034065"], description="Cédula or passport.")
    role_id: Id
    may: Literal["assign", "approve", "both"]
    reason: str = Field(min_length=1, max_length=300, examples=["Memorando 12 de talento humano"])


def list_all(call: Call) -> list[Document]:
    """Return what the applications within reach declare."""
    return [
        _declaration(call, each.client_id, each.name)
        for each in applications_reached(call.session, call.caller.powers, Permission.DECLARATIONS_READ)
    ]


def show(call: Call) -> Document:
    """Return what one declares."""
    with hidden("client"):
        client = application_reached(
            call.session, call.caller.powers, Permission.DECLARATIONS_READ, call.path["client_id"]
        )
    return _declaration(call, client.client_id, client.name)


def review(call: Call) -> Document:
    """Return what it would change; nothing is written."""
    client_id = _changeable(call)
    wanted = parse_declaration(call.body.declared, client_id=client_id)
    return DifferenceLinesDocument(lines=list(compare(call.session, wanted).lines))


def hold(call: Call) -> None:
    """Hold the application: of two declarations at once the second one sees the first."""
    hold_client(call.session, _changeable(call))


def declare(call: Call) -> Document:
    """Declare it."""
    client_id = _changeable(call)
    before = parse_declaration(declared_document(call.session, client_id), client_id=client_id)
    declare_at_console(
        call.session,
        journal=call.services.journal,
        powers=call.caller.powers,
        declaration=parse_declaration(call.body.declared, client_id=client_id),
        seen_sha256=before.sha256,  # If-Match said what was seen
        actor=call.caller.actor,
        now=call.now,
    )
    call.session.expire_all()
    return show(call)


def delegations(call: Call) -> list[Document]:
    """Return who may give what, in the institutions within reach."""
    institutions = _institutions(call, Permission.DELEGATIONS_READ)
    return [
        _delegation(call, each, institutions[each.institution_id])
        for each in list_delegations(call.session)
        if each.institution_id in institutions
    ]


def show_delegation(call: Call) -> Document:
    """Return one."""
    return _delegation(call, *_found(call, Permission.DELEGATIONS_READ))


def delegate_role(call: Call) -> Document:
    """Let a person give or approve a role."""
    body: NewDelegation = call.body
    institutions = _institutions(call, Permission.DELEGATIONS_CHANGE)
    institution = next((each for each in institutions.values() if each.ruc == body.institution_ruc), None)
    if institution is None:
        raise NotFound("There is no such institution.", code="unknown_institution")
    found = look_up_person(
        call.session,
        journal=call.services.journal,
        cedula=body.document,
        reason=body.reason,
        actor=call.caller.actor,
        purpose="delegation",
        now=call.now,
    )
    given = delegate(
        call.session,
        journal=call.services.journal,
        institution_id=institution.id,
        person_id=found.id,
        role_id=body.role_id,
        may_assign=body.may != "approve",
        may_approve=body.may != "assign",
        actor=call.caller.actor,
        now=call.now,
    )
    return _delegation(call, given, institution)


def withdraw(call: Call) -> Document:
    """Take it back."""
    found, institution = _found(call, Permission.DELEGATIONS_CHANGE)
    taken = withdraw_delegation(
        call.session, journal=call.services.journal, delegation_id=found.id, actor=call.caller.actor, now=call.now
    )
    return _delegation(call, taken, institution)


def _changeable(call: Call) -> str:
    with hidden("client"):
        return application_reached(
            call.session, call.caller.powers, Permission.DECLARATIONS_CHANGE, call.path["client_id"]
        ).client_id


def _declaration(call: Call, client_id: str, name: str) -> DeclarationDocument:
    return DeclarationDocument(
        client_id=client_id,
        application=name,
        roles=[
            DeclaredRoleDocument(
                id=each.id, name=each.name, needs_approval=each.needs_approval, sensitive=each.sensitive
            )
            for each in list_roles(call.session, client_id=client_id)
        ],
        declared=declared_document(call.session, client_id),
    )


def _institutions(call: Call, permission: Permission) -> dict[str, Institution]:
    reach = call.caller.powers.institutions(permission)
    return {each.id: each for each in list_institutions(call.session) if reach is None or each.ruc in reach}


def _found(call: Call, permission: Permission) -> tuple[Delegation, Institution]:
    with hidden("delegation"):
        found = find_delegation(call.session, call.path["delegation_id"])
        institution = find_institution(call.session, found.institution_id)
        call.caller.powers.require_institution(permission, institution.ruc)
    return found, institution


def _delegation(call: Call, found: Delegation, institution: Institution) -> DelegationDocument:
    role = find_role(call.session, found.role_id)
    return DelegationDocument(
        id=found.id,
        institution_ruc=institution.ruc,
        client_id=role.client_id,
        role_id=role.id,
        role=role.name,
        person_id=found.person_id,
        may_assign=found.may_assign,
        may_approve=found.may_approve,
        granted_by=found.granted_by,
        granted_at=found.granted_at,
    )


_FIELDS = {"bad_declaration": "declared", "unknown_role": "role_id", "role_not_offered": "role_id", **LOOKUP_FIELDS}
OPERATIONS = (
    Operation(
        name="list_declarations",
        path="/declarations",
        summary="What the applications that you reach declare.",
        permission=Permission.DECLARATIONS_READ,
        item=DeclarationDocument,
        handler=list_all,
        key="client_id",
        pages=("admin_rights.declarations",),
    ),
    Operation(
        name="show_declaration",
        path="/declarations/{client_id}",
        summary="What one application declares.",
        permission=Permission.DECLARATIONS_READ,
        item=DeclarationDocument,
        handler=show,
        pages=("admin_rights.declaration",),
    ),
    Operation(
        name="review_declaration",
        path="/declarations/{client_id}/review",
        summary="What a declaration would change. Changes nothing.",
        permission=Permission.DECLARATIONS_CHANGE,
        item=DifferenceLinesDocument,
        handler=review,
        method="POST",
        body=NewDeclaration,
        fields=_FIELDS,
        pages=("admin_rights.review_declaration",),
    ),
    Operation(
        name="declare_rights",
        path="/declarations/{client_id}",
        summary="Declare roles and permissions anew, whole.",
        permission=Permission.DECLARATIONS_CHANGE,
        item=DeclarationDocument,
        handler=declare,
        method="PUT",
        body=NewDeclaration,
        fresh=True,
        shown_by=show,
        lock=hold,
        fields=_FIELDS,
        pages=("admin_rights.declare",),
    ),
    Operation(
        name="list_delegations",
        path="/delegations",
        summary="Who may give or approve which role, in the institutions that you reach.",
        permission=Permission.DELEGATIONS_READ,
        item=DelegationDocument,
        handler=delegations,
        key="id",
        pages=("admin_rights.delegations",),
    ),
    Operation(
        name="show_delegation",
        path="/delegations/{delegation_id}",
        summary="One of them.",
        permission=Permission.DELEGATIONS_READ,
        item=DelegationDocument,
        handler=show_delegation,
    ),
    Operation(
        name="delegate_right",
        path="/delegations",
        summary="Let a person of the institution, found by his document, give or approve a role there; on record.",
        permission=Permission.DELEGATIONS_CHANGE,
        item=DelegationDocument,
        handler=delegate_role,
        method="POST",
        body=NewDelegation,
        status=201,
        fresh=True,
        fields={**_FIELDS, "unknown_institution": "institution_ruc"},
        pages=("admin_rights.delegate_role",),
    ),
    Operation(
        name="withdraw_delegation",
        path="/delegations/{delegation_id}",
        summary="Take it back.",
        permission=Permission.DELEGATIONS_CHANGE,
        item=DelegationDocument,
        handler=withdraw,
        method="DELETE",
        body=Nothing,
        fresh=True,
        shown_by=show_delegation,
        pages=("admin_rights.withdraw_delegated",),
    ),
)
