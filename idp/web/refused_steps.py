"""Every refused step of a person's journey is on record: a form that comes back, and a page that says no.

What a use case has put on record itself (a wrong password, a wrong code, a throttled try) is not told twice. Nothing
that was typed is kept: fields and error codes say what was wrong. One network causes at most 30 such events a minute
of each kind; the log line of the request is written for all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, g, request

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.web.access import current_session, present, services
from kernel.errors import Fault, ServiceError, Unavailable
from web.error_pages import error_response
from web.rate_limit import RateLimitedError
from web.refusals import is_reported, may_record

_IDENTIFIER = re.compile(r"[0-9a-z]{26}")


@dataclass(frozen=True, kw_only=True)
class Concern:
    """What a refusal is about. :ivar object_id: the journey: an interaction, a sign-up, a reset, a link."""

    subject: str | None = None
    object_id: str | None = None
    session_id: str | None = None


def record_refusals(blueprint: Blueprint, kind: EventType, concern: Callable[[], Concern]) -> None:
    """Put what the views of ``blueprint`` refuse on record as events of ``kind``."""
    blueprint.register_error_handler(ServiceError, _refuse_with_page)

    @blueprint.after_request
    def _record(response: Response) -> Response:
        refusals: list[tuple[str, str]] = g.pop("refused_steps", [])
        if refusals and may_record(kind.value):
            _write(kind, refusals, concern())
        return response


def note_refusal(error: ServiceError, field: str = "") -> None:
    """Note why this request is refused; ``field`` names the form's field that is wrong."""
    # An error that commits has left its event behind.
    if error.commits or isinstance(error, Fault | Unavailable | RateLimitedError) or is_reported():
        return
    g.setdefault("refused_steps", []).append((field, error.code))


def note_step_not_due() -> None:
    """Note that the form of a step was sent that is not due: a double submit, or someone who skips."""
    g.setdefault("refused_steps", []).append(("", "step_not_due"))


def journey_named(argument: str) -> Callable[[], Concern]:
    """Return what says that a refusal is about the journey whose id stands in the address as ``argument``."""

    def concern() -> Concern:
        named = str((request.view_args or {}).get(argument, ""))
        return Concern(object_id=named if _IDENTIFIER.fullmatch(named) else None)

    return concern


def person_logged_in() -> Concern:
    """Say that a refusal is about who is logged in."""
    found = current_session()
    return Concern(subject=found.person_id, session_id=found.sid) if found else Concern()


def _refuse_with_page(error: ServiceError) -> Response:
    note_refusal(error)
    return error_response(error)


def _write(kind: EventType, refusals: list[tuple[str, str]], about: Concern) -> None:
    event = Event(
        type=kind,
        outcome=Outcome.REFUSED,
        reason=refusals[0][1],
        subject=about.subject,
        actor=about.subject or "anonymous",
        object_id=about.object_id,
        session_id=about.session_id,
        details={
            "endpoint": request.endpoint,
            "method": request.method,
            "fields": [f"{field}: {code}" for field, code in refusals if field],
        },
    )
    with services().database.transaction() as session:
        services().journal.record(session, event, now=present())
