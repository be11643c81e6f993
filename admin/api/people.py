"""People by the API: found on record for a reason, shown masked first; what was reported, what is to be put right."""

from __future__ import annotations

from collections.abc import Sequence

from admin.api.operation import Before, Call, Document, Lines, Nothing, Operation
from admin.api.people_forms import (
    CaseDocument,
    Closing,
    FactorDocument,
    IdentityCheckDocument,
    PersonDocument,
    RecoveryDocument,
    RectificationDecision,
    RectificationDocument,
    ReportDocument,
)
from admin.api.roles import LOOKUP_FIELDS, Lookup
from admin.desk_lists import Cut, search_recoveries, search_rectifications, search_reports
from admin.masking import mask_document, mask_email, mask_name, mask_phone
from admin.permissions import Permission
from admin.person_case import Case, begin_case, find_case, open_case
from idp.accounts.person import find_person
from idp.accounts.rectification import (
    Rectification,
    decide_rectification,
    find_rectification,
    registry_answer,
)
from idp.desk.identity import IdentityCheck, list_waiting_checks
from idp.desk.model import ReportRow
from idp.desk.person_file import read_person_file
from idp.desk.recovery_end import stop_recovery
from idp.desk.recovery_record import Recovery, find_recovery
from idp.desk.report import Report, as_report, close_report, look_at_report
from idp.levels.registry import CivilRecord
from kernel.errors import NotFound


def look_up(call: Call) -> Document:
    """Look somebody up, on record."""
    body: Lookup = call.body
    case = begin_case(
        call.session,
        journal=call.services.journal,
        cedula=body.document,
        reason=body.reason,
        operator_id=call.caller.actor,
        now=call.now,
    )
    return _case(call, case)


def open_(call: Call) -> Document:
    """Open the person's file, on record."""
    case = open_case(
        call.session,
        journal=call.services.journal,
        case_id=call.path["case_id"],
        operator_id=call.caller.actor,
        now=call.now,
    )
    return _person(call, case)


def show(call: Call) -> Document:
    """Return the file of an opened case."""
    return _person(
        call, find_case(call.session, case_id=call.path["case_id"], operator_id=call.caller.actor, now=call.now)
    )


def checks(call: Call) -> list[Document]:
    """Return the checks that wait for a second officer."""
    reach = call.caller.powers.institutions(Permission.IDENTITIES_VERIFY)
    return [_check(each) for each in list_waiting_checks(call.session, institutions=reach, now=call.now)]


def recoveries(call: Call) -> Lines:
    """Return a page of the recoveries of the desks within reach, newest first."""
    reach = call.caller.powers.institutions(Permission.RECOVERIES_READ)
    found = search_recoveries(call.session, institutions=reach, state=call.query.get("state", ""), cut=_cut(call))
    return _page(call, [_recovery(each) for each in found])


def stop(call: Call) -> Document:
    """Stop one; its person is told."""
    powers = call.caller.powers
    reach = powers.institutions(Permission.RECOVERIES_STOP)
    found = find_recovery(call.session, call.path["recovery_id"], institutions=reach)
    stop_recovery(
        call.session,
        services=call.services.idp,
        recovery_id=found.id,
        actor=call.caller.actor,
        by="officer" if powers.allow(Permission.RECOVERIES_OPEN) else "security",
        now=call.now,
    )
    call.session.expire_all()
    return _recovery(find_recovery(call.session, found.id, institutions=reach))


def reports(call: Call) -> Lines:
    """Return a page of reports, newest first."""
    found = search_reports(
        call.session, state=call.query.get("state", ""), kind=call.query.get("kind", ""), cut=_cut(call)
    )
    return _page(call, [_report(each) for each in found])


def show_report(call: Call) -> Document:
    """Return one."""
    row = call.session.get(ReportRow, call.path["report_id"], populate_existing=True)
    if row is None:
        raise NotFound("There is no such report.", code="unknown_report")
    return _report(as_report(row))


def look(call: Call) -> Document:
    """Note that somebody is at it; the person sees that."""
    look_at_report(
        call.session,
        services=call.services.idp,
        report_id=call.path["report_id"],
        officer_id=call.caller.actor,
        now=call.now,
    )
    return show_report(call)


def close(call: Call) -> Document:
    """Close it with words."""
    close_report(
        call.session,
        services=call.services.idp,
        report_id=call.path["report_id"],
        words=call.body.words,
        officer_id=call.caller.actor,
        now=call.now,
    )
    return show_report(call)


def rectifications(call: Call) -> Lines:
    """Return a page of what is to be put right, newest first."""
    found = search_rectifications(
        call.session,
        state=call.query.get("state", ""),
        datum=call.query.get("datum", ""),
        now=call.now,
        cut=_cut(call),
    )
    return _page(call, [_rectification(each) for each in found])


def show_rectification(call: Call) -> Document:
    """Return one."""
    return _rectification(find_rectification(call.session, call.path["request_id"]))


def ask_registry(before: Before) -> CivilRecord | None:
    """Ask the civil registry, where the datum comes from there; outside of the transaction."""
    if not before.body.accept:
        return None
    with before.services.database.reading() as session:
        found = find_rectification(session, before.path["request_id"])
        cedula = find_person(session, found.person_id).cedula
    return registry_answer(before.services.idp, found, cedula=cedula)


def decide(call: Call) -> Document:
    """Put it right, or not."""
    body: RectificationDecision = call.body
    decide_rectification(
        call.session,
        services=call.services.idp,
        request_id=call.path["request_id"],
        accept=body.accept,
        answer=body.answer,
        record=call.prepared,
        officer_id=call.caller.actor,
        now=call.now,
    )
    return show_rectification(call)


def _cut(call: Call) -> Cut:
    return Cut(limit=call.wanted.limit + 1, before=call.wanted.after)


def _page(call: Call, lines: Sequence[RecoveryDocument | ReportDocument | RectificationDocument]) -> Lines:
    limit = call.wanted.limit
    return Lines(lines[:limit], lines[limit - 1].id if len(lines) > limit else "")


def _case(call: Call, case: Case) -> CaseDocument:
    person = find_person(call.session, case.person_id)
    return CaseDocument(
        case_id=case.id,
        name=mask_name(person.name),
        document=mask_document(person.document),
        opened=case.opened,
        expires_at=case.expires_at,
    )


def _person(call: Call, case: Case) -> PersonDocument:
    file = read_person_file(call.session, services=call.services.idp, person_id=case.person_id, now=call.now)
    person = file.person
    return PersonDocument(
        case_id=case.id,
        person_id=person.id,
        name=person.name,
        document=mask_document(person.document),
        email=mask_email(person.email),
        phone=mask_phone(person.phone),
        level=person.level,
        status=person.status,
        factors=[FactorDocument(kind=each.kind, last_used_at=each.last_used_at) for each in file.factors],
        sessions=file.sessions,
    )


def _check(found: IdentityCheck) -> IdentityCheckDocument:
    return IdentityCheckDocument(
        id=found.id,
        person_id=found.person_id,
        officer_id=found.officer_id,
        desk_id=found.desk_id,
        document=found.shown.document,
        how=found.shown.method,
        created_at=found.created_at,
    )


def _recovery(found: Recovery) -> RecoveryDocument:
    return RecoveryDocument(**{name: getattr(found, name) for name in RecoveryDocument.model_fields})


def _report(found: Report) -> ReportDocument:
    return ReportDocument(**{name: getattr(found, name) for name in ReportDocument.model_fields})


def _rectification(found: Rectification) -> RectificationDocument:
    told = {name: getattr(found, name) for name in RectificationDocument.model_fields}
    return RectificationDocument(**told | {"datum": str(found.datum)})


_P = Permission
OPERATIONS = (
    Operation(
        name="look_up_person",
        path="/people/cases",
        summary="Find a person by the whole number of his document; on record with the reason, answered masked.",
        permission=_P.PEOPLE_OPEN,
        item=CaseDocument,
        handler=look_up,
        method="POST",
        body=Lookup,
        status=201,
        fields=LOOKUP_FIELDS,
        pages=("admin_desk.search",),
    ),
    Operation(
        name="open_person",
        path="/people/cases/{case_id}/open",
        summary="Open the file of who was found; on record.",
        permission=_P.PEOPLE_OPEN,
        item=PersonDocument,
        handler=open_,
        method="POST",
        body=Nothing,
        pages=("admin_desk.reveal",),
    ),
    Operation(
        name="show_person",
        path="/people/cases/{case_id}",
        summary="The file that was opened.",
        permission=_P.PEOPLE_OPEN,
        item=PersonDocument,
        handler=show,
        pages=("admin_desk.show",),
    ),
    Operation(
        name="list_identity_checks",
        path="/identity-checks",
        summary="Identities that wait for a second officer, who decides at the desk.",
        permission=_P.IDENTITIES_VERIFY,
        item=IdentityCheckDocument,
        handler=checks,
        key="id",
        pages=("admin_identity.waiting",),
    ),
    Operation(
        name="list_recoveries",
        path="/recoveries",
        summary="Recoveries that desks within your reach opened, newest first.",
        permission=_P.RECOVERIES_READ,
        item=RecoveryDocument,
        handler=recoveries,
        key="id",
        filters=("state",),
        paged=True,
        pages=("admin_recoveries.show_all",),
    ),
    Operation(
        name="stop_recovery",
        path="/recoveries/{recovery_id}/stop",
        summary="Stop one; its person is told.",
        permission=_P.RECOVERIES_STOP,
        item=RecoveryDocument,
        handler=stop,
        method="POST",
        body=Nothing,
        fresh=True,
        pages=("admin_recoveries.stop",),
    ),
    Operation(
        name="list_reports",
        path="/reports",
        summary="What people say they did not do, newest first.",
        permission=_P.REPORTS_READ,
        item=ReportDocument,
        handler=reports,
        key="id",
        filters=("state", "kind"),
        paged=True,
        pages=("admin_reports.show_all",),
    ),
    Operation(
        name="show_report",
        path="/reports/{report_id}",
        summary="One report.",
        permission=_P.REPORTS_READ,
        item=ReportDocument,
        handler=show_report,
        pages=("admin_reports.show",),
    ),
    Operation(
        name="look_at_report",
        path="/reports/{report_id}/look",
        summary="Say that somebody is at it; the person sees that.",
        permission=_P.REPORTS_CLOSE,
        item=ReportDocument,
        handler=look,
        method="POST",
        body=Nothing,
        pages=("admin_reports.look",),
    ),
    Operation(
        name="close_report",
        path="/reports/{report_id}/close",
        summary="Close it with words that the person reads.",
        permission=_P.REPORTS_CLOSE,
        item=ReportDocument,
        handler=close,
        method="POST",
        body=Closing,
        fields={"words_missing": "words", "words_long": "words"},
        pages=("admin_reports.close",),
    ),
    Operation(
        name="list_rectifications",
        path="/rectifications",
        summary="Data that people say are wrong, newest first.",
        permission=_P.RECTIFICATIONS_DECIDE,
        item=RectificationDocument,
        handler=rectifications,
        key="id",
        filters=("state", "datum"),
        paged=True,
        pages=("admin_rectifications.show_all",),
    ),
    Operation(
        name="show_rectification",
        path="/rectifications/{request_id}",
        summary="One of them.",
        permission=_P.RECTIFICATIONS_DECIDE,
        item=RectificationDocument,
        handler=show_rectification,
        pages=("admin_rectifications.show",),
    ),
    Operation(
        name="decide_rectification",
        path="/rectifications/{request_id}/decide",
        summary="Put it right, or not; what comes from the civil registry, the registry is asked for first.",
        permission=_P.RECTIFICATIONS_DECIDE,
        item=RectificationDocument,
        handler=decide,
        method="POST",
        body=RectificationDecision,
        fresh=True,
        prepare=ask_registry,
        pages=("admin_rectifications.decide",),
    ),
)
