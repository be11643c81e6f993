"""Keys that the service makes for people who bring none: asked for, handed over once by a link, destroyed."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.handing_over import (
    ask_for_handover,
    destroy,
    handover_reached,
    offered_profile,
    offered_profiles,
    require_handover_reach,
)
from admin.handover_list import HandoverQuery, count_handovers, search_handovers
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.words import Text
from ca.handover.prepare import make_key
from ca.handover.view import HandoverView
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
    """The hand-overs within the operator's reach, the newest first."""
    service, powers = services(), operator().powers
    titles = {each.name: words.translated(each.title) for each in service.ca.profiles.list() if each.keys_made_here}
    heads = [
        Head("profile", _l("Perfil")),
        Head("by", _l("Preparó")),
        Head("made", _l("Hecha"), "down"),
        Head("ends", _l("Vence"), "up"),
        Head("status", _l("Estado"), "up"),
        Head("certificate", _l("Certificado")),
        *([Head("act", _l("Qué hacer"))] if powers.allow(_P) else []),
    ]
    filters = (
        Filter("status", _l("Estado"), [("", _("Cualquiera")), *((key, said[2]) for key, said in STATUSES.items())]),
        Filter("profile", _l("Perfil"), [("", _("Todos")), *titles.items()]),
    )
    listing = asked_listing(".show_all", heads=heads, filters=filters, order="-made")
    query = HandoverQuery(
        status=listing.typed["status"],
        profile=listing.typed["profile"],
        institutions=powers.institutions(Permission.REQUESTS_READ),
    )
    with service.database.reading() as session:
        listing = listing.counted(count_handovers(session, query))
        found = search_handovers(
            session,
            query,
            limit=listing.size,
            offset=listing.offset,
            order=listing.order,
            descending=listing.descending,
        )
        names = PeopleNames(session)
        people = {item.id: names(item.prepared_by) for item in found}
    return render(
        "admin/handovers/all.html",
        listing=listing.showing(found),
        people=people,
        statuses=STATUSES,
        profile_titles=titles,
        profiles=offered_profiles(service.ca) if powers.allow(_P) else [],
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
        require_handover_reach(operator().powers, profile, typed["institution"] or None)
        if typed["key"] not in KEYS:
            raise Rejected("Choose a kind of key.", code="key_type_refused")
        key = make_key(KeyType(typed["key"]))
        with service.database.transaction() as session:
            made = ask_for_handover(
                session,
                services=service.ca,
                powers=operator().powers,
                profile=profile,
                key=key,
                inputs={name: typed[name] for name in inputs if typed[name]},
                institution_ruc=typed["institution"] or None,
                email=typed["email"] or None,
                actor=operator().person_id,
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
    service = services()
    _reached(handover_id)
    with service.database.transaction() as session:
        destroy(
            session,
            services=service.ca,
            powers=operator().powers,
            handover_id=handover_id,
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
            return handover_reached(session, operator().powers, _P, handover_id)
        except NotFound as error:
            raise NotFound("There is nothing here.", code="not_found") from error


def _profile(name: str) -> Profile:
    try:
        return offered_profile(services().ca, name)
    except NotFound as error:
        raise NotFound("Holders of this kind bring their key.", code="not_found") from error
