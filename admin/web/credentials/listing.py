"""The list by protocol, and one credential with what came of it."""

from __future__ import annotations

from flask import Response, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin.credential_list import CredentialQuery, count_issued, search_issued
from admin.credentials import Kind, find_issued
from admin.permissions import Permission
from admin.request_list import RequestQuery, search_requests
from admin.web import words
from admin.web.accessor import services
from admin.web.credentials.place import ACCOUNT_STATES, KIND_RULE, KINDS, STATES, blueprint
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing
from admin.web.people_names import PeopleNames
from ca.acme.addresses import Addresses
from ca.acme.register import list_accounts
from ca.services import CaServices
from idp.directory.institutions import list_institutions
from web.pages import render

_MOST = 100


@blueprint.get("")
@requires(Permission.CREDENTIALS_READ)
def show_all() -> Response:
    """The credentials of one protocol, the newest first, within the operator's reach."""
    service, powers = services(), operator().powers
    asked = request.args.get("kind", "")
    kind = Kind(asked) if asked in set(Kind) else Kind.ACME
    reach = powers.institutions(Permission.CREDENTIALS_READ)
    with service.database.reading() as session:
        institutions = {
            each.ruc: each.name for each in list_institutions(session) if reach is None or each.ruc in reach
        }
        filters = [
            Filter("institution", _l("Institución"), [("", _("Todas")), *institutions.items()]),
            Filter("state", _l("Estado"), [("", _("Cualquiera")), *((key, said[2]) for key, said in STATES.items())]),
        ]
        fixed = {} if kind is Kind.ACME else {"kind": kind.value}
        listing = asked_listing(".show_all", heads=_heads(kind), filters=filters, order="-made", fixed=fixed)
        chosen = listing.typed["institution"]
        query = CredentialQuery(
            kind,
            service.clock.now(),
            state=listing.typed["state"],
            institutions=frozenset({chosen}) if chosen else reach,
        )
        listing = listing.counted(count_issued(session, query))
        found = search_issued(
            session,
            query,
            limit=listing.size,
            offset=listing.offset,
            order=listing.order,
            descending=listing.descending,
        )
    return render(
        "admin/credentials/all.html",
        kind=kind.value,
        tabs=[(each.value, KINDS[each][0], url_for(".show_all", kind=each.value)) for each in Kind],
        about=KINDS[kind][1],
        listing=listing.showing(found),
        institutions=institutions,
        profile_titles=_profile_titles(service.ca),
        states=STATES,
        now=service.clock.now(),
        may_issue=powers.allow(Permission.CREDENTIALS_ISSUE),
        directory=Addresses(service.settings.issuer).directory,
        settings=service.settings,
    )


@blueprint.get(f"{KIND_RULE}/<credential_id>")
@requires(Permission.CREDENTIALS_READ)
def show(kind: str, credential_id: str) -> Response:
    """One credential: for whom, what it allows, and what came by it."""
    service, powers = services(), operator().powers
    with service.database.reading() as session:
        found = find_issued(session, Kind(kind), credential_id, powers=powers, permission=Permission.CREDENTIALS_READ)
        names = PeopleNames(session)
        institutions = {each.ruc: each.name for each in list_institutions(session)}
        accounts = list_accounts(session, credential=found.id, limit=_MOST) if found.kind is Kind.ACME else []
        requests = []
        if found.kind is not Kind.ACME and powers.allow(Permission.REQUESTS_READ):
            query = RequestQuery(
                requested_by=f"{found.kind}:{found.id}",
                institutions=powers.institutions(Permission.REQUESTS_READ),
            )
            requests = search_requests(session, query, services=service.ca, limit=_MOST)
        made_by = names(found.created_by)
    return render(
        "admin/credentials/one.html",
        item=found,
        kind_name=KINDS[found.kind][0],
        state=STATES[found.state(service.clock.now())],
        account_states=ACCOUNT_STATES,
        request_states=words.REQUEST_STATUSES,
        institution=institutions.get(found.institution_ruc, found.institution_ruc),
        profile_titles=_profile_titles(service.ca),
        input_labels={
            field.name: field.label
            for each in service.ca.profiles.list()
            if each.name == found.profile
            for field in each.inputs
        },
        accounts=accounts,
        requests=requests,
        most=_MOST,
        made_by=made_by,
        may_withdraw=powers.allow(Permission.CREDENTIALS_ISSUE) and found.revoked_at is None,
        may_close=powers.allow(Permission.CREDENTIALS_ISSUE),
    )


def _heads(kind: Kind) -> list[Head]:
    acme = kind is Kind.ACME
    return [
        Head("institution", _l("Institución")),
        Head("made", _l("Entregada"), "down"),
        Head("names", _l("Nombres") if acme else _l("Perfil")),
        Head("used", _l("Cuentas") if acme else _l("Pedidos"), numeric=True),
        Head("left", _l("Quedan"), "down", numeric=True),
        Head("last", _l("Último uso")),
        Head("ends", _l("Vence"), "up"),
        Head("state", _l("Estado")),
    ]


def _profile_titles(service: CaServices) -> dict[str, str]:
    return {each.name: words.translated(each.title) for each in service.profiles.list()}
