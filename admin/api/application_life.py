"""Closing an application, opening it again, removing it from its sandbox; how it is used and what goes wrong."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from pydantic import Field

from admin.api.applications import ApplicationDocument, application_document
from admin.api.applications import show as show_application
from admin.api.changing_applications import hold
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Nothing, Operation
from admin.applications.life import consequences, disable, enable, remove_from_sandbox
from admin.applications.reach import application_reached, owner_of
from admin.applications.usage import DAYS, last_errors, live_counts, usage_by_day
from admin.permissions import Permission
from idp.clients.client import Client, find_client
from idp.clients.environment import Environment

_WRITE, _READ = Permission.APPLICATIONS_WRITE, Permission.CLIENTS_READ


class ConsequencesDocument(Document):
    """What stops if the application is disabled now; each is counted as far as 100,000."""

    sessions: int = Field(description="Open sessions of people that it takes part in.")
    grants: int = Field(description="What people, or it itself, were granted.")
    refresh_tokens: int
    people: int | None = Field(description="Who used it in the last 30 days; null: more than are counted.")


class DayDocument(Document):
    """A day of an application, in Ecuador."""

    day: str = Field(examples=["2026-11-23"])
    issued: int = Field(description="Tokens for a login, or for itself.")
    refreshed: int
    refused: dict[str, int] = Field(examples=[{"invalid_grant": 3}], description="By reason.")


class ApplicationErrorDocument(Document):
    """Something that was refused or failed at an application; nobody is in it."""

    event_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XJ"])
    type: str = Field(examples=["idp:token:refused"])
    reason: str = Field(examples=["invalid_grant"])
    occurred_at: datetime


def what_stops(call: Call) -> Document:
    """Return what stops with it."""
    found = consequences(call.session, _reached(call, _WRITE).client_id, now=call.now)
    return ConsequencesDocument(
        sessions=found.sessions, grants=found.grants, refresh_tokens=found.refresh_tokens, people=found.people
    )


def close(call: Call) -> Document:
    """Disable it."""
    client = disable(
        call.session,
        services=call.services.idp,
        client=_reached(call, _WRITE),
        actor=call.caller.actor,
        now=call.now,
    )
    return _document(call, client)


def open_again(call: Call) -> Document:
    """Enable it."""
    client = enable(
        call.session,
        services=call.services.idp,
        client=_reached(call, _WRITE),
        powers=call.caller.powers,
        actor=call.caller.actor,
        now=call.now,
    )
    return _document(call, client)


def remove(call: Call) -> Document:
    """Remove it from its sandbox."""
    client = _reached(call, _WRITE)
    remove_from_sandbox(call.session, services=call.services.idp, client=client, actor=call.caller.actor, now=call.now)
    return _document(call, find_client(call.session, client.client_id))


def usage(call: Call) -> list[Document]:
    """Return its last days; of a sandbox up to this moment."""
    client = _reached(call, _READ)
    live = client.environment is Environment.PRODUCTION
    today = Counter[str]() if live else live_counts(call.session, client.client_id, now=call.now)
    return [
        DayDocument(day=each.day.isoformat(), issued=each.issued, refreshed=each.refreshed, refused=dict(each.refused))
        for each in usage_by_day(call.session, client.client_id, now=call.now, more=today)
    ]


def errors(call: Call) -> list[Document]:
    """Return its last errors."""
    return [
        ApplicationErrorDocument(
            event_id=each.event_id, type=each.type, reason=each.reason, occurred_at=each.occurred_at
        )
        for each in last_errors(call.session, _reached(call, _READ).client_id, now=call.now)
    ]


def _reached(call: Call, permission: Permission) -> Client:
    with hidden("client"):
        return application_reached(call.session, call.caller.powers, permission, call.path["client_id"])


def _document(call: Call, client: Client) -> Document:
    owner = owner_of(call.session, client)
    return application_document(client, owner.ruc if owner else None)


_AT = "/applications/{client_id}"
OPERATIONS = (
    Operation(
        name="show_consequences",
        path=f"{_AT}/consequences",
        summary="What stops if the application is disabled now.",
        permission=_WRITE,
        item=ConsequencesDocument,
        handler=what_stops,
        pages=("admin_applications.close_form",),
    ),
    *(
        Operation(
            name=f"{name}_application",
            path=f"{_AT}/{name}",
            summary=summary,
            permission=_WRITE,
            item=ApplicationDocument,
            handler=handler,
            method="POST",
            body=Nothing,
            fresh=True,
            shown_by=show_application,
            lock=hold,
            pages=("admin_applications.close",),
        )
        for name, summary, handler in (
            ("disable", "Close it: nobody logs in to it, and what it holds ends at its next use.", close),
            ("enable", "Open it again, with its keys and secrets: who closed it does, or the provider.", open_again),
        )
    ),
    Operation(
        name="remove_application",
        path=_AT,
        summary="End an application of a sandbox for good. One in production is disabled.",
        permission=_WRITE,
        item=ApplicationDocument,
        handler=remove,
        method="DELETE",
        body=Nothing,
        fresh=True,
        shown_by=show_application,
        lock=hold,
        pages=("admin_applications.close",),
    ),
    Operation(
        name="list_application_usage",
        path=f"{_AT}/usage",
        summary=f"How it was used in the last {DAYS} days, by day and outcome.",
        permission=_READ,
        item=DayDocument,
        handler=usage,
        key="day",
        pages=("admin_applications.show_usage", "admin_applications.usage_as_csv"),
    ),
    Operation(
        name="list_application_errors",
        path=f"{_AT}/errors",
        summary="Its last errors, with nobody in them.",
        permission=_READ,
        item=ApplicationErrorDocument,
        handler=errors,
        key="event_id",
        pages=("admin_applications.show_usage",),
    ),
)
