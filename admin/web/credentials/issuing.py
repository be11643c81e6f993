"""Giving an institution a credential: what it may bring, and its secret on one page, once."""

from __future__ import annotations

from datetime import timedelta

from flask import request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.credentials import Kind
from admin.giving_credentials import make_credential, offered_profiles
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.credentials.place import KIND_RULE, KINDS, blueprint
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.problems import problem
from ca.acme.addresses import Addresses
from ca.profiles.profile import Profile
from idp.directory.institutions import list_institutions
from kernel.errors import NotFound, Rejected
from web.pages import render

_P = Permission.CREDENTIALS_ISSUE
_FIELDS = ("institution", "profile", "names", "uses", "days")
_FIELD_OF = {
    "unknown_institution": "institution",
    "not_found": "institution",
    "unknown_profile": "profile",
    "profile_not_requestable": "profile",
    "no_registered_domain": "names",
    "bad_uses": "uses",
    "bad_days": "days",
}


@blueprint.get(f"{KIND_RULE}/new")
@requires(_P)
def issue_form(kind: str) -> Response:
    """The form; for EST and CMP the profile comes first, because it says what is to be filled in."""
    before = typed_before()
    chosen = before["profile"] or request.args.get("profile", "")
    typed = Typed({"uses": "1", "days": "30", "profile": chosen})
    typed.update(before)
    return _form(Kind(kind), typed, errors={})


@blueprint.post(f"{KIND_RULE}/new")
@requires(_P, fresh=True)
def issue(kind: str) -> Response:
    """Make it. The answer shows its secret: it stands on no other page."""
    service, made_of = services(), Kind(kind)
    profile = _profile(request.form.get("profile", ""))
    fields = [f"field_{each.name}" for each in profile.inputs] if profile else []
    typed = typed_form((*_FIELDS, *fields))
    try:
        operator().powers.require_institution(_P, typed["institution"])
        uses, days = _number(typed["uses"], 1, 1000, "bad_uses"), _number(typed["days"], 1, 366, "bad_days")
        with service.database.transaction() as session:
            made, secret = make_credential(
                session,
                services=service.ca,
                powers=operator().powers,
                kind=made_of,
                institution_ruc=typed["institution"],
                profile=profile.name if profile else "",
                names=typed["names"].replace(",", " ").split(),
                inputs={name.removeprefix("field_"): typed[name] for name in fields if typed[name]},
                uses=uses,
                lifetime=timedelta(days=days),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, NotFound) as error:
        code = "no_registered_domain" if error.code == "bad_acme_credential" else error.code
        errors = {_FIELD_OF.get(code, "names"): problem(error)}
        return _form(made_of, typed, errors=errors, status=422)
    return render(
        "admin/credentials/issued.html",
        kind=kind,
        kind_name=KINDS[made_of][0],
        credential_id=made.id,
        secret=secret.reveal(),
        profile=profile.name if profile else "",
        issuer=service.settings.issuer,
        directory=Addresses(service.settings.issuer).directory,
    )


def _form(kind: Kind, typed: Typed, *, errors: dict[str, str], status: int = 200) -> Response:
    service = services()
    profiles = offered_profiles(service.ca)
    if kind is not Kind.ACME and not _profile(typed["profile"]):
        return render(
            "admin/credentials/profile.html",
            kind=kind.value,
            kind_name=KINDS[kind][0],
            about=KINDS[kind][1],
            profiles=[(each, url_for(".issue_form", kind=kind.value, profile=each.name)) for each in profiles],
        )
    reach = operator().powers.institutions(_P)
    with service.database.reading() as session:
        institutions = [
            (each.ruc, each.name)
            for each in list_institutions(session)
            if each.active and (reach is None or each.ruc in reach)
        ]
    return render(
        "admin/credentials/new.html",
        status,
        kind=kind.value,
        kind_name=KINDS[kind][0],
        about=KINDS[kind][1],
        typed=typed,
        errors=errors,
        profile=_profile(typed["profile"]) if kind is not Kind.ACME else None,
        institutions=[("", _("Elija la institución")), *institutions],
    )


def _profile(name: str) -> Profile | None:
    return next((each for each in offered_profiles(services().ca) if each.name == name), None)


def _number(text: str, least: int, most: int, code: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and least <= int(text) <= most):
        raise Rejected(f"A number from {least} to {most}.", code=code)
    return int(text)
