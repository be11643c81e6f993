"""Other OpenID Providers: how they are, adding, changing and closing one, asking what it says of itself now."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.federation.groups import group_roles, role_that_ends
from admin.web.federation.place import (
    LEVEL_CHOICES,
    State,
    institutions_reached,
    owner_reached,
    reason_said,
    state_of,
)
from admin.web.federation.provider_form import FIELDS, typed_from_provider, typed_provider, wanted_provider
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing
from admin.web.problems import problem
from idp.authentication.assurance import ACR_2FA
from idp.broker.change import change_provider, find_provider_by_id, provider_digest
from idp.broker.health import ProviderHealth, ProviderReport, examine_provider, look_at_provider, provider_health
from idp.broker.logout_there import return_address
from idp.broker.provider import Provider
from idp.broker.register import add_provider, discover, list_providers, map_claimed_group, set_provider_active
from idp.broker.request import callback_address
from idp.directory.institutions import Institution, find_institution_by_ruc
from idp.rights.catalog import find_role
from kernel.errors import Conflict, NotFound, Rejected, ServiceError
from outgoing.errors import OutgoingError
from web.pages import render

blueprint = Blueprint("admin_providers", __name__, url_prefix="/admin/providers", template_folder="../../templates")
_HEADS = (
    Head("title", _l("Lo que lee la gente"), "up"),
    Head("issuer", _l("Emisor"), "up"),
    Head("cedula", _l("Cree la cédula")),
    Head("level", _l("Nivel"), "down", numeric=True),
    Head("state", _l("Estado")),
)
_FILTERS = (
    Filter(
        "state",
        _l("Estado"),
        [
            ("", _l("Cualquiera")),
            ("bad", _l("No responde")),
            ("ok", _l("Responde")),
            ("info", _l("Sin comprobar")),
            ("none", _l("Cerrado")),
        ],
    ),
)
_REFUSALS = (Rejected, Conflict, NotFound, OutgoingError)


@dataclass(frozen=True)
class Line:
    """A provider in the list."""

    provider: Provider
    institution: Institution
    state: State
    milliseconds: int | None


@blueprint.get("")
@requires(Permission.PROVIDERS_READ)
def show_all() -> Response:
    """The providers of the institutions that the operator reaches, those that fail first."""
    with services().database.reading() as session:
        institutions = {each.id: each for each in institutions_reached(session, Permission.PROVIDERS_READ)}
        health = provider_health(session)
        lines = [
            _line(each, institutions[each.institution_id], health.get(each.id))
            for each in list_providers(session, services=services().idp, open_only=False)
            if each.institution_id in institutions
        ]
    order = {"bad": 0, "info": 1, "ok": 2, "none": 3}
    listing = asked_listing(".show_all", heads=_HEADS, filters=_FILTERS)
    found = [line for line in lines if listing.typed["state"] in ("", line.state.kind)]
    return render(
        "admin/federation/providers.html",
        listing=listing.arranged(
            sorted(found, key=lambda line: (order[line.state.kind], line.provider.title)),
            {
                "title": lambda line: line.provider.title,
                "issuer": lambda line: line.provider.discovered.issuer,
                "level": lambda line: line.provider.level,
            },
        ),
        may_change=operator().powers.allow(Permission.PROVIDERS_CHANGE),
    )


@blueprint.get("/new")
@requires(Permission.PROVIDERS_CHANGE, fresh=True)
def add_form() -> Response:
    """The form that adds one."""
    return _form_page(None, Typed(level="1", proof="secret"), errors={})


@blueprint.post("/new")
@requires(Permission.PROVIDERS_CHANGE, fresh=True)
def add() -> Response:
    """Ask the issuer what it says of itself, and add it."""
    service, typed = services(), typed_provider()
    try:
        wanted = wanted_provider(typed, has_secret=False)
        with service.database.reading() as session:
            institution = find_institution_by_ruc(session, wanted.ruc)
            owner_reached(session, Permission.PROVIDERS_CHANGE, institution.id)
        discovered = discover(service.idp, wanted.issuer)
        with service.database.transaction() as session:
            made = add_provider(
                session,
                services=service.idp,
                wanted=wanted,
                discovered=discovered,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except _REFUSALS as error:
        return _form_page(None, typed, errors=_told(error), status=422)
    look_at_provider(service.idp, provider_id=made.id, now=service.clock.now())
    return redirect(url_for("admin_providers.show", provider_id=made.id), 303)


@blueprint.get("/<provider_id>")
@requires(Permission.PROVIDERS_READ)
def show(provider_id: str) -> Response:
    """One provider, without our secret there, and what has to be registered at it."""
    return _page(provider_id)


@blueprint.post("/<provider_id>")
@requires(Permission.PROVIDERS_READ)
def examine(provider_id: str) -> Response:
    """Ask it now; what came of an open one is kept as its health."""
    service = services()
    with service.database.reading() as session:
        provider, _institution = _reached(session, Permission.PROVIDERS_READ, provider_id)
    if not provider.active:
        return _page(provider_id, examine_provider(service.idp, provider)[0])
    return _page(provider_id, look_at_provider(service.idp, provider_id=provider_id, now=service.clock.now()))


@blueprint.get("/<provider_id>/change")
@requires(Permission.PROVIDERS_CHANGE, fresh=True)
def change_form(provider_id: str) -> Response:
    """The form with what stands."""
    with services().database.reading() as session:
        before, institution = _reached(session, Permission.PROVIDERS_CHANGE, provider_id)
    return _form_page(before, typed_from_provider(before, ruc=institution.ruc), errors={})


@blueprint.post("/<provider_id>/change")
@requires(Permission.PROVIDERS_CHANGE, fresh=True)
def change(provider_id: str) -> Response:
    """Ask the issuer again and write down what is described now."""
    service, typed = services(), typed_provider()
    with service.database.reading() as session:
        before, institution = _reached(session, Permission.PROVIDERS_CHANGE, provider_id)
    typed |= {"name": before.name, "ruc": institution.ruc, "issuer": before.discovered.issuer}
    try:
        wanted = wanted_provider(typed, has_secret=bool(before.secret))
        discovered = discover(service.idp, before.discovered.issuer)
        with service.database.transaction() as session:
            changes = change_provider(
                session,
                services=service.idp,
                provider_id=provider_id,
                wanted=wanted,
                by_key=typed["proof"] == "key",
                discovered=discovered,
                seen_sha256=request.form.get("seen", ""),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except _REFUSALS as error:
        return _form_page(before, typed, errors=_told(error), status=422)
    report = look_at_provider(service.idp, provider_id=provider_id, now=service.clock.now())
    return _page(provider_id, report, changes)


@blueprint.get("/<provider_id>/groups")
@requires(Permission.PROVIDERS_CHANGE)
def ask_unmapping(provider_id: str) -> Response:
    """Say what the people of a group lose when it gives a role no longer."""
    with services().database.reading() as session:
        provider, institution = _reached(session, Permission.PROVIDERS_CHANGE, provider_id)
        ending = role_that_ends(session)
    return render(
        "admin/federation/group.html",
        room="providers",
        source=provider.title,
        above=url_for(".show_all"),
        back=url_for(".show", provider_id=provider.id),
        institution=institution,
        **ending,
    )


@blueprint.post("/<provider_id>/groups")
@requires(Permission.PROVIDERS_CHANGE, fresh=True)
def map_role(provider_id: str) -> Response:
    """Say that whoever it names a group of has a role of an application that the institution may use, or no longer."""
    service, typed = services(), typed_form(("group", "role", "mapped"))
    try:
        with service.database.transaction() as session:
            provider, _institution = _reached(session, Permission.PROVIDERS_CHANGE, provider_id)
            role = find_role(session, typed["role"])
            map_claimed_group(
                session,
                services=service.idp,
                name=provider.name,
                group=typed["group"],
                role=role.name,
                client_id=role.client_id,
                mapped=typed["mapped"] == "1",
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict, NotFound) as error:
        if error.code in ("not_found", "unknown_provider"):
            raise
        field = "role" if error.code.endswith("_role") else "group"
        return _page(provider_id, typed=typed, errors={field: problem(error)}, status=422)
    return redirect(url_for("admin_providers.show", provider_id=provider_id), 303)


@blueprint.get("/<provider_id>/active")
@requires(Permission.PROVIDERS_CHANGE)
def ask_active(provider_id: str) -> Response:
    """Say what closing it, or opening it again, does to its people."""
    with services().database.reading() as session:
        provider, institution = _reached(session, Permission.PROVIDERS_CHANGE, provider_id)
    return render("admin/federation/provider_active.html", provider=provider, institution=institution)


@blueprint.post("/<provider_id>/active")
@requires(Permission.PROVIDERS_CHANGE, fresh=True)
def set_active(provider_id: str) -> Response:
    """Close it, or open it again."""
    service = services()
    with service.database.transaction() as session:
        provider, _institution = _reached(session, Permission.PROVIDERS_CHANGE, provider_id)
        active = request.form.get("active") == "1"
        if provider.active != active:
            set_provider_active(
                session,
                services=service.idp,
                name=provider.name,
                active=active,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for("admin_providers.show", provider_id=provider_id), 303)


def _reached(session: Session, permission: Permission, provider_id: str) -> tuple[Provider, Institution]:
    provider = find_provider_by_id(session, services=services().idp, provider_id=provider_id)
    return provider, owner_reached(session, permission, provider.institution_id)


def _line(provider: Provider, institution: Institution, health: ProviderHealth | None) -> Line:
    state = state_of(
        active=provider.active,
        reason=health.reason if health else None,
        failing_since=health.failing_since if health else None,
        checked_at=health.checked_at if health else None,
    )
    return Line(provider, institution, state, health.milliseconds if health and not health.reason else None)


def _told(error: ServiceError) -> dict[str, str]:
    if error.code == "not_found":
        raise error
    if isinstance(error, OutgoingError):
        return {"issuer": _("No se pudo leer su documento: %(why)s", why=reason_said(error.code))}
    return {FIELDS.get(error.code, "name"): problem(error)}


def _page(
    provider_id: str,
    report: ProviderReport | None = None,
    changes: tuple[str, ...] = (),
    *,
    typed: Typed | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    service = services()
    with service.database.reading() as session:
        provider, institution = _reached(session, Permission.PROVIDERS_READ, provider_id)
        health = provider_health(session).get(provider_id)
        groups = group_roles(session, source_id=provider.id, institution=institution)
    return render(
        "admin/federation/provider.html",
        status,
        groups=groups,
        typed=typed or Typed(),
        errors=errors or {},
        provider=provider,
        institution=institution,
        line=_line(provider, institution, health),
        health=health,
        report=report,
        changes=changes,
        reason_said=reason_said,
        strengths=[(value, worth == ACR_2FA) for value, worth in sorted(provider.strengths.items())],
        callback=callback_address(service.idp, provider),
        after_logout=return_address(service.idp, provider),
        logout=f"{service.settings.issuer}/broker/{provider.name}/logout",
        may_change=operator().powers.allow(Permission.PROVIDERS_CHANGE),
    )


def _form_page(before: Provider | None, typed: Typed, *, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        institutions = institutions_reached(session, Permission.PROVIDERS_CHANGE)
    return render(
        "admin/federation/provider_form.html",
        status,
        before=before,
        seen=provider_digest(before) if before else "",
        typed=typed,
        errors=errors,
        level_choices=LEVEL_CHOICES,
        institution_choices=[("", _("Elija una")), *((each.ruc, each.name) for each in institutions if each.active)],
    )
