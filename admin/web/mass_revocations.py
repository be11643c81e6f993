"""Revoking many certificates for one cause: chosen, looked at, confirmed, by a second person where it needs two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from admin.certificate_reach import mass_revocation_reached, reaches_mass_revocation
from admin.deciding_revocations import approve_many
from admin.overview import ECUADOR
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from ca.issuance.authority import list_authorities
from ca.revocation.mass.decide import (
    MassState,
    MassView,
    list_mass_revocations,
    propose_mass_revocation,
    refuse_mass_revocation,
)
from ca.revocation.mass.preview import preview_mass_revocation
from ca.revocation.mass.selection import Selection, parse_serials
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, Denied, Rejected
from web.pages import render

blueprint = Blueprint(
    "admin_mass_revocations", __name__, url_prefix="/admin/mass-revocations", template_folder="../templates"
)
_FIELDS = ("institution", "authority", "profile", "serials", "reason", "compromised_at")
_STATES: dict[MassState, tuple[str, words.Text]] = {
    MassState.WAITING: ("warn", _l("Espera a otra persona")),
    MassState.RUNNING: ("info", _l("En curso")),
    MassState.DONE: ("ok", _l("Terminada")),
    MassState.REFUSED: ("none", _l("Descartada")),
}
_LISTED = 500
_HEADS = (
    Head("proposed", _l("Propuesta"), "down"),
    Head("institution", _l("Institución")),
    Head("reason", _l("Motivo"), "up"),
    Head("revoked", _l("Revocados"), "down", numeric=True),
    Head("state", _l("Estado")),
)


@dataclass(frozen=True)
class _Choices:
    """What the form offers."""

    institutions: dict[str, str]
    authorities: dict[str, str]
    profiles: dict[str, str]


@blueprint.get("")
@requires(Permission.CERTIFICATES_REVOKE)
def show_all() -> Response:
    """The newest ones."""
    with services().database.reading() as session:
        found = [
            view
            for view in list_mass_revocations(session, limit=_LISTED)
            if reaches_mass_revocation(operator().powers, view)
        ]
        choices = _choices(session)
    states = [("", _("Todos")), *((name, text) for name, (_kind, text) in _STATES.items())]
    listing = asked_listing(
        ".show_all", heads=_HEADS, filters=(Filter("state", _l("Estado"), states),), order="-proposed"
    )
    return render(
        "admin/mass_revocations.html",
        listing=listing.arranged(
            [view for view in found if listing.typed["state"] in ("", view.state)],
            {
                "proposed": lambda view: view.proposed_at,
                "reason": lambda view: str(words.reason_words(view.reason)),
                "revoked": lambda view: view.revoked,
            },
        ),
        choices=choices,
        states=_STATES,
        reason_words=words.reason_words,
    )


@blueprint.get("/new")
@requires(Permission.CERTIFICATES_REVOKE)
def choose() -> Response:
    """The form: which, and why."""
    return _form(typed_before(), {})


@blueprint.post("/new")
@requires(Permission.CERTIFICATES_REVOKE, fresh=True)
def propose() -> WerkzeugResponse:
    """Show what would stop working; when that was seen and confirmed, begin or wait for another person."""
    service, typed = services(), typed_form(_FIELDS, limit=500_000)
    now = service.clock.now()
    try:
        selection, compromised_at = _selection(typed), _moment(typed["compromised_at"])
        operator().powers.require_institution(Permission.CERTIFICATES_REVOKE, selection.institution_ruc)
        if not typed["reason"]:
            raise Rejected(code="revocation_reason_missing")
        if request.form.get("step") != "confirm":
            with service.database.reading() as session:
                preview = preview_mass_revocation(
                    session,
                    services=service.ca,
                    selection=selection,
                    reason=typed["reason"],
                    compromised_at=compromised_at,
                    now=now,
                )
                choices = _choices(session)
            if preview.total == 0:
                raise Rejected(code="nothing_to_revoke")
            return render(
                "admin/mass_revocation_confirm.html",
                preview=preview,
                typed=typed,
                selection=selection,
                choices=choices,
                compromised_at=compromised_at,
                reason=words.reason_words(typed["reason"]),
                alone=service.settings.mass_revocation_people == 1,
            )
        with service.database.transaction() as session:
            view = propose_mass_revocation(
                session,
                services=service.ca,
                selection=selection,
                reason=typed["reason"],
                compromised_at=compromised_at,
                actor=operator().person_id,
                now=now,
            )
    except (Rejected, Denied) as error:
        field = "compromised_at" if error.code.startswith(("compromise_", "bad_moment")) else "institution"
        field = {"bad_serial": "serials", "too_many_serials": "serials"}.get(error.code, field)
        return _form(typed, {"reason" if "reason" in error.code else field: problem(error)}, status=422)
    return redirect(url_for(".show", mass_id=view.id), 303)


@blueprint.get("/<mass_id>")
@requires(Permission.CERTIFICATES_REVOKE)
def show(mass_id: str) -> Response:
    """One: how far it is, and the decision where it waits for one."""
    return _page(mass_id)


@blueprint.post("/<mass_id>")
@requires(Permission.CERTIFICATES_REVOKE, fresh=True)
def decide(mass_id: str) -> WerkzeugResponse:
    """Let it begin, or drop it."""
    service = services()
    try:
        with service.database.transaction() as session:
            if request.form.get("decision") == "approve":
                approve_many(
                    session,
                    services=service.ca,
                    powers=operator().powers,
                    mass_id=mass_id,
                    actor=operator().person_id,
                    now=service.clock.now(),
                )
            else:
                refuse_mass_revocation(
                    session,
                    services=service.ca,
                    mass_id=_reachable(session, mass_id).id,
                    actor=operator().person_id,
                    now=service.clock.now(),
                )
    except (Denied, Conflict) as error:
        return _page(mass_id, error=problem(error), status=409)
    return redirect(url_for(".show", mass_id=mass_id), 303)


def _page(mass_id: str, *, error: str = "", status: int = 200) -> Response:
    with services().database.reading() as session:
        view = _reachable(session, mass_id)
        names = PeopleNames(session)
        people = {who: names(who) for who in (view.proposed_by, view.decided_by) if who}
        choices = _choices(session)
    return render(
        "admin/mass_revocation.html",
        status,
        view=view,
        people=people,
        choices=choices,
        state=_STATES[view.state],
        reason=words.reason_words(view.reason),
        is_mine=view.proposed_by == operator().person_id,
        error=error,
    )


def _form(typed: Typed, errors: dict[str, str], *, status: int = 200) -> Response:
    with services().database.reading() as session:
        choices = _choices(session)
    reasons = [(name, *words.REVOCATION_REASONS[name]) for name in words.REVOCATION_REASONS if name != "cACompromise"]
    return render(
        "admin/mass_revocation_new.html", status, typed=typed, errors=errors, choices=choices, reasons=reasons
    )


def _choices(session: Session) -> _Choices:
    reach = operator().powers.institutions(Permission.CERTIFICATES_REVOKE)
    return _Choices(
        institutions={item.ruc: item.name for item in list_institutions(session) if reach is None or item.ruc in reach},
        authorities={record.name: record.name for record in list_authorities(session) if not record.is_root},
        profiles={profile.name: words.translated(profile.title) for profile in services().ca.profiles.list()},
    )


def _selection(typed: Typed) -> Selection:
    return Selection(
        institution_ruc=typed["institution"] or None,
        authority=typed["authority"] or None,
        profile=typed["profile"] or None,
        serials=parse_serials(typed["serials"].splitlines()),
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ECUADOR) if text else None
    except ValueError as error:
        raise Rejected("This is no date and time.", code="bad_moment") from error


def _reachable(session: Session, mass_id: str) -> MassView:
    return mass_revocation_reached(session, operator().powers, mass_id)
