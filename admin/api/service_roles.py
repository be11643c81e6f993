"""Which applications hold a role of the console for themselves, by the API: given by a superadministrator alone."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from admin.api.bounds import Id, Ruc
from admin.api.operation import Call, Document, Nothing, Operation
from admin.permissions import Permission, Role
from admin.roles import RoleHolding
from admin.service_roles import (
    find_service_role,
    grant_service_role,
    list_service_roles,
    withdraw_service_role,
)


class ServiceRoleDocument(Document):
    """A role in the hands of an application."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XT"])
    actor: str = Field(examples=["service:01KAR0Z6Q0S4V1J3H8M5T2N7XD"], description="As events name it.")
    role: Role
    institution_ruc: str | None
    granted_by: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XC"])
    granted_at: datetime


class NewServiceRole(Document):
    """A role to give: `auditor` or `pki_officer`."""

    client_id: Id
    role: Role = Field(examples=["auditor"])
    institution_ruc: Ruc | None = None


def list_all(call: Call) -> list[Document]:
    """Return what applications hold now."""
    return [_document(each) for each in list_service_roles(call.session)]


def show(call: Call) -> Document:
    """Return one."""
    return _document(find_service_role(call.session, call.path["holding_id"]))


def give(call: Call) -> Document:
    """Give a role."""
    body: NewServiceRole = call.body
    return _document(
        grant_service_role(
            call.session,
            journal=call.services.journal,
            client_id=body.client_id,
            role=body.role,
            institution_ruc=body.institution_ruc,
            actor=call.caller.actor,
            now=call.now,
        )
    )


def take(call: Call) -> Document:
    """Take a role."""
    return _document(
        withdraw_service_role(
            call.session,
            journal=call.services.journal,
            holding_id=call.path["holding_id"],
            actor=call.caller.actor,
            now=call.now,
        )
    )


def _document(each: RoleHolding) -> ServiceRoleDocument:
    return ServiceRoleDocument(
        id=each.id,
        actor=each.person_id,
        role=each.role,
        institution_ruc=each.institution_ruc,
        granted_by=each.granted_by,
        granted_at=each.granted_at,
    )


OPERATIONS = (
    Operation(
        name="list_service_roles",
        path="/service-roles",
        summary="Which applications hold a role of the console for themselves.",
        permission=Permission.ROLES_READ,
        item=ServiceRoleDocument,
        handler=list_all,
        key="id",
        pages=("admin_service_roles.show_all",),
    ),
    Operation(
        name="show_service_role",
        path="/service-roles/{holding_id}",
        summary="One of them.",
        permission=Permission.ROLES_READ,
        item=ServiceRoleDocument,
        handler=show,
    ),
    Operation(
        name="grant_service_role",
        path="/service-roles",
        summary="Give an application a role for itself: a superadministrator does, who did not register it.",
        permission=Permission.ROLES_GRANT,
        item=ServiceRoleDocument,
        handler=give,
        method="POST",
        body=NewServiceRole,
        status=201,
        fresh=True,
        fields={
            "role_not_for_services": "role",
            "role_not_institutional": "institution_ruc",
            "not_a_service": "client_id",
        },
        pages=("admin_service_roles.grant",),
    ),
    Operation(
        name="withdraw_service_role",
        path="/service-roles/{holding_id}",
        summary="Take it; the application's next call feels it.",
        permission=Permission.ROLES_GRANT,
        item=ServiceRoleDocument,
        handler=take,
        method="DELETE",
        body=Nothing,
        fresh=True,
        shown_by=show,
        pages=("admin_service_roles.withdraw",),
    ),
)
