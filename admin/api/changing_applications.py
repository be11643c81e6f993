"""Applications by the API: registering one, changing it, going live, the proposals of both, and the way back."""

from __future__ import annotations

from typing import Any

from admin.api.application_forms import (
    Decision,
    HistoryDocument,
    NewApplication,
    NoTo,
    ProposalDocument,
    ProposedChange,
    RegisteredDocument,
    RegistrationChange,
    Undo,
    UndoneDocument,
)
from admin.api.applications import ApplicationDocument, application_document, show
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Nothing, Operation
from admin.applications.changing import (
    change_digest,
    change_in_sandbox,
    decide_change,
    is_stale,
    open_change,
    propose_change,
    propose_change_anew,
    undo_change,
    withdraw_change,
)
from admin.applications.kinds import KINDS, registration_of
from admin.applications.reach import application_reached, institutions_reached
from admin.applications.registering import register_in_sandbox
from admin.model import ApplicationChange
from admin.permissions import Permission
from idp.clients.client import Client, hold_client
from idp.clients.history import list_changes
from idp.clients.registration.client_registration import ClientRegistration
from kernel.errors import NotFound

_FIELDS = {
    "unknown_kind": "kind",
    "unknown_institution": "institution_ruc",
    "member_not_changeable": "registration",
    "api_outside": "registration",
    "invalid_client_metadata": "registration",
    "invalid_redirect_uri": "registration",
    "nothing_changed": "registration",
    "why_missing": "why",
    "why_long": "why",
    "reason_missing": "reason",
    "reason_long": "reason",
}
_MOST_HISTORY = 100


def register(call: Call) -> Document:
    """Register one in a sandbox."""
    body: NewApplication = call.body
    reached = institutions_reached(call.session, call.caller.powers, Permission.APPLICATIONS_WRITE)
    institution = next((each for each in reached if each.ruc == body.institution_ruc and each.active), None)
    if institution is None:
        raise NotFound("There is no such institution.", code="unknown_institution")
    has_people = body.kind not in KINDS or KINDS[body.kind].has_people
    made = register_in_sandbox(
        call.session,
        services=call.services.idp,
        powers=call.caller.powers,
        institution_id=institution.id,
        registration=ClientRegistration.parse(
            registration_of(
                body.kind,
                name=body.name,
                redirect_uris=body.redirect_uris,
                post_logout_redirect_uris=body.post_logout_redirect_uris,
                scopes=body.scopes,
                method=body.method,
                jwks_uri=body.jwks_uri,
                resources=() if has_people else body.resources,
                contacts=body.contacts,
                policy_uri=body.policy_uri,
            )
        ),
        actor=call.caller.actor,
        now=call.now,
    )
    return RegisteredDocument(
        application=application_document(made.client, institution.ruc),
        client_secret=made.secret.reveal() if made.secret else None,
    )


def hold(call: Call) -> None:
    """Hold its row: of two changes at once the second one sees the first."""
    _reached(call, Permission.APPLICATIONS_WRITE)
    hold_client(call.session, call.path["client_id"])


def change(call: Call) -> Document:
    """Change what an application of a sandbox registered."""
    body: RegistrationChange = call.body
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    change_in_sandbox(
        call.session,
        services=call.services.idp,
        client=client,
        changes=body.registration,
        seen_version=client.version,  # held, and If-Match said what was seen
        actor=call.caller.actor,
        now=call.now,
    )
    return show(call)


def show_proposal(call: Call) -> Document:
    """Return the change that waits. :raises NotFound: ``nothing_waits``."""
    client = _reached(call, Permission.CLIENTS_READ)
    waiting = open_change(call.session, client.client_id)
    if waiting is None:
        raise NotFound("Nothing waits for a decision.", code="nothing_waits")
    return _proposal(client, waiting)


def propose(call: Call) -> Document:
    """Propose a change of an application in production."""
    body: ProposedChange = call.body
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    row = propose_change(
        call.session,
        services=call.services.idp,
        client=client,
        changes=body.registration,
        why=body.why,
        seen_version=client.version,
        actor=call.caller.actor,
        now=call.now,
    )
    return _proposal(client, row)


def approve(call: Call) -> Document:
    """Let what was seen be registered."""
    _decide(call, approve=True, reason="")
    return show(call)


def refuse(call: Call) -> Document:
    """Refuse it, with a reason."""
    _decide(call, approve=False, reason=call.body.reason)
    return show(call)


def withdraw(call: Call) -> Document:
    """Take a proposal back."""
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    withdraw_change(
        call.session,
        journal=call.services.journal,
        client_id=client.client_id,
        actor=call.caller.actor,
        now=call.now,
    )
    return show(call)


def renew(call: Call) -> Document:
    """Propose the same for what is registered now."""
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    row = propose_change_anew(
        call.session, services=call.services.idp, client=client, actor=call.caller.actor, now=call.now
    )
    return _proposal(client, row)


def history(call: Call) -> list[Document]:
    """Return its changes, 100 at most."""
    client = _reached(call, Permission.CLIENTS_READ)
    return [
        HistoryDocument(
            version=each.version,
            kind=each.kind,
            before=dict(each.before),
            after=dict(each.after),
            undoes=each.undoes,
            changed_by=each.changed_by,
            approved_by=each.approved_by,
            changed_at=each.changed_at,
        )
        for each in list_changes(call.session, client.client_id, limit=_MOST_HISTORY)
    ]


def undo(call: Call) -> Document:
    """Take the last change back, or propose to."""
    body: Undo = call.body
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    row = undo_change(
        call.session,
        services=call.services.idp,
        client=client,
        version=body.version,
        why=body.why,
        actor=call.caller.actor,
        now=call.now,
    )
    shown = show(call)
    assert isinstance(shown, ApplicationDocument)
    return UndoneDocument(application=shown, proposal=_proposal(client, row) if row else None)


def _decide(call: Call, *, approve: bool, reason: str) -> None:
    client = _reached(call, Permission.APPLICATIONS_APPROVE)
    decide_change(
        call.session,
        services=call.services.idp,
        client_id=client.client_id,
        approve=approve,
        reason=reason,
        seen_sha256=call.body.seen_sha256,
        actor=call.caller.actor,
        now=call.now,
    )


def _reached(call: Call, permission: Permission) -> Client:
    with hidden("client"):
        return application_reached(call.session, call.caller.powers, permission, call.path["client_id"])


def _proposal(client: Client, row: ApplicationChange) -> ProposalDocument:
    return ProposalDocument(
        id=row.id,
        client_id=row.client_id,
        before=dict(row.before),
        after={name: value for name, value in row.changes.items() if value is not None},
        undoes=row.undoes,
        why=row.why,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        stale=is_stale(client, row),
        seen_sha256=change_digest(row),
    )


_WRITE, _APPROVE = Permission.APPLICATIONS_WRITE, Permission.APPLICATIONS_APPROVE


def _post(
    name: str, path: str, summary: str, handler: Any, page: str, *, permission: Permission = _WRITE, **more: Any
) -> Operation:
    told: dict[str, Any] = {"item": ProposalDocument, "body": Nothing, "fields": _FIELDS} | more
    return Operation(
        name=name,
        path=f"/applications/{{client_id}}{path}",
        summary=summary,
        permission=permission,
        handler=handler,
        method="POST",
        fresh=True,
        pages=(f"admin_applications.{page}",),
        **told,
    )


OPERATIONS = (
    Operation(
        name="register_application",
        path="/applications",
        summary="Register an application in its institution's sandbox.",
        permission=_WRITE,
        item=RegisteredDocument,
        handler=register,
        method="POST",
        body=NewApplication,
        status=201,
        fresh=True,
        fields={**_FIELDS, "api_outside": "resources"},
        pages=("admin_applications.register",),
    ),
    Operation(
        name="change_application",
        path="/applications/{client_id}",
        summary="Change an application of a sandbox, at once. In production: propose it.",
        permission=_WRITE,
        item=ApplicationDocument,
        handler=change,
        method="PATCH",
        body=RegistrationChange,
        fresh=True,
        shown_by=show,
        lock=hold,
        fields=_FIELDS,
        pages=("admin_applications.change",),
    ),
    Operation(
        name="show_application_proposal",
        path="/applications/{client_id}/proposal",
        summary="The change that waits for somebody else.",
        permission=Permission.CLIENTS_READ,
        item=ProposalDocument,
        handler=show_proposal,
        pages=("admin_applications.show_change",),
    ),
    _post(
        "propose_application_change",
        "/proposal",
        "Propose a change of an application in production.",
        propose,
        "change",
        body=ProposedChange,
        status=201,
    ),
    _post(
        "approve_application_change",
        "/proposal/approve",
        "Let what you saw be registered: what another person proposed.",
        approve,
        "decide_on_change",
        permission=_APPROVE,
        body=Decision,
        item=ApplicationDocument,
    ),
    _post(
        "refuse_application_change",
        "/proposal/refuse",
        "Refuse what another person proposed.",
        refuse,
        "decide_on_change",
        permission=_APPROVE,
        body=NoTo,
        item=ApplicationDocument,
    ),
    _post(
        "withdraw_application_change",
        "/proposal/withdraw",
        "Take the proposal back.",
        withdraw,
        "withdraw_proposal",
        item=ApplicationDocument,
    ),
    _post(
        "renew_application_change",
        "/proposal/renew",
        "Propose the same for what is registered now.",
        renew,
        "propose_anew",
    ),
    Operation(
        name="list_application_history",
        path="/applications/{client_id}/history",
        summary="Its changes, the last 100, each before and after.",
        permission=Permission.CLIENTS_READ,
        item=HistoryDocument,
        handler=history,
        key="version",
        pages=("admin_applications.show_history",),
    ),
    _post(
        "undo_application_change",
        "/undo",
        "Take the last change back: at once in a sandbox, as a proposal in production.",
        undo,
        "undo",
        body=Undo,
        item=UndoneDocument,
    ),
)
