"""Rights in applications by the API: who holds what, an institution's people, giving, deciding, ending."""

from __future__ import annotations

from datetime import timedelta

from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Nothing, Operation
from admin.api.rights_forms import (
    AssignmentDocument,
    BelongingDocument,
    HeldRightDocument,
    NewAssignment,
    NewBelonging,
    RightDecision,
    RightEnd,
    RightRefusal,
)
from admin.api.roles import LOOKUP_FIELDS
from admin.masking import mask_document
from admin.permissions import Permission
from admin.person_lookup import look_up_person
from idp.directory.institutions import Institution, find_institution_by_ruc
from idp.rights.approval import decide_assignment
from idp.rights.assignment import Assignment, assign_role, end_assignment, find_assignment
from idp.rights.belonging import Belonging, begin_belonging, find_belonging, list_belongings
from idp.rights.leaving import leave_institution
from idp.rights.reports import Line, report_holders
from kernel.errors import Rejected


def report(call: Call) -> list[Document]:
    """Return who holds what, in the institutions within reach; 10,000 at most."""
    powers, ruc = call.caller.powers, call.query.get("institution", "")
    reach = powers.institutions(Permission.RIGHTS_READ)
    if ruc:
        powers.require_institution(Permission.RIGHTS_READ, ruc)
        reach = frozenset({ruc})
    older = call.query.get("older", "")
    if older and not (older.isascii() and older.isdigit() and len(older) < 6):
        raise Rejected("older: a number of days.", code="bad_parameter")
    lines = report_holders(
        call.session,
        institution_rucs=reach,
        pending=bool(call.query.get("pending")),
        older_than=timedelta(days=int(older)) if older and int(older) else None,
        now=call.now,
    )
    return [_line(each) for each in lines]


def people(call: Call) -> list[Document]:
    """Return who works there."""
    found = _institution(call)
    return [_belonging(each) for each in list_belongings(call.session, institution_id=found.id)]


def add_person(call: Call) -> Document:
    """Note that somebody works there."""
    body: NewBelonging = call.body
    institution = _institution(call)
    found = look_up_person(
        call.session,
        journal=call.services.journal,
        cedula=body.document,
        reason=body.reason,
        actor=call.caller.actor,
        purpose="belonging",
        now=call.now,
    )
    return _belonging(
        begin_belonging(
            call.session,
            journal=call.services.journal,
            institution_id=institution.id,
            person_id=found.id,
            post=body.post,
            actor=call.caller.actor,
            now=call.now,
        )
    )


def held_by(call: Call) -> list[Document]:
    """Return what one person holds by this institution, and what is proposed."""
    institution = _institution(call)
    found = find_belonging(call.session, call.path["belonging_id"], institution_id=institution.id)
    return [
        _line(line)
        for pending in (False, True)
        for line in report_holders(
            call.session,
            institution_rucs=frozenset({institution.ruc}),
            person_id=found.person_id,
            pending=pending,
            now=call.now,
        )
    ]


def assign(call: Call) -> Document:
    """Give a role, or propose it."""
    body: NewAssignment = call.body
    institution = _institution(call)
    belonging = find_belonging(call.session, call.path["belonging_id"], institution_id=institution.id)
    return _assignment(
        assign_role(
            call.session,
            journal=call.services.journal,
            institution_id=institution.id,
            person_id=belonging.person_id,
            role_id=body.role_id,
            reason=body.reason,
            valid_until=body.valid_until,
            actor=call.caller.actor,
            now=call.now,
        )
    )


def leave(call: Call) -> Document:
    """Let the person leave: everything that the institution gave ends."""
    institution = _institution(call)
    belonging = find_belonging(call.session, call.path["belonging_id"], institution_id=institution.id)
    if belonging.ended_at is None:
        leave_institution(
            call.session,
            services=call.services.idp,
            belonging_id=belonging.id,
            institution_id=institution.id,
            actor=call.caller.actor,
            now=call.now,
        )
    call.session.expire_all()
    return _belonging(find_belonging(call.session, belonging.id, institution_id=institution.id))


def show_assignment(call: Call) -> Document:
    """Return one."""
    return _assignment(_found(call))


def approve(call: Call) -> Document:
    """Approve what was seen."""
    return _decide(call, approved=True)


def refuse(call: Call) -> Document:
    """Refuse it."""
    return _decide(call, approved=False)


def end(call: Call) -> Document:
    """End it."""
    body: RightEnd = call.body
    found = _found(call)
    end_assignment(
        call.session,
        journal=call.services.journal,
        assignment_id=found.id,
        institution_id=found.institution_id,
        reason=body.reason,
        actor=call.caller.actor,
        now=call.now,
    )
    return _assignment(_found(call))


def _decide(call: Call, *, approved: bool) -> Document:
    body: RightDecision = call.body
    found = _found(call)
    decide_assignment(
        call.session,
        journal=call.services.journal,
        assignment_id=found.id,
        institution_id=found.institution_id,
        approved=approved,
        seen_sha256=body.seen_sha256,
        actor=call.caller.actor,
        reason=body.reason,
        now=call.now,
    )
    return _assignment(_found(call))


def _institution(call: Call) -> Institution:
    call.caller.powers.require_institution(Permission.RIGHTS_ASSIGN, call.path["ruc"])
    return find_institution_by_ruc(call.session, call.path["ruc"])


def _found(call: Call) -> Assignment:
    with hidden("assignment"):
        call.caller.powers.require_institution(Permission.RIGHTS_DECIDE, call.path["ruc"])
        institution = find_institution_by_ruc(call.session, call.path["ruc"])
        return find_assignment(call.session, call.path["assignment_id"], institution_id=institution.id)


def _line(line: Line) -> HeldRightDocument:
    held = line.assignment
    return HeldRightDocument(
        id=held.id,
        institution_ruc=line.institution_ruc,
        client_id=line.role.client_id,
        application=line.client_name,
        role=line.role.name,
        person_id=held.person_id,
        person=line.person_name,
        document=mask_document(line.cedula),
        status=held.status,
        since=line.granted_at,
        until=held.valid_until,
        given_by=line.giver,
        approved_by=line.approver,
        last_used_at=held.last_used_at,
    )


def _belonging(found: Belonging) -> BelongingDocument:
    return BelongingDocument(
        id=found.id,
        person_id=found.person_id,
        post=found.post,
        since=found.since,
        until=found.until,
        ended_at=found.ended_at,
    )


def _assignment(found: Assignment) -> AssignmentDocument:
    return AssignmentDocument(
        id=found.id,
        person_id=found.person_id,
        role_id=found.role_id,
        status=found.status,
        reason=found.reason,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
        proposed_by=found.proposed_by,
        decided_by=found.decided_by,
        seen_sha256=found.proposal_sha256,
    )


_FIELDS = {
    **LOOKUP_FIELDS,
    "bad_post": "post",
    "unknown_role": "role_id",
    "role_not_offered": "role_id",
    "no_reason": "reason",
    "bad_dates": "valid_until",
    "too_long": "valid_until",
}
_AT = "/institutions/{ruc}"
OPERATIONS = (
    Operation(
        name="list_rights",
        path="/rights",
        summary="Who holds which role of which application, within your reach; `pending=1`: what is proposed.",
        permission=Permission.RIGHTS_READ,
        item=HeldRightDocument,
        handler=report,
        key="id",
        filters=("institution", "older", "pending"),
        pages=("admin_rights.show_all", "admin_rights.export"),
    ),
    Operation(
        name="list_people_of_institution",
        path=f"{_AT}/people",
        summary="Who works there, as far as rights are given there.",
        permission=Permission.RIGHTS_ASSIGN,
        item=BelongingDocument,
        handler=people,
        key="id",
        pages=("admin_rights.people",),
    ),
    Operation(
        name="add_person_to_institution",
        path=f"{_AT}/people",
        summary="Note that somebody works there, found by his document, on record.",
        permission=Permission.RIGHTS_ASSIGN,
        item=BelongingDocument,
        handler=add_person,
        method="POST",
        body=NewBelonging,
        status=201,
        fields=_FIELDS,
        pages=("admin_rights.add_person",),
    ),
    Operation(
        name="list_rights_of_person",
        path=f"{_AT}/people/{{belonging_id}}/rights",
        summary="What one person holds by this institution, and what is proposed.",
        permission=Permission.RIGHTS_ASSIGN,
        item=HeldRightDocument,
        handler=held_by,
        key="id",
        pages=("admin_rights.person", "admin_rights.ask_leaving"),
    ),
    Operation(
        name="assign_right",
        path=f"{_AT}/people/{{belonging_id}}/rights",
        summary="Give a role of an application, or propose it where a second person decides.",
        permission=Permission.RIGHTS_ASSIGN,
        item=AssignmentDocument,
        handler=assign,
        method="POST",
        body=NewAssignment,
        status=201,
        fresh=True,
        fields=_FIELDS,
        pages=("admin_rights.assign",),
    ),
    Operation(
        name="let_person_leave",
        path=f"{_AT}/people/{{belonging_id}}/leave",
        summary="The person leaves: everything that the institution gave ends.",
        permission=Permission.RIGHTS_ASSIGN,
        item=BelongingDocument,
        handler=leave,
        method="POST",
        body=Nothing,
        fresh=True,
        pages=("admin_rights.leave",),
    ),
    Operation(
        name="show_assignment",
        path=f"{_AT}/assignments/{{assignment_id}}",
        summary="A role given or proposed: what is decided is what stands here.",
        permission=Permission.RIGHTS_DECIDE,
        item=AssignmentDocument,
        handler=show_assignment,
        pages=("admin_rights.assignment",),
    ),
    *(
        Operation(
            name=f"{name}_assignment",
            path=f"{_AT}/assignments/{{assignment_id}}/{name}",
            summary=summary,
            permission=Permission.RIGHTS_DECIDE,
            item=AssignmentDocument,
            handler=handler,
            method="POST",
            body=body,
            fresh=True,
            fields=_FIELDS,
            pages=("admin_rights.decide",),
        )
        for name, summary, handler, body in (
            ("approve", "Approve what another person proposed.", approve, RightDecision),
            ("refuse", "Refuse what another person proposed.", refuse, RightRefusal),
            ("end", "End what is held, or take a proposal back.", end, RightEnd),
        )
    ),
)
