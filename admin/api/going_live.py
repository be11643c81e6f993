"""Going to production by the API: the checklist, asking, and the decision of somebody else."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from admin.api.application_forms import Decision, NoTo
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Nothing, Operation
from admin.applications.go_live import (
    ask_go_live,
    ask_go_live_anew,
    checklist,
    decide_go_live,
    last_refusal,
    open_request,
    withdraw_go_live,
)
from admin.applications.reach import application_reached
from admin.applications.registered import document_digest
from admin.permissions import Permission
from idp.clients.client import Client
from idp.clients.environment import Environment

_FIELDS = {"not_affirmed": "affirmed", "reason_missing": "reason", "reason_long": "reason"}


class CheckDocument(Document):
    """A line of the checklist."""

    code: str = Field(examples=["addresses"])
    passed: bool


class GoLiveDocument(Document):
    """How near an application is to production. A decision names ``seen_sha256``: what was seen is what is decided."""

    client_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XD"])
    environment: Environment
    checks: list[CheckDocument]
    asked_by: str | None = Field(description="Null: nothing waits.")
    asked_at: datetime | None
    refused_because: str | None
    seen_sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])


class Affirmation(Document):
    """What no machine sees, and a person affirms."""

    affirmed: list[Literal["minimum", "secrets", "support"]] = Field(
        max_length=3, examples=[["minimum", "secrets", "support"]]
    )


def show(call: Call) -> Document:
    """Return how near it is."""
    client = _reached(call, Permission.CLIENTS_READ)
    waiting = open_request(call.session, client.client_id)
    refused = None if waiting else last_refusal(call.session, client.client_id)
    return GoLiveDocument(
        client_id=client.client_id,
        environment=client.environment,
        checks=[
            CheckDocument(code=each.code, passed=each.passed) for each in checklist(call.session, client, now=call.now)
        ],
        asked_by=waiting.asked_by if waiting else None,
        asked_at=waiting.asked_at if waiting else None,
        refused_because=refused.reason if refused else None,
        seen_sha256=document_digest(client),
    )


def ask(call: Call) -> Document:
    """Ask for it."""
    body: Affirmation = call.body
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    ask_go_live(
        call.session,
        journal=call.services.journal,
        client=client,
        affirmed=body.affirmed,
        actor=call.caller.actor,
        now=call.now,
    )
    return show(call)


def ask_anew(call: Call) -> Document:
    """Ask again, with what is registered now."""
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    ask_go_live_anew(call.session, journal=call.services.journal, client=client, actor=call.caller.actor, now=call.now)
    return show(call)


def withdraw(call: Call) -> Document:
    """Take the request back."""
    client = _reached(call, Permission.APPLICATIONS_WRITE)
    withdraw_go_live(
        call.session,
        journal=call.services.journal,
        client_id=client.client_id,
        actor=call.caller.actor,
        now=call.now,
    )
    return show(call)


def approve(call: Call) -> Document:
    """Let it into production."""
    return _decide(call, approve=True, reason="")


def refuse(call: Call) -> Document:
    """Refuse it, with a reason."""
    return _decide(call, approve=False, reason=call.body.reason)


def _decide(call: Call, *, approve: bool, reason: str) -> Document:
    client = _reached(call, Permission.APPLICATIONS_APPROVE)
    decide_go_live(
        call.session,
        journal=call.services.journal,
        client_id=client.client_id,
        approve=approve,
        reason=reason,
        seen_sha256=call.body.seen_sha256,
        actor=call.caller.actor,
        now=call.now,
    )
    call.session.expire_all()
    return show(call)


def _reached(call: Call, permission: Permission) -> Client:
    with hidden("client"):
        return application_reached(call.session, call.caller.powers, permission, call.path["client_id"])


_WRITE, _APPROVE = Permission.APPLICATIONS_WRITE, Permission.APPLICATIONS_APPROVE


def _post(
    name: str, path: str, summary: str, handler: Any, page: str, *, permission: Permission, body: type[Document]
) -> Operation:
    return Operation(
        name=name,
        path=f"/applications/{{client_id}}/go-live{path}",
        summary=summary,
        permission=permission,
        item=GoLiveDocument,
        handler=handler,
        method="POST",
        body=body,
        fresh=True,
        fields=_FIELDS,
        pages=(f"admin_applications.{page}",),
    )


OPERATIONS = (
    Operation(
        name="show_go_live",
        path="/applications/{client_id}/go-live",
        summary="The checklist of going to production, and who asked.",
        permission=Permission.CLIENTS_READ,
        item=GoLiveDocument,
        handler=show,
        pages=("admin_applications.show_go_live",),
    ),
    _post("ask_go_live", "", "Ask for production.", ask, "ask_for_go_live", permission=_WRITE, body=Affirmation),
    _post(
        "ask_go_live_anew",
        "/renew",
        "Ask again, with what is registered now.",
        ask_anew,
        "ask_for_go_live_anew",
        permission=_WRITE,
        body=Nothing,
    ),
    _post(
        "withdraw_go_live",
        "/withdraw",
        "Take the request back.",
        withdraw,
        "withdraw_from_go_live",
        permission=_WRITE,
        body=Nothing,
    ),
    _post(
        "approve_go_live",
        "/approve",
        "Let what another person asked for into production.",
        approve,
        "decide",
        permission=_APPROVE,
        body=Decision,
    ),
    _post("refuse_go_live", "/refuse", "Refuse it.", refuse, "decide", permission=_APPROVE, body=NoTo),
)
