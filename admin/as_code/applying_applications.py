"""Applications become what a configuration says, by the use cases of registration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sqlalchemy.orm import Session

from admin.as_code.applications import (
    CLIENT_SECRET,
    EVENT_AUTHORIZATION,
    KEPT,
    PLACES,
    SECRETS,
    SECTION,
    configurable_clients,
    registered,
)
from admin.as_code.configuration import Configuration
from admin.as_code.secret_given import SecretWish
from admin.as_code.work import Work
from idp.clients.auth_method import SECRET_METHODS
from idp.clients.change import replace_registration
from idp.clients.client import Client, find_client, is_client_id, is_registered
from idp.clients.client_secret import has_valid_secret, is_valid_secret, rotate_secret
from idp.clients.environment import Environment
from idp.clients.event_authorization import find_event_authorization
from idp.clients.register import (
    disable_client,
    enable_client,
    place_client,
    register_client,
    registered_columns,
    require_declared_scopes,
)
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import find_institution, find_institution_by_ruc
from kernel.errors import Conflict

_NO_SECRET = SecretWish()


def apply_applications(work: Work, configuration: Configuration) -> None:
    """Register, change, open and close what the file says. Those that stand come before new ones that call them.

    :raises ServiceError: with the place in the file.
    """
    entries = configuration.sections[SECTION]
    standing = {client.client_id: client for client in configurable_clients(work.session)}
    changed: dict[str, ClientRegistration] = {}
    for client_id, entry in entries.items():
        if client_id in standing:
            with work.at(SECTION, client_id):
                if registration := _change(work, standing[client_id], entry, configuration):
                    changed[client_id] = registration
    for client_id in _new_in_order(work, entries, standing):
        with work.at(SECTION, client_id):
            _register(work, client_id, entries[client_id], configuration)
    for client_id, registration in changed.items():  # its APIs may have come only now
        with work.at(SECTION, client_id):
            require_declared_scopes(work.session, registration)
    closing = [each for each in standing if each not in entries] if work.prune else []
    closing += [client_id for client_id, entry in entries.items() if entry.get("active") is False]
    for client_id in closing:
        if client_id not in standing or standing[client_id].active:
            work.close_later((SECTION, client_id), partial(_close, work, client_id))


def changed_registrations(session: Session, configuration: Configuration) -> Iterable[tuple[str, ClientRegistration]]:
    """Give what the file would register anew, by client_id: what has to be looked at before the transaction.

    :raises Rejected: with the place in the file.
    """
    standing = {client.client_id: client for client in configurable_clients(session)}
    for client_id, entry in configuration.sections.get(SECTION, {}).items():
        before = registered(standing[client_id]) if client_id in standing else {}
        wanted = {**before, **_metadata(entry)}
        if wanted != before:
            yield client_id, ClientRegistration.parse(wanted)


def _register(work: Work, client_id: str, entry: Mapping[str, Any], configuration: Configuration) -> None:
    if is_registered(work.session, client_id):
        raise work.wrong("it registered itself, gave its registration up, or is our own console; no file changes it")
    if not is_client_id(client_id):
        raise work.wrong("a client_id has 1 to 64 printable characters")
    secret = configuration.secrets.get((client_id, CLIENT_SECRET), _NO_SECRET)
    registration = _parse(work, client_id, _metadata(entry), configuration)
    if secret.word == KEPT:
        raise work.wrong(f"{CLIENT_SECRET}: there is nothing to keep yet; say 'new', or where it stands")
    if secret != _NO_SECRET and registration.auth_method not in SECRET_METHODS:
        raise work.wrong(f"{CLIENT_SECRET}: it does not authenticate with one")
    register_client(
        work.session,
        journal=work.journal,
        registration=registration,
        sealing_secret=work.services.idp.sealing_secret,
        institution_id=_institution_id(work, entry.get("institution")),
        client_id=client_id,
        environment=_environment(work, entry) or Environment.PRODUCTION,
        secret=secret.given,
        actor=work.actor,
        now=work.now,
    )


def _change(
    work: Work, before: Client, entry: Mapping[str, Any], configuration: Configuration
) -> ClientRegistration | None:
    """Change what stands; return what was registered anew, if anything was."""
    at = {"session": work.session, "journal": work.journal, "client_id": before.client_id}
    by: dict[str, Any] = {**at, "actor": work.actor, "now": work.now}
    _place(work, before, entry, by)
    if entry.get("active") is True and not before.active:
        enable_client(**by)
    wanted = {**(document := registered(before)), **_metadata(entry)}
    authorization = configuration.secrets.get((before.client_id, EVENT_AUTHORIZATION), _NO_SECRET)
    no_authorization = EVENT_AUTHORIZATION in entry and entry[EVENT_AUTHORIZATION] is None
    sealing_secret = work.services.idp.sealing_secret
    held = find_event_authorization(work.session, client_id=before.client_id, sealing_secret=sealing_secret)
    registration = None
    gone = no_authorization and held is not None
    if wanted != document or gone or (authorization.given and held != authorization.given):
        registration = _parse(work, before.client_id, wanted, configuration, held=held is not None)
        if gone or authorization.given or _columns(registration) != _columns(ClientRegistration.parse(document)):
            replace_registration(**by, registration=registration, sealing_secret=sealing_secret)
            if held is not None and authorization.given:
                work.hidden.append((SECTION, before.client_id, EVENT_AUTHORIZATION))
        else:
            registration = None
    elif authorization.word == KEPT and held is None:
        raise work.wrong(f"{EVENT_AUTHORIZATION}: there is nothing to keep; say where it stands")
    _settle_secret(work, before.client_id, configuration)
    return registration


def _settle_secret(work: Work, client_id: str, configuration: Configuration) -> None:
    """Let the client have the secret that the file names; one that had none gets one."""
    client, wish = find_client(work.session, client_id), configuration.secrets.get((client_id, CLIENT_SECRET))
    if client.auth_method not in SECRET_METHODS:
        if wish is not None:
            raise work.wrong(f"{CLIENT_SECRET}: it does not authenticate with one")
        return
    has_one = has_valid_secret(work.session, client_id=client_id, now=work.now)
    if wish is not None and wish.word == KEPT and not has_one:
        raise work.wrong(f"{CLIENT_SECRET}: there is nothing to keep; say 'new', or where it stands")
    given = wish.given if wish else None
    if given:
        settled = is_valid_secret(work.session, client_id=client_id, presented=given.reveal(), now=work.now)
    else:
        settled = has_one
    if settled:
        return
    rotate_secret(
        work.session,
        journal=work.journal,
        client=client,
        sealing_secret=work.services.idp.sealing_secret,
        given=given,
        actor=work.actor,
        now=work.now,
    )
    if has_one:
        work.hidden.append((SECTION, client_id, CLIENT_SECRET))


def _place(work: Work, before: Client, entry: Mapping[str, Any], by: dict[str, Any]) -> None:
    environment = _environment(work, entry) or before.environment
    if (before.environment, environment) == (Environment.SANDBOX, Environment.PRODUCTION) and not work.approver:
        raise work.wrong(
            "environment: from the sandbox to production by a second person, at the console or by --approved-by ACCOUNT"
        )
    institution_id = before.institution_id
    if "institution" in entry:
        held = find_institution(work.session, institution_id).ruc if institution_id else None
        if entry["institution"] != held:
            institution_id = _institution_id(work, entry["institution"])
    if (environment, institution_id) != (before.environment, before.institution_id):
        place_client(**by, environment=environment, institution_id=institution_id)


def _close(work: Work, client_id: str) -> None:
    disable_client(work.session, journal=work.journal, client_id=client_id, actor=work.actor, now=work.now)


def _parse(
    work: Work, client_id: str, metadata: dict[str, Any], configuration: Configuration, *, held: bool = False
) -> ClientRegistration:
    """Return the registration with its credential for events; its sector was looked at before."""
    wish = configuration.secrets.get((client_id, EVENT_AUTHORIZATION), _NO_SECRET)
    if wish.word == KEPT and not held:
        raise work.wrong(f"{EVENT_AUTHORIZATION}: there is nothing to keep; say where it stands")
    credential: dict[str, Any] = {EVENT_AUTHORIZATION: wish.given.reveal()} if wish.given else {}
    entry = configuration.sections[SECTION][client_id]
    if EVENT_AUTHORIZATION in entry and entry[EVENT_AUTHORIZATION] is None:
        credential = {EVENT_AUTHORIZATION: ""}
    registration = ClientRegistration.parse(metadata | credential)
    sector = registration.metadata.sector_identifier_uri
    if sector and (sector, registration.redirect_uris) not in work.checked_sectors:
        unchanged = is_registered(work.session, client_id) and sector_of(find_client(work.session, client_id)) == (
            sector,
            registration.redirect_uris,
        )
        if not unchanged:
            raise Conflict("It was changed meanwhile; try again.", code="configuration_changed")
    return registration


def sector_of(client: Client) -> tuple[str | None, tuple[str, ...]]:
    """Return the client's sector and the redirect URIs that it was checked for."""
    return client.metadata.sector_identifier_uri, client.redirect_uris


def _new_in_order(work: Work, entries: Mapping[str, Mapping[str, Any]], standing: Mapping[str, Client]) -> list[str]:
    """Return the new ones, APIs before those that call them. :raises Rejected: they call each other."""
    new = {client_id: entry for client_id, entry in entries.items() if client_id not in standing}
    by_resource = {entry.get("resource"): client_id for client_id, entry in new.items() if entry.get("resource")}
    calls = {
        client_id: [by_resource[each] for each in _texts(entry.get("resources")) if each in by_resource]
        for client_id, entry in new.items()
    }
    try:
        return list(
            TopologicalSorter({each: [one for one in of if one != each] for each, of in calls.items()}).static_order()
        )
    except CycleError as error:
        with work.at(SECTION, error.args[1][0]):
            raise work.wrong("resources: new APIs that call each other come in two steps") from error


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _metadata(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in PLACES and name not in SECRETS}


def _columns(registration: ClientRegistration) -> dict[str, Any]:
    return registered_columns(registration)


def _environment(work: Work, entry: Mapping[str, Any]) -> Environment | None:
    value = entry.get("environment")
    if value is not None and value not in set(Environment):
        raise work.wrong(f"environment: one of {', '.join(Environment)}")
    return Environment(value) if value is not None else None


def _institution_id(work: Work, ruc: str | None) -> str | None:
    return find_institution_by_ruc(work.session, ruc).id if ruc else None
