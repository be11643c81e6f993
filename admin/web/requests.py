"""Requests for certificates: the list, asking for one, reviewing and deciding."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

import admin.certificate_requests as use_cases
from admin.certificate_view import colons
from admin.permissions import Permission
from admin.request_list import RequestQuery, count_requests, search_requests
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.request_pages import review_page
from ca.profiles.profile import Profile
from ca.requests.view import RequestView
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from web.pages import render

blueprint = Blueprint("admin_requests", __name__, url_prefix="/admin/requests", template_folder="../templates")
_HEADS = (
    Head("for", _l("Para")),
    Head("profile", _l("Perfil"), "up"),
    Head("institution", _l("Institución")),
    Head("by", _l("Pidió")),
    Head("received", _l("Recibida"), "down"),
    Head("status", _l("Estado"), "up"),
)


@blueprint.get("")
@requires(Permission.REQUESTS_READ)
def show_all() -> Response:
    """Requests by the filters in the address."""
    service, powers = services(), operator().powers
    may_request = powers.allow(Permission.CERTIFICATES_REQUEST)
    with service.database.reading() as session:
        institutions = _institutions(session, Permission.REQUESTS_READ)
        statuses = [(name, text) for name, (_k, _s, text) in words.REQUEST_STATUSES.items()]
        filters = [
            Filter("status", _l("Estado"), [("", _("Todos")), *statuses]),
            Filter(
                "profile",
                _l("Perfil"),
                [("", _("Todos")), *((item.name, words.translated(item.title)) for item in service.ca.profiles.list())],
            ),
            Filter("institution", _l("Institución"), [("", _("Todas")), *institutions.items()]),
        ]
        if may_request:
            filters.append(Filter("mine", _l("Quién pidió"), [("", _("Cualquier persona")), ("1", _("Yo"))]))
        listing = asked_listing(".show_all", heads=_HEADS, filters=filters, order="-received")
        query = RequestQuery(
            status=listing.typed["status"],
            profile=listing.typed["profile"],
            institution_ruc=listing.typed["institution"],
            requested_by=operator().person_id if listing.typed["mine"] else "",
            institutions=powers.institutions(Permission.REQUESTS_READ),
        )
        listing = listing.counted(count_requests(session, query))
        found = search_requests(
            session,
            query,
            services=service.ca,
            limit=listing.size,
            offset=listing.offset,
            order=listing.order,
            descending=listing.descending,
        )
        names = PeopleNames(session)
        people = {item.id: names(item.requested_by) for item in found}
    return render(
        "admin/requests.html",
        listing=listing.showing(found),
        people=people,
        institutions=institutions,
        statuses=words.REQUEST_STATUSES,
        name_of=name_of,
        may_request=may_request,
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
        with service.database.transaction() as session:
            made = use_cases.ask_for_certificate(
                session,
                services=service.ca,
                powers=operator().powers,
                profile=profile,
                csr=csr,
                institution_ruc=typed["institution"] or None,
                inputs={name: typed[name] for name in inputs},
                actor=operator().person_id,
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
    try:
        if typed["decision"] == "refuse":
            use_cases.require_refusal_reason(typed["reason"])
        if typed["step"] != "confirm":
            return _confirmation(found, typed)
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
    service = services()
    with service.database.transaction() as session:
        use_cases.withdraw(
            session,
            services=service.ca,
            powers=operator().powers,
            request_id=request_id,
            words=_("Retirada por quien la pidió"),
            actor=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for(".show", request_id=request_id), 303)


@blueprint.post("/<request_id>/rebuild")
@requires(Permission.CERTIFICATES_REQUEST)
def rebuild(request_id: str) -> WerkzeugResponse:
    """Have an expired request built anew, with new dates and no approvals."""
    service = services()
    with service.database.transaction() as session:
        use_cases.rebuild(
            session,
            services=service.ca,
            powers=operator().powers,
            request_id=request_id,
            actor=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for(".show", request_id=request_id), 303)


def name_of(item: RequestView) -> str:
    """Return what to call what is asked for: its first name, else the common name of its subject."""
    if item.names:
        return item.names[0]
    parts = (part.strip() for part in item.subject.split(","))
    return next(
        (part.removeprefix("CN=") for part in parts if part.startswith("CN=")), words.translated(item.profile_title)
    )


def _approve(found: RequestView, tbs_sha256: str) -> WerkzeugResponse:
    service = services()
    now = service.clock.now()
    with service.database.transaction() as session:
        use_cases.approve(
            session,
            services=service.ca,
            powers=operator().powers,
            request_id=found.id,
            tbs_sha256=tbs_sha256,
            actor=operator().person_id,
            now=now,
        )
    serial = use_cases.issue_if_approved(service.ca, found.id, actor=operator().person_id, now=now)
    if serial is None:
        return redirect(url_for(".show", request_id=found.id), 303)
    return redirect(url_for("admin_certificates.show", serial=serial), 303)


def _refuse(found: RequestView, reason: str) -> WerkzeugResponse:
    service = services()
    with service.database.transaction() as session:
        use_cases.refuse(
            session,
            services=service.ca,
            powers=operator().powers,
            request_id=found.id,
            reason=reason,
            actor=operator().person_id,
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
        return use_cases.request_reached(session, operator().powers, permission, request_id, services=services().ca)


def _own(request_id: str) -> RequestView:
    """:raises NotFound: unless it is the operator's own and still open."""
    with services().database.reading() as session:
        return use_cases.own_open_request(
            session, operator().powers, request_id, services=services().ca, actor=operator().person_id
        )


def _profile(name: str) -> Profile:
    return use_cases.profile_by_hand(services().ca, name)


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
