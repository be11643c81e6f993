"""Directories and other providers in a configuration: by name, described as operators describe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path as File
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.as_code import groups
from admin.as_code.applications import KEPT
from admin.as_code.secret_given import SecretWish
from admin.as_code.work import Work
from idp.broker.change import change_provider, described, provider_digest
from idp.broker.model import UpstreamProviderRow
from idp.broker.provider import Discovered, Provider, extra_scopes, strength_words
from idp.broker.register import (
    WantedProvider,
    add_provider,
    described_columns,
    list_providers,
    set_provider_active,
)
from idp.directories.change import change_directory, redescribe
from idp.directories.directory import KINDS, Directory
from idp.directories.model import DirectoryRow
from idp.directories.register import (
    Wanted,
    add_directory,
    directory_wanted,
    list_directories,
    set_directory_active,
)
from idp.directory.institutions import find_institution, list_institutions
from kernel.errors import Conflict

DIRECTORIES, PROVIDERS = "directories", "providers"
PASSWORD, CLIENT_SECRET = "bind_password", "client_secret"
SECRETS: Mapping[str, str] = {DIRECTORIES: PASSWORD, PROVIDERS: CLIENT_SECRET}
DIRECTORY_MEMBERS: Mapping[str, type] = {
    **dict.fromkeys(("institution", "kind", "search_base", "username_filter", "cedula_filter"), str),
    **dict.fromkeys(("ca", "bind_dn", "bind_password_file", "bind_template"), str),
    **dict.fromkeys(("active", "creates_people", "asked_by_cedula"), bool),
    **dict.fromkeys(("domains", "servers"), list),
    **dict.fromkeys(("level", "nested_groups"), int),
    **dict.fromkeys(("attributes", PASSWORD, groups.MEMBER), object),
}
PROVIDER_MEMBERS: Mapping[str, type] = {
    **dict.fromkeys(("institution", "title", "issuer", "client_id", "cedula_claim", "groups_claim"), str),
    **dict.fromkeys(("active", "creates_people", "logs_out_there"), bool),
    **dict.fromkeys(("domains", "scopes"), list),
    "level": int,
    **dict.fromkeys(("strengths", CLIENT_SECRET, groups.MEMBER), object),
}
_NO_SECRET = SecretWish()


def export_directories(session: Session) -> dict[str, Any]:
    """Return every directory, by name. Of the searcher's password only that there is one."""
    rucs = {each.id: each.ruc for each in list_institutions(session)}
    return {
        row.name: _directory(row, rucs) | groups.groups_of(session, row.id)
        for row in session.scalars(select(DirectoryRow).order_by(DirectoryRow.name))
    }


def export_providers(session: Session) -> dict[str, Any]:
    """Return every provider, by name. Of our secret there only that there is one."""
    rucs = {each.id: each.ruc for each in list_institutions(session)}
    rows = session.scalars(select(UpstreamProviderRow).order_by(UpstreamProviderRow.name))
    return {row.name: _provider(row, rucs) | groups.groups_of(session, row.id) for row in rows.all()}


def apply_directories(
    work: Work, entries: Mapping[str, Mapping[str, Any]], secrets: Mapping[tuple[str, str], SecretWish]
) -> None:
    """Add, change, open and close directories. None is asked: ``sau directory test`` does that.

    :raises ServiceError: with the place in the file.
    """
    standing = {each.name: each for each in list_directories(work.session, services=work.services.idp)}
    for name, entry in entries.items():
        with work.at(DIRECTORIES, name):
            wish = secrets.get((DIRECTORIES, name), _NO_SECRET)
            before = standing.pop(name, None)
            _settle_directory(work, name, before, entry, wish)
            if entry.get("active") is False and (before is None or before.active):
                work.close_later((DIRECTORIES, name), partial(_directory_active, work, name, active=False))
    for name, left in standing.items() if work.prune else ():
        if left.active:
            work.close_later((DIRECTORIES, name), partial(_directory_active, work, name, active=False))


def apply_providers(
    work: Work,
    entries: Mapping[str, Mapping[str, Any]],
    secrets: Mapping[tuple[str, str], SecretWish],
    discovered: Mapping[str, Discovered],
) -> None:
    """Add, change, open and close providers.

    :param discovered: what new issuers say of themselves, asked before the transaction.
    :raises ServiceError: with the place in the file.
    """
    services = work.services.idp
    standing = {each.name: each for each in list_providers(work.session, services=services, open_only=False)}
    for name, entry in entries.items():
        with work.at(PROVIDERS, name):
            wish, given = secrets.get((PROVIDERS, name), _NO_SECRET), CLIENT_SECRET in entry
            before = standing.pop(name, None)
            if wish.word == KEPT and not (before and before.secret):
                raise work.wrong(f"{CLIENT_SECRET}: there is nothing to keep; say where it stands")
            if before is None:
                _add_provider(work, name, entry, wish, discovered)
            else:
                wanted = replace(described(work.session, before), secret=wish.given, **_provider_members(entry))
                if wanted.ruc != find_institution(work.session, before.institution_id).ruc:
                    raise work.wrong("institution: that of a provider stays")
                if entry.get("issuer", before.discovered.issuer) != before.discovered.issuer:
                    raise work.wrong("issuer: that of a provider stays")
                by_key = entry[CLIENT_SECRET] is None if given else not before.secret
                if wish.given and wish.given.reveal() == before.secret.reveal():
                    wanted = replace(wanted, secret=None)
                if _differs(work, before, wanted) or by_key == bool(before.secret):
                    change_provider(
                        work.session,
                        services=services,
                        provider_id=before.id,
                        wanted=wanted,
                        by_key=by_key,
                        discovered=before.discovered,
                        seen_sha256=provider_digest(before),
                        actor=work.actor,
                        now=work.now,
                    )
                if wanted.secret and before.secret:
                    work.hidden.append((PROVIDERS, name, CLIENT_SECRET))
                if entry.get("active") is True and not before.active:
                    _provider_active(work, name, active=True)
            if entry.get("active") is False and (before is None or before.active):
                work.close_later((PROVIDERS, name), partial(_provider_active, work, name, active=False))
    for name, left in standing.items() if work.prune else ():
        if left.active:
            work.close_later((PROVIDERS, name), partial(_provider_active, work, name, active=False))


def new_issuers(session: Session, entries: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the issuers of providers that do not stand yet, by name: to be asked before the transaction."""
    known = set(session.scalars(select(UpstreamProviderRow.name)))
    return {name: entry["issuer"] for name, entry in entries.items() if name not in known and entry.get("issuer")}


def _settle_directory(
    work: Work, name: str, before: Directory | None, entry: Mapping[str, Any], wish: SecretWish
) -> None:
    if wish.word == KEPT and not (before and before.password):
        raise work.wrong(f"{PASSWORD}: there is nothing to keep; say where it stands")
    wanted = _wanted_directory(work, name, before, entry, wish)
    services: Any = {"services": work.services.idp}
    by: Any = {"actor": work.actor, "now": work.now}
    if before is None:
        made, _institution_id = directory_wanted(work.services.idp, work.session, wanted)
        add_directory(work.session, **services, directory=made, **by)
        return
    after = redescribe(work.services.idp, work.session, before=before, wanted=wanted)
    change_directory(work.session, **services, before=before, after=after, **by)
    if wish.given and before.password and wish.given.reveal() != before.password.reveal():
        work.hidden.append((DIRECTORIES, name, PASSWORD))
    if entry.get("active") is True and not before.active:
        _directory_active(work, name, active=True)


def _wanted_directory(
    work: Work, name: str, before: Directory | None, entry: Mapping[str, Any], wish: SecretWish
) -> Wanted:
    """Return the directory as the file describes it, over what stands."""
    kind = entry.get("kind", "ldap")
    if kind not in KINDS:
        raise work.wrong(f"kind: one of {', '.join(KINDS)}")
    rucs = {each.id: each.ruc for each in list_institutions(work.session)}
    told: dict[str, Any] = {}
    if before is not None:
        row = work.session.scalars(select(DirectoryRow).where(DirectoryRow.id == before.id)).one()
        told = _directory(row, rucs)
        told.pop(PASSWORD, None)
    told |= {
        member: value for member, value in entry.items() if member not in ("kind", "active", PASSWORD, groups.MEMBER)
    }
    for member in ("institution", "search_base"):
        if not told.get(member):
            raise work.wrong(f"{member}: a directory has one")
    attributes = told.get("attributes") or {}
    if not isinstance(attributes, dict) or not all(isinstance(each, str) for each in attributes.values()):
        raise work.wrong("attributes: a mapping of texts")
    file = told.get("bind_password_file") or ""
    return Wanted(
        name=name,
        ruc=told["institution"],
        domains=told.get("domains") or (),
        urls=told.get("servers") or (),
        kind=kind,
        search_base=told["search_base"],
        username_filter=told.get("username_filter") or "",
        cedula_filter=told.get("cedula_filter") or "",
        attributes=attributes,
        ca_pem=told.get("ca") or "",
        bind_dn=told.get("bind_dn") or "",
        password=wish.given,
        password_file=File(file) if file and not wish.given else None,
        bind_template=told.get("bind_template") or "",
        creates_people=told.get("creates_people", False),
        level=told.get("level", 1),
        asked_by_cedula=told.get("asked_by_cedula", False),
        nested_groups=told.get("nested_groups", 0),
    )


def _add_provider(
    work: Work, name: str, entry: Mapping[str, Any], wish: SecretWish, discovered: Mapping[str, Discovered]
) -> None:
    for member in ("institution", "issuer", "client_id"):
        if not entry.get(member):
            raise work.wrong(f"{member}: a new provider has one")
    if name not in discovered:
        raise Conflict("It was changed meanwhile; try again.", code="configuration_changed")
    members = _provider_members(entry)
    plain = WantedProvider(name=name, title="", ruc="", issuer="", client_id="", secret=wish.given, strengths={})
    add_provider(
        work.session,
        services=work.services.idp,
        wanted=replace(plain, issuer=entry["issuer"], **members),
        discovered=discovered[name],
        actor=work.actor,
        now=work.now,
    )


def _differs(work: Work, before: Provider, wanted: WantedProvider) -> bool:
    as_it_is = described_columns(described(work.session, before), title_otherwise=before.title)
    return wanted.secret is not None or described_columns(wanted, title_otherwise=before.title) != as_it_is


def _provider_members(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry says as members of :class:`WantedProvider`."""
    called = {"institution": "ruc"}
    left_out = ("active", "issuer", CLIENT_SECRET, groups.MEMBER)
    found = {called.get(member, member): value for member, value in entry.items() if member not in left_out}
    with suppress(KeyError):
        found["strengths"] = found["strengths"] or {}
    return {member: value for member, value in found.items() if value is not None}


def _directory_active(work: Work, name: str, *, active: bool) -> None:
    _switch(work, set_directory_active, name, active)


def _provider_active(work: Work, name: str, *, active: bool) -> None:
    _switch(work, set_provider_active, name, active)


def _switch(work: Work, switch: Callable[..., object], name: str, active: bool) -> None:
    switch(work.session, services=work.services.idp, name=name, active=active, actor=work.actor, now=work.now)


def _directory(row: DirectoryRow, rucs: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "active": row.active,
        "institution": rucs.get(row.institution_id),
        "domains": sorted(row.domains),
        "servers": list(row.urls),
        "search_base": row.search_base,
        "username_filter": row.username_filter,
        "cedula_filter": row.cedula_filter,
        "attributes": dict(sorted(row.attributes.items())),
        "creates_people": row.creates_people,
        "level": row.level,
        "asked_by_cedula": row.asked_by_cedula,
        "nested_groups": row.nested_groups,
    }
    more = {
        "ca": row.ca_pem,
        "bind_dn": row.bind_dn,
        PASSWORD: KEPT if row.sealed_password else None,
        "bind_password_file": row.bind_file,
        "bind_template": row.bind_template,
    }
    return told | {name: value for name, value in more.items() if value}


def _provider(row: UpstreamProviderRow, rucs: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "active": row.active,
        "institution": rucs.get(row.institution_id),
        "title": row.title,
        "issuer": row.issuer,
        "client_id": row.client_id,
        "scopes": list(extra_scopes(row.scope)),
        "domains": sorted(row.domains),
        "strengths": strength_words(row.strengths),
        "level": row.level,
        "creates_people": row.creates_people,
        "logs_out_there": row.logs_out_there,
    }
    more = {
        CLIENT_SECRET: KEPT if row.sealed_secret else None,
        "cedula_claim": row.cedula_claim,
        "groups_claim": row.groups_claim,
    }
    return told | {name: value for name, value in more.items() if value}
