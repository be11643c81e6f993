"""Requests for certificates: the list, asking for one, reviewing and deciding."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from admin.certificate_view import colons
from admin.permissions import Permission
from admin.request_list import RequestQuery, search_requests
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form, typed_query
from admin.web.gate import operator, requires, typed_before
from admin.web.paging import PAGE_SIZE, page_of, requested_page
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.request_pages import review_page
from ca.issuance.issue import issue_approved
from ca.profiles.profile import Profile
from ca.requests.decide import approve_request, refuse_request
from ca.requests.submit import rebuild_request, submit_request
from ca.requests.view import RequestView, Status, find_request
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError, Unavailable
from web.pages import render

blueprint = Blueprint("admin_requests", __name__, url_prefix="/admin/requests", template_folder="../templates")
_REASON = range(10, 501)


@blueprint.get("")
@requires(Permission.REQUESTS_READ)
def show_all() -> Response:
    """Requests by the filters in the address."""
    service, powers = services(), operator().powers
    typed = typed_query(("status", "profile", "institution", "mine"))
    query = RequestQuery(
        status=typed["status"],
        profile=typed["profile"],
        institution_ruc=typed["institution"],
        requested_by=operator().person_id if typed["mine"] else "",
        institutions=powers.institutions(Permission.REQUESTS_READ),
    )
    number = requested_page()
    with service.database.reading() as session:
        found = search_requests(
            session, query, services=service.ca, limit=PAGE_SIZE + 1, offset=(number - 1) * PAGE_SIZE
        )
        names = PeopleNames(session)
        page = page_of(found, number)
        people = {item.id: names(item.requested_by) for item in page.items}
        institutions = _institutions(session, Permission.REQUESTS_READ)
    set_filters = {name: value for name, value in typed.items() if value}
    return render(
        "admin/requests.html",
        page=page,
        people=people,
        typed=typed,
        institutions=institutions,
        institution_choices=[("", _("Todas")), *institutions.items()],
        status_choices=[("", _("Todos")), *((name, text) for name, (_k, _s, text) in words.REQUEST_STATUSES.items())],
        profile_choices=[("", _("Todos")), *((item.name, item.title) for item in service.ca.profiles.list())],
        statuses=words.REQUEST_STATUSES,
        name_of=name_of,
        may_request=powers.allow(Permission.CERTIFICATES_REQUEST),
        link=lambda other: url_for(".show_all", **{**set_filters, "page": other}),
    )


@blueprint.get("/new")
@requires(Permission.CERTIFICATES_REQUEST)
def choose_profile() -> Response:
    """The kinds of certificate, each explained."""
    profiles = [item for item in services().ca.profiles.list() if item.by_hand]
    return render("admin/request_profiles.html", profiles=profiles)


@blueprint.get("/new/<profile_name>")
@requires(Permission.CERTIFICATES_REQUEST)
def new(profile_name: str) -> Response:
    """The form for one kind of certificate."""
    return _form(_profile(profile_name), typed=typed_before(), errors={})


@blueprint.post("/new/<profile_name>")
@requires(Permission.CERTIFICATES_REQUEST)
def submit(profile_name: str) -> WerkzeugResponse:
    """Take a request; on errors the typed values stay."""
    service, profile = services(), _profile(profile_name)
    inputs = [field.name for field in profile.inputs if not field.from_register]
    typed = typed_form(("institution", *inputs)) | {"csr": request.form.get("csr", "").strip()[:70_000]}
    typed = Typed(typed)
    csr: bytes | str = typed["csr"]
    upload = request.files.get("csr_file")
    if upload is not None and upload.filename:
        csr = upload.stream.read(70_000)
        typed["csr"] = csr.decode("ascii", "replace") if csr.lstrip().startswith(b"-----") else typed["csr"]
    errors = {
        field.name: _("Llene «%(label)s»", label=field.label)
        for field in profile.inputs
        if field.name in inputs
        and field.required
        and not typed[field.name]
        and not field.default
        and not field.from_csr
    }
    if profile.needs_institution and not typed["institution"]:
        errors = {"institution": problem(Rejected(code="institution_missing")), **errors}
    if not csr:
        errors["csr"] = problem(Rejected(code="csr_empty"))
    if errors:
        return _form(profile, typed=typed, errors=errors, status=422)
    try:
        # A person belongs to no institution's operator alone.
        if typed["institution"] or not profile.needs_institution:
            operator().powers.require_institution(Permission.CERTIFICATES_REQUEST, typed["institution"] or None)
        with service.database.transaction() as session:
            made = submit_request(
                session,
                services=service.ca,
                profile=profile.name,
                csr=csr,
                institution_ruc=typed["institution"] or None,
                requested_by=operator().person_id,
                inputs={name: typed[name] for name in inputs},
                now=service.clock.now(),
            )
    except (Rejected, NotFound, Conflict) as error:
        return _form(profile, typed=typed, errors={_field_of(error, profile): problem(error)}, status=422)
    return redirect(url_for(".show", request_id=made.id), 303)


@blueprint.get("/<request_id>")
@requires(Permission.REQUESTS_READ)
def show(request_id: str) -> Response:
    """What was asked against what will be signed, and the decision."""
    return _review(request_id, typed=typed_before(), errors={})


@blueprint.post("/<request_id>")
@requires(Permission.CERTIFICATES_APPROVE, fresh=True)
def decide(request_id: str) -> WerkzeugResponse:
    """Approve or refuse: first a page that says what follows, then the act."""
    typed = typed_form(("decision", "reason", "step", "tbs_sha256"))
    found = _load(request_id, Permission.CERTIFICATES_APPROVE)
    if typed["decision"] not in ("approve", "refuse"):
        return _review(request_id, typed=typed, errors={"decision": _("Elija aprobar o negar")}, status=422)
    if typed["decision"] == "refuse" and len(typed["reason"]) not in _REASON:
        code = "reason_missing" if not typed["reason"] else "reason_short"
        return _review(request_id, typed=typed, errors={"reason": problem(Rejected(code=code))}, status=422)
    if typed["step"] != "confirm":
        return _confirmation(found, typed)
    try:
        return (
            _approve(found, typed["tbs_sha256"]) if typed["decision"] == "approve" else _refuse(found, typed["reason"])
        )
    except (Rejected, Conflict, Denied) as error:
        field = "reason" if typed["decision"] == "refuse" and isinstance(error, Rejected) else "decision"
        return _review(request_id, typed=typed, errors={field: problem(error)}, status=422)


@blueprint.get("/<request_id>/withdraw")
@requires(Permission.CERTIFICATES_REQUEST)
def confirm_withdrawal(request_id: str) -> Response:
    """Say what withdrawing one's own request means."""
    return render("admin/request_withdraw.html", item=_own(request_id), title=name_of(_own(request_id)))


@blueprint.post("/<request_id>/withdraw")
@requires(Permission.CERTIFICATES_REQUEST)
def withdraw(request_id: str) -> WerkzeugResponse:
    """Withdraw one's own request."""
    return _refuse(_own(request_id), _("Retirada por quien la pidió"))


@blueprint.post("/<request_id>/rebuild")
@requires(Permission.CERTIFICATES_REQUEST)
def rebuild(request_id: str) -> WerkzeugResponse:
    """Have an expired request built anew, with new dates and no approvals."""
    service = services()
    found = _load(request_id, Permission.CERTIFICATES_REQUEST)
    with service.database.transaction() as session:
        rebuild_request(
            session,
            services=service.ca,
            request_id=found.id,
            actor=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for(".show", request_id=found.id), 303)


def name_of(item: RequestView) -> str:
    """Return what to call what is asked for: its first name, else the common name of its subject."""
    if item.names:
        return item.names[0]
    parts = (part.strip() for part in item.subject.split(","))
    return next((part.removeprefix("CN=") for part in parts if part.startswith("CN=")), item.profile_title)


def _approve(found: RequestView, tbs_sha256: str) -> WerkzeugResponse:
    service = services()
    now = service.clock.now()
    with service.database.transaction() as session:
        approved = approve_request(
            session,
            services=service.ca,
            request_id=found.id,
            approver=operator().person_id,
            tbs_sha256=tbs_sha256,
            now=now,
        )
    if approved.status is not Status.APPROVED:
        return redirect(url_for(".show", request_id=found.id), 303)
    try:
        issued = issue_approved(service.ca, found.id, now=now, actor=operator().person_id)
    except (Unavailable, Rejected, Conflict):
        # Approved and on record; the request's page says where it stands, and the worker goes on where it can.
        return redirect(url_for(".show", request_id=found.id), 303)
    return redirect(url_for("admin_certificates.show", serial=issued.serial), 303)


def _refuse(found: RequestView, reason: str) -> WerkzeugResponse:
    service = services()
    with service.database.transaction() as session:
        refuse_request(
            session,
            services=service.ca,
            request_id=found.id,
            actor=operator().person_id,
            reason=reason,
            now=service.clock.now(),
        )
    return redirect(url_for(".show", request_id=found.id), 303)


def _confirmation(found: RequestView, typed: Typed) -> Response:
    with services().database.reading() as session:
        institutions = _institutions(session, Permission.REQUESTS_READ)
    return render(
        "admin/request_confirm.html",
        item=found,
        title=name_of(found),
        institution=institutions.get(found.institution_ruc or "", found.institution_ruc or ""),
        typed=typed,
        tbs_sha256=colons(found.tbs_sha256),
        last=len(found.approvals) + 1 >= found.approvals_needed,
    )


def _review(request_id: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    found = _load(request_id, Permission.REQUESTS_READ)
    with services().database.reading() as session:
        institutions = _institutions(session, Permission.REQUESTS_READ)
        return review_page(
            session,
            found,
            title=name_of(found),
            institution=institutions.get(found.institution_ruc or "", found.institution_ruc or ""),
            typed=typed,
            errors=errors,
            status=status,
        )


def _form(profile: Profile, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institutions = _institutions(session, Permission.CERTIFICATES_REQUEST)
    return render(
        "admin/request_new.html",
        status,
        profile=profile,
        institution_choices=[("", _("Elija la institución")), *institutions.items()],
        typed=typed,
        errors=errors,
    )


def _load(request_id: str, permission: Permission) -> RequestView:
    """:raises NotFound: if there is none, or it is another institution's."""
    with services().database.reading() as session:
        found = find_request(session, services=services().ca, request_id=request_id)
    operator().powers.require_institution(permission, found.institution_ruc)
    return found


def _own(request_id: str) -> RequestView:
    """:raises NotFound: unless it is the operator's own and still open."""
    found = _load(request_id, Permission.CERTIFICATES_REQUEST)
    if found.requested_by != operator().person_id or found.status not in (Status.SUBMITTED, Status.EXPIRED):
        raise NotFound("There is nothing to withdraw here.", code="nothing_to_withdraw")
    return found


def _profile(name: str) -> Profile:
    profile = services().ca.profiles.get(name)
    if not profile.by_hand:
        raise NotFound("There is no such profile.", code="unknown_profile")
    return profile


def _institutions(session: Session, permission: Permission) -> dict[str, str]:
    reach = operator().powers.institutions(permission)
    return {item.ruc: item.name for item in list_institutions(session) if reach is None or item.ruc in reach}


def _field_of(error: ServiceError, profile: Profile) -> str:
    if error.code in ("holder_unknown", "person_not_verified"):
        return "cedula"
    if error.code in ("institution_missing", "unknown_institution", "not_found", "address_not_registered"):
        return "institution"
    for field in profile.inputs:
        if error.code == f"bad_{field.kind}" or f"({field.name})" in error.public_detail:
            return field.name
    return "csr"
