"""Other providers that people sign in through, written by the API; our secret there is told to nobody."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from admin.api.directories import GROUP_FIELDS, line_document
from admin.api.federation_forms import (
    ChangedProvider,
    GroupRole,
    GroupRoleDocument,
    NewProvider,
    ProviderSettingsDocument,
)
from admin.api.hidden import hidden
from admin.api.operation import Before, Call, Caller, Document, Done, Nothing, Operation
from admin.api.overview import ProviderDocument, provider_document, show_provider
from admin.permissions import Permission
from admin.services import AdminServices
from idp.broker.change import change_provider, find_provider_by_id, hold_provider, provider_digest
from idp.broker.health import look_at_provider
from idp.broker.provider import Discovered, Provider, extra_scopes, strength_words
from idp.broker.register import WantedProvider, add_provider, discover, map_claimed_group, set_provider_active
from idp.directory.institutions import find_institution, find_institution_by_ruc
from idp.rights.catalog import find_role
from idp.rights.groups.mapping import list_group_roles
from kernel.errors import Rejected
from kernel.secret_text import SecretText

_P = Permission.PROVIDERS_CHANGE
FIELDS = {
    "bad_provider_name": "name",
    "provider_exists": "name",
    "unknown_institution": "institution_ruc",
    "bad_ruc": "institution_ruc",
    "bad_issuer": "issuer",
    "bad_discovery": "issuer",
    "bad_provider": "client_id",
    "secret_missing": "secret",
    "bad_scope": "scopes",
    "bad_domain": "domains",
    "bad_claim": "cedula_claim",
    "bad_strength": "strengths",
}


def settings(call: Call) -> Document:
    """Return how it is asked, without our secret there."""
    found = _reached(call.session, call.services, call.caller, call.path["provider_id"])
    return ProviderSettingsDocument(
        title=found.title,
        client_id=found.client_id,
        proof="secret" if found.secret else "key",
        scopes=list(extra_scopes(found.scope)),
        domains=list(found.domains),
        cedula_claim=found.cedula_claim,
        strengths=dict(strength_words(found.strengths)),
        level=2 if found.level == 2 else 1,
        creates_people=found.creates_people,
        groups_claim=found.groups_claim,
        logs_out_there=found.logs_out_there,
        active=found.active,
    )


def hold(call: Call) -> None:
    """Hold its row, where it is within reach."""
    hold_provider(call.session, _reached(call.session, call.services, call.caller, call.path["provider_id"]).id)
    call.session.expire_all()


def ask_new(before: Before) -> Discovered:
    """Return what the issuer says of itself, where the institution is within reach."""
    body: NewProvider = before.body
    if body.proof == "secret" and not body.secret:
        raise Rejected("Give our secret there, or let our key prove us.", code="secret_missing")
    with before.services.database.reading() as session:
        _require_institution(session, before.caller, body.institution_ruc)
    return discover(before.services.idp, body.issuer)


def add(call: Call) -> Document:
    """Add it."""
    body: NewProvider = call.body
    _require_institution(call.session, call.caller, body.institution_ruc)
    made = add_provider(
        call.session,
        services=call.services.idp,
        wanted=_wanted(body, name=body.name, ruc=body.institution_ruc, issuer=body.issuer),
        discovered=call.prepared,
        actor=call.caller.actor,
        now=call.now,
    )
    return provider_document(call.session, made, body.institution_ruc)


def ask_again(before: Before) -> Discovered:
    """Return what the issuer of a provider that stands says of itself now."""
    with before.services.database.reading() as session:
        found = _reached(session, before.services, before.caller, before.path["provider_id"])
    return discover(before.services.idp, found.discovered.issuer)


def change(call: Call) -> Document:
    """Describe it anew."""
    body: ChangedProvider = call.body
    found = _reached(call.session, call.services, call.caller, call.path["provider_id"])
    ruc = find_institution(call.session, found.institution_id).ruc
    change_provider(
        call.session,
        services=call.services.idp,
        provider_id=found.id,
        wanted=_wanted(body, name=found.name, ruc=ruc, issuer=found.discovered.issuer),
        by_key=body.proof == "key",
        discovered=call.prepared,
        seen_sha256=provider_digest(found),  # held, and If-Match said what was seen
        actor=call.caller.actor,
        now=call.now,
    )
    return show_provider(call)


def look(done: Done) -> Document:
    """Keep how it is."""
    told: ProviderDocument = done.document
    look_at_provider(done.services.idp, provider_id=told.id, now=done.now)
    with done.services.database.reading() as session:
        found = find_provider_by_id(session, services=done.services.idp, provider_id=told.id)
        return provider_document(session, found, told.institution_ruc)


def close(call: Call) -> Document:
    """Close it."""
    return _set_active(call, active=False)


def open_again(call: Call) -> Document:
    """Open it again."""
    return _set_active(call, active=True)


def groups(call: Call) -> list[Document]:
    """Return which group is worth which role."""
    found = _reached(call.session, call.services, call.caller, call.path["provider_id"])
    return [line_document(each, mapped=True) for each in list_group_roles(call.session, source_id=found.id)]


def map_role(call: Call) -> Document:
    """Say what a group is worth."""
    body: GroupRole = call.body
    found = _reached(call.session, call.services, call.caller, call.path["provider_id"])
    role = find_role(call.session, body.role_id)
    line = map_claimed_group(
        call.session,
        services=call.services.idp,
        name=found.name,
        group=body.group,
        role=role.name,
        client_id=role.client_id,
        mapped=body.mapped,
        actor=call.caller.actor,
        now=call.now,
    )
    return line_document(line, mapped=body.mapped)


def _set_active(call: Call, *, active: bool) -> Document:
    found = _reached(call.session, call.services, call.caller, call.path["provider_id"])
    if found.active != active:
        set_provider_active(
            call.session,
            services=call.services.idp,
            name=found.name,
            active=active,
            actor=call.caller.actor,
            now=call.now,
        )
    return show_provider(call)


def _reached(session: Session, services: AdminServices, caller: Caller, provider_id: str) -> Provider:
    with hidden("provider"):
        found = find_provider_by_id(session, services=services.idp, provider_id=provider_id)
        caller.powers.require_institution(_P, find_institution(session, found.institution_id).ruc)
    return found


def _require_institution(session: Session, caller: Caller, ruc: str) -> None:
    with hidden("institution"):
        caller.powers.require_institution(_P, find_institution_by_ruc(session, ruc).ruc)


def _wanted(body: ChangedProvider, *, name: str, ruc: str, issuer: str) -> WantedProvider:
    return WantedProvider(
        name=name,
        title=body.title,
        ruc=ruc,
        issuer=issuer,
        client_id=body.client_id,
        secret=SecretText(body.secret) if body.secret and body.proof == "secret" else None,
        scopes=body.scopes,
        domains=body.domains,
        cedula_claim=body.cedula_claim,
        strengths=body.strengths,
        level=body.level,
        creates_people=body.creates_people,
        groups_claim=body.groups_claim,
        logs_out_there=body.logs_out_there,
    )


_AT = "/providers/{provider_id}"


def _post(name: str, path: str, summary: str, handler: Any, *pages: str, **more: Any) -> Operation:
    told: dict[str, Any] = {"item": ProviderDocument, "body": Nothing} | more
    return Operation(
        name=name,
        path=path,
        summary=summary,
        permission=_P,
        handler=handler,
        method="POST",
        fresh=True,
        pages=tuple(f"admin_providers.{page}" for page in pages),
        **told,
    )


OPERATIONS = (
    Operation(
        name="show_provider_settings",
        path=f"{_AT}/settings",
        summary="How another provider is asked and what it is believed, without our secret there.",
        permission=_P,
        item=ProviderSettingsDocument,
        handler=settings,
        pages=("admin_providers.change_form",),
    ),
    _post(
        "add_provider",
        "/providers",
        "Ask an issuer what it says of itself, and add it.",
        add,
        "add",
        body=NewProvider,
        status=201,
        prepare=ask_new,
        after=look,
        fields=FIELDS,
    ),
    Operation(
        name="change_provider",
        path=f"{_AT}/settings",
        summary="Describe it anew and ask it again; name, issuer and institution stay.",
        permission=_P,
        item=ProviderDocument,
        handler=change,
        method="PUT",
        body=ChangedProvider,
        fresh=True,
        shown_by=settings,
        lock=hold,
        prepare=ask_again,
        after=look,
        fields=FIELDS,
        pages=("admin_providers.change",),
    ),
    _post("close_provider", f"{_AT}/close", "Close it: nobody signs in through it.", close, "set_active"),
    _post("open_provider", f"{_AT}/open", "Open it again.", open_again, "set_active"),
    Operation(
        name="list_provider_groups",
        path=f"{_AT}/groups",
        summary="Which group that it names is worth which role of which application.",
        permission=_P,
        item=GroupRoleDocument,
        handler=groups,
        key="id",
        pages=("admin_providers.ask_unmapping",),
    ),
    _post(
        "map_provider_group",
        f"{_AT}/groups",
        "Say that whom it calls so has a role, or no longer; at each one's next login.",
        map_role,
        "map_role",
        item=GroupRoleDocument,
        body=GroupRole,
        fields=GROUP_FIELDS,
    ),
)
