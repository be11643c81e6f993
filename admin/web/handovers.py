"""Keys that the service makes for people who bring none: asked for, handed over once by a link, destroyed."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.paging import PAGE_SIZE, page_of, requested_page
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.words import Text
from ca.handover.end import cancel_handover
from ca.handover.prepare import make_key, prepare_handover
from ca.handover.view import HandoverView, institution_of, list_handovers
from ca.profiles.profile import KeyType, Profile
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, NotFound, Rejected
from web.pages import render

blueprint = Blueprint("admin_handovers", __name__, url_prefix="/admin/handovers", template_folder="../templates")
_P = Permission.CERTIFICATES_REQUEST
KEYS: dict[str, Text] = {
    KeyType.RSA.value: _l("RSA 3072: la que mejor conocen los programas de firma del país"),
    KeyType.P256.value: _l("P-256: pequeña y rápida"),
    KeyType.P384.value: _l("P-384"),
}
# (class of the tag, shape, word)
STATUSES: dict[str, tuple[str, str, Text]] = {
    "prepared": ("warn", "wait", _l("Espera el certificado")),
    "offered": ("info", "wait", _l("Enlace enviado")),
    "opened": ("info", "wait", _l("Vio la contraseña")),
    "collected": ("ok", "ok", _l("Entregada")),
    "ended": ("none", "less", _l("Destruida")),
}
_FIELD_OF = {
    "email_missing": "email",
    "institution_missing": "institution",
    "unknown_institution": "institution",
    "not_found": "institution",
    "holder_unknown": "cedula",
    "person_not_verified": "cedula",
    "bad_cedula": "cedula",
    "key_type_refused": "key",
}


@blueprint.get("")
@requires(Permission.REQUESTS_READ)
def show_all() -> Response:
    """The newest hand-overs, within the operator's reach."""
    powers, number = operator().powers, requested_page()
    with services().database.reading() as session:
        found = list_handovers(
            session,
            institutions=powers.institutions(Permission.REQUESTS_READ),
            limit=PAGE_SIZE + 1,
            offset=(number - 1) * PAGE_SIZE,
        )
        names = PeopleNames(session)
        people = {item.id: names(item.prepared_by) for item in found}
    return render(
        "admin/handovers/all.html",
        page=page_of(found, number),
        link=lambda other: url_for(".show_all", page=other),
        people=people,
        statuses=STATUSES,
        profile_titles={each.name: each.title for each in services().ca.profiles.list()},
        profiles=_offered() if powers.allow(_P) else [],
        may_prepare=powers.allow(_P),
    )


@blueprint.get("/new/<profile_name>")
@requires(_P)
def prepare_form(profile_name: str) -> Response:
    """The form for one kind of certificate."""
    typed = Typed(key=KeyType.RSA.value)
    typed.update(typed_before())
    return _form(_profile(profile_name), typed, errors={})


@blueprint.post("/new/<profile_name>")
@requires(_P, fresh=True)
def prepare(profile_name: str) -> Response:
    """Make the key and ask for its certificate; a code for a holder without an account stands on the answer alone."""
    service, profile = services(), _profile(profile_name)
    inputs = [field.name for field in profile.inputs if not field.from_register]
    typed = typed_form(("institution", "email", "key", *inputs))
    try:
        if profile.needs_institution and not typed["institution"]:
            raise Rejected("Choose the institution.", code="institution_missing")
        operator().powers.require_institution(_P, typed["institution"] or None)
        if typed["key"] not in KEYS:
            raise Rejected("Choose a kind of key.", code="key_type_refused")
        key = make_key(KeyType(typed["key"]))
        with service.database.transaction() as session:
            made = prepare_handover(
                session,
                services=service.ca,
                profile=profile.name,
                key=key,
                inputs={name: typed[name] for name in inputs if typed[name]},
                institution_ruc=typed["institution"] or None,
                email=typed["email"] or None,
                requested_by=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, NotFound, Conflict) as error:
        field = _FIELD_OF.get(error.code, inputs[0] if inputs else "email")
        return _form(profile, typed, errors={field: problem(error)}, status=422)
    return render(
        "admin/handovers/prepared.html",
        profile=profile,
        subject=made.request.subject,
        request_id=made.request.id,
        email=typed["email"],
        code=made.code.reveal() if made.code else "",
    )


@blueprint.get("/<handover_id>/cancel")
@requires(_P)
def ask_cancelling(handover_id: str) -> Response:
    """Say what ends."""
    return render("admin/handovers/cancel.html", item=_reached(handover_id))


@blueprint.post("/<handover_id>/cancel")
@requires(_P, fresh=True)
def cancel(handover_id: str) -> Response:
    """Destroy the key; one that is not here any more stays so."""
    service, found = services(), _reached(handover_id)
    if found.is_open:
        with service.database.transaction() as session:
            cancel_handover(
                session,
                services=service.ca,
                handover_id=found.id,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for(".show_all"), 303)


def _form(profile: Profile, typed: Typed, *, errors: dict[str, str], status: int = 200) -> Response:
    reach = operator().powers.institutions(_P)
    with services().database.reading() as session:
        institutions = [
            (each.ruc, each.name)
            for each in list_institutions(session)
            if each.active and (reach is None or each.ruc in reach)
        ]
    return render(
        "admin/handovers/new.html",
        status,
        profile=profile,
        typed=typed,
        errors=errors,
        institutions=[("", _("Elija la institución")), *institutions],
        keys=[(value, words) for value, words in KEYS.items() if value in {key.value for key in profile.keys}],
    )


def _reached(handover_id: str) -> HandoverView:
    """:raises NotFound: (``not_found``) there is none, or it is another institution's."""
    with services().database.reading() as session:
        try:
            found, institution = institution_of(session, handover_id)
        except NotFound as error:
            raise NotFound("There is nothing here.", code="not_found") from error
    operator().powers.require_institution(_P, institution)
    return found


def _offered() -> list[Profile]:
    return [each for each in services().ca.profiles.list() if each.by_hand and each.keys_made_here]


def _profile(name: str) -> Profile:
    found = next((each for each in _offered() if each.name == name), None)
    if found is None:
        raise NotFound("Holders of this kind bring their key.", code="not_found")
    return found
