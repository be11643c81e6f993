"""What applications declare: their roles and permissions, to see and to change with before and after."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import yaml
from flask import redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.declaring import (
    LONGEST_DOCUMENT,
    application_reached,
    applications_reached,
    declare_at_console,
    parse_declared,
)
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing, contains
from admin.web.people_names import PeopleNames
from admin.web.problems import problem
from admin.web.rights.place import REFUSALS, blueprint, sections
from idp.clients.client import Client
from idp.directory.institutions import list_institutions
from idp.rights.catalog import Role, compare, declared_document, list_roles, permission_words
from idp.rights.declaration import Declaration, parse_declaration
from idp.rights.model import RightsDeclarationRow
from idp.rights.reports import count_holders
from kernel.errors import Rejected, ServiceError
from web.locale import current_language
from web.pages import render

_HEADS = (
    Head("name", _l("Aplicación"), "up"),
    Head("roles", _l("Roles"), "down", numeric=True),
    Head("approved", _l("Los decide otra persona"), "down", numeric=True),
    Head("sensitive", _l("Delicados"), "down", numeric=True),
    Head("declared", _l("Declarado"), "down"),
)


@dataclass(frozen=True)
class Line:
    """An application in the list. :ivar approved: how many of its roles a second person decides."""

    client: Client
    roles: int
    approved: int
    sensitive: int
    row: RightsDeclarationRow | None


@dataclass(frozen=True)
class Step:
    """A line of a difference: ``more``, ``less`` or ``edit``, its words, and what."""

    sign: str
    words: str
    what: str


@blueprint.get("/declarations")
@requires(Permission.DECLARATIONS_READ)
def declarations() -> Response:
    """The applications that the operator reaches, with what they declare in numbers."""
    with services().database.reading() as session:
        roles: dict[str, list[Role]] = {}
        for role in list_roles(session):
            roles.setdefault(role.client_id, []).append(role)
        lines = [
            Line(
                client=client,
                roles=len(roles.get(client.client_id, ())),
                approved=sum(role.needs_approval for role in roles.get(client.client_id, ())),
                sensitive=sum(role.sensitive for role in roles.get(client.client_id, ())),
                row=session.get(RightsDeclarationRow, client.client_id),
            )
            for client in applications_reached(session, operator().powers, Permission.DECLARATIONS_READ)
        ]
        session.expunge_all()
    listing = asked_listing(".declarations", heads=_HEADS, filters=(Filter("q", _l("Aplicación")),))
    fitting = [line for line in lines if contains(listing.typed["q"], line.client.name, line.client.client_id)]
    return render(
        "admin/rights/declarations.html",
        listing=listing.arranged(
            sorted(fitting, key=lambda line: (not line.roles, line.client.name)),
            {
                "name": lambda line: line.client.name,
                "roles": lambda line: line.roles,
                "approved": lambda line: line.approved,
                "sensitive": lambda line: line.sensitive,
                "declared": lambda line: line.row.declared_at if line.row else None,
            },
        ),
        sections=sections(),
    )


@blueprint.get("/declarations/<client_id>")
@requires(Permission.DECLARATIONS_READ)
def declaration(client_id: str) -> Response:
    """What one application declares, how many hold each role, and whose institutions may use it."""
    powers = operator().powers
    with services().database.reading() as session:
        client = application_reached(session, powers, Permission.DECLARATIONS_READ, client_id)
        document = declared_document(session, client_id)
        roles = list_roles(session, client_id=client_id)
        permissions = permission_words(session, client_id=client_id)
        row = session.get(RightsDeclarationRow, client_id)
        declared = (row.version, row.declared_at, PeopleNames(session)(row.declared_by)) if row else None
        held = Counter(count_holders(session, client_id=client_id))
        names = {each.ruc: each.name for each in list_institutions(session)}
        mine = {each.client_id for each in applications_reached(session, powers, Permission.DECLARATIONS_CHANGE)}
    return render(
        "admin/rights/declaration.html",
        client=client,
        roles=roles,
        permissions={name: words.get(current_language()) or words["es"] for name, words in permissions.items()},
        declared=declared,
        held=held,
        locale=current_language(),
        offered="all" if document["institutions"] == "all" else [names.get(x, x) for x in document["institutions"]],
        may_change=powers.allow(Permission.DECLARATIONS_CHANGE) and client_id in mine,
    )


@blueprint.get("/declarations/<client_id>/change")
@requires(Permission.DECLARATIONS_CHANGE, fresh=True)
def change_declaration(client_id: str) -> Response:
    """The declaration as text."""
    with services().database.reading() as session:
        application_reached(session, operator().powers, Permission.DECLARATIONS_CHANGE, client_id)
        text = _yaml(declared_document(session, client_id))
    return _form_page(client_id, text, errors={})


@blueprint.post("/declarations/<client_id>/change")
@requires(Permission.DECLARATIONS_CHANGE)
def review_declaration(client_id: str) -> Response:
    """Show what the text would change, and whom it touches; nothing is written."""
    text = request.form.get("document", "")[: LONGEST_DOCUMENT + 1]
    with services().database.reading() as session:
        client = application_reached(session, operator().powers, Permission.DECLARATIONS_CHANGE, client_id)
        try:
            wanted = parse_declared(text, client_id=client_id)
            difference = compare(session, wanted)
        except Rejected as error:
            return _form_page(client_id, text, errors={"document": _said(error)}, status=422)
        before = parse_declaration(declared_document(session, client_id), client_id=client_id)
        held = Counter(count_holders(session, client_id=client_id))
    if not difference.lines:
        return _form_page(client_id, text, errors={"document": _("Así ya está declarado: no cambia nada")}, status=422)
    return _review_page(client, text, before, wanted, difference.lines, held, errors={})


@blueprint.post("/declarations/<client_id>")
@requires(Permission.DECLARATIONS_CHANGE, fresh=True)
def declare(client_id: str) -> Response:
    """Declare what was reviewed."""
    service, text = services(), request.form.get("document", "")[: LONGEST_DOCUMENT + 1]
    try:
        with service.database.transaction() as session:
            declare_at_console(
                session,
                journal=service.journal,
                powers=operator().powers,
                declaration=parse_declared(text, client_id=client_id),
                seen_sha256=request.form.get("seen", ""),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except REFUSALS as error:
        return _form_page(client_id, text, errors={"document": _said(error)}, status=422)
    return redirect(url_for("admin_rights.declaration", client_id=client_id), 303)


def _said(error: ServiceError) -> str:
    if error.code == "bad_declaration":
        return str(_("El texto no se puede tomar. %(why)s", why=error.public_detail))
    return problem(error)


def _yaml(document: dict[str, object]) -> str:
    return str(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100))


def _steps(lines: tuple[str, ...]) -> list[Step]:
    words = {"+": ("more", _("Se agrega")), "-": ("less", _("Se quita")), "~": ("edit", _("Se cambia"))}
    return [Step(*words[line[0]], line[2:]) for line in lines]


def _form_page(client_id: str, text: str, *, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        client = application_reached(session, operator().powers, Permission.DECLARATIONS_CHANGE, client_id)
    return render("admin/rights/declaration_form.html", status, client=client, text=text, errors=errors)


def _review_page(
    client: Client,
    text: str,
    before: Declaration,
    wanted: Declaration,
    lines: tuple[str, ...],
    held: Counter[str],
    *,
    errors: dict[str, str],
) -> Response:
    old = {role.name: role for role in before.roles}
    new = {role.name: role for role in wanted.roles}
    return render(
        "admin/rights/declaration_review.html",
        client=client,
        text=text,
        seen=before.sha256,
        steps=_steps(lines),
        lost=[(name, held[name]) for name in old if name not in new and held[name]],
        touched=[
            (name, held[name])
            for name, role in new.items()
            if name in old and held[name] and role.permissions != old[name].permissions
        ],
        unguarded=[
            name for name, role in new.items() if name in old and old[name].needs_approval and not role.needs_approval
        ],
        errors=errors,
    )
