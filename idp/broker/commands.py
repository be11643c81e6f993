"""``sau provider``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from idp.broker.change import change_provider, described, provider_digest
from idp.broker.logout_there import return_address
from idp.broker.provider import Provider
from idp.broker.register import (
    WantedProvider,
    add_provider,
    discover,
    find_provider,
    list_providers,
    map_claimed_group,
    set_provider_active,
)
from idp.rights.groups.mapping import list_group_roles
from idp.services import IdpServices
from kernel.command_line import json_option, print_changes, print_record, print_records
from kernel.errors import Rejected
from kernel.secret_text import SecretText

Load = Callable[[], IdpServices]
_ACTOR = "command"


def provider_commands(load: Load) -> click.Group:
    """Return the group ``provider``."""

    @click.group()
    def provider() -> None:
        """Other OpenID Providers (an institution's Keycloak or Entra) through which people sign in here."""

    @provider.command()
    @click.argument("name")
    @click.option("--ruc", required=True, help="The institution.")
    @click.option("--issuer", required=True, help="As its discovery document says it.")
    @click.option("--client-id", required=True, help="What this service is called there.")
    @click.option("--secret-stdin", is_flag=True, help="Read our secret there from standard input; it is sealed.")
    @click.option("--private-key-jwt", is_flag=True, help="Or prove who we are by the key at our /jwks.")
    @click.option("--title", default="", help="What people read; none: the institution's name.")
    @click.option("--scope", "scopes", multiple=True, help="Ask for this too, e.g. for the cédula; repeatable.")
    @click.option("--domain", "domains", multiple=True, help="Of its mail addresses, to be found by; may be repeated.")
    @click.option("--cedula-claim", default="", help="The claim whose cédula it has verified; none: none is believed.")
    @click.option("--strength", "strengths", multiple=True, help="ACR_OR_AMR=2fa: what its word is worth; repeatable.")
    @click.option("--level", type=click.IntRange(1, 2), default=1, show_default=True, help="What it vouches for.")
    @click.option("--create-people", is_flag=True, help="Whoever has no account gets one; needs --cedula-claim.")
    @click.option("--groups-claim", default="", help="The claim with groups or roles, e.g. realm_access.roles.")
    @click.option("--logout-there", "logs_out_there", is_flag=True, help="A logout here goes on to its own.")
    @click.option("--dry-run", is_flag=True, help="Look at everything and add nothing.")
    @json_option
    def add(
        secret_stdin: bool,
        private_key_jwt: bool,
        strengths: tuple[str, ...],
        create_people: bool,
        dry_run: bool,
        as_json: bool,
        **texts: Any,
    ) -> None:
        """Add a provider from its discovery document."""
        if secret_stdin == private_key_jwt:
            raise Rejected("Give a secret, or --private-key-jwt.", code="bad_provider")
        services = load()
        wanted = WantedProvider(
            secret=SecretText(sys.stdin.readline().rstrip("\r\n")) if secret_stdin else None,
            strengths=dict(_pair(each) for each in strengths),
            creates_people=create_people,
            **texts,
        )
        discovered = discover(services, wanted.issuer)
        with services.database.transaction() as session:
            made = add_provider(
                session, services=services, wanted=wanted, discovered=discovered, now=services.clock.now()
            )
            if dry_run:
                session.rollback()
        record = _record(made, services)
        print_record(record, as_json=as_json)

    _changing_commands(provider, load)

    @provider.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List providers."""
        services = load()
        with services.database.reading() as session:
            found = list_providers(session, services=services, open_only=False)
        records = [
            {"name": each.name, "title": each.title, "issuer": each.discovered.issuer, "active": each.active}
            for each in found
        ]
        print_records(records, as_json=as_json)

    @provider.command()
    @click.argument("name")
    @json_option
    def show(name: str, as_json: bool) -> None:
        """Show a provider, without its secret."""
        services = load()
        with services.database.reading() as session:
            found = find_provider(session, services=services, name=name, open_only=False)
            lines = list_group_roles(session, source_id=found.id)
        groups = [f"{line.group} → {line.role.name} ({line.role.client_id})" for line in lines]
        print_record({**_record(found, services), "groups": groups}, as_json=as_json)

    @provider.command()
    @click.argument("name")
    @json_option
    def disable(name: str, as_json: bool) -> None:
        """Let nobody in through a provider any more."""
        _set_active(load, name, False, as_json)

    @provider.command()
    @click.argument("name")
    @json_option
    def enable(name: str, as_json: bool) -> None:
        """Open a provider again."""
        _set_active(load, name, True, as_json)

    return provider


def _changing_commands(group: click.Group, load: Load) -> None:
    @group.command()
    @click.argument("name")
    @click.option("--title", default=None, help="What people read.")
    @click.option("--client-id", default=None, help="What this service is called there.")
    @click.option("--secret-stdin", is_flag=True, help="Read our new secret there from standard input; it is sealed.")
    @click.option("--private-key-jwt", is_flag=True, help="From now on the key at our /jwks proves who we are.")
    @click.option("--scope", "scopes", multiple=True, help="Those named are all that is asked for beside the usual.")
    @click.option("--domain", "domains", multiple=True, help="Those named are all by which it is found.")
    @click.option("--cedula-claim", default=None, help="The claim whose cédula it has verified; empty: none.")
    @click.option("--groups-claim", default=None, help="The claim with groups or roles; empty: none is read any more.")
    @click.option("--logout-there/--no-logout-there", "logs_out_there", default=None, help="Whether a logout goes on.")
    @click.option("--strength", "strengths", multiple=True, help="ACR_OR_AMR=2fa; those named are all that count.")
    @click.option("--level", type=click.IntRange(1, 2), default=None, help="What it vouches for.")
    @click.option("--create-people/--no-create-people", "creates_people", default=None, help="Who has no account.")
    @click.option("--dry-run", is_flag=True, help="Look at everything and change nothing.")
    @json_option
    def change(
        name: str,
        title: str | None,
        client_id: str | None,
        secret_stdin: bool,
        private_key_jwt: bool,
        scopes: tuple[str, ...],
        domains: tuple[str, ...],
        cedula_claim: str | None,
        groups_claim: str | None,
        logs_out_there: bool | None,
        strengths: tuple[str, ...],
        level: int | None,
        creates_people: bool | None,
        dry_run: bool,
        as_json: bool,
    ) -> None:
        """Read a provider's discovery document again, and change what is named."""
        if secret_stdin and private_key_jwt:
            raise Rejected("Give a secret, or --private-key-jwt.", code="bad_provider")
        services = load()
        with services.database.reading() as session:
            before = find_provider(session, services=services, name=name, open_only=False)
            stands = described(session, before)
        named: dict[str, Any] = {
            "groups_claim": groups_claim,
            "logs_out_there": logs_out_there,
            "strengths": dict(_pair(each) for each in strengths) or None,
            "title": title,
            "client_id": client_id,
            "scopes": scopes or None,
            "domains": domains or None,
            "cedula_claim": cedula_claim,
            "level": level,
            "creates_people": creates_people,
            "secret": SecretText(sys.stdin.readline().rstrip("\r\n")) if secret_stdin else None,
        }
        wanted = replace(stands, **{each: value for each, value in named.items() if value is not None})
        discovered = discover(services, before.discovered.issuer)
        with services.database.transaction() as session:
            changes = change_provider(
                session,
                services=services,
                provider_id=before.id,
                wanted=wanted,
                by_key=private_key_jwt or not (secret_stdin or before.secret),
                discovered=discovered,
                seen_sha256=provider_digest(before),
                actor=_ACTOR,
                now=services.clock.now(),
            )
            changed = find_provider(session, services=services, name=name, open_only=False)
            if dry_run:
                session.rollback()
        if as_json:
            print_record({**_record(changed, services), "changes": list(changes)}, as_json=True)
        else:
            print_changes([_parted(each) for each in changes])

    @group.command("map")
    @click.argument("name")
    @click.argument("value")
    @click.argument("role")
    @click.option("--client", "client_id", default="", help="The application; none: the only one with such a role.")
    @click.option("--remove", is_flag=True, help="Take the mapping away.")
    @json_option
    def map_(name: str, value: str, role: str, client_id: str, remove: bool, as_json: bool) -> None:
        """Say that whoever has a value in the claim of groups has a role of an application."""
        services = load()
        with services.database.transaction() as session:
            line = map_claimed_group(
                session,
                services=services,
                name=name,
                group=value,
                role=role,
                client_id=client_id,
                mapped=not remove,
                now=services.clock.now(),
            )
        record = {"provider": name, "group": line.group, "role": line.role.name, "client": line.role.client_id}
        print_record({**record, "mapped": not remove}, as_json=as_json)


def _parted(change: str) -> tuple[str, str, str]:
    """Return name, before and after; a secret, and what a provider says of itself, are only said to have changed."""
    name, _, values = change.partition(": ")
    before, joint, after = values.partition(" -> ")
    return (name, before, after) if joint else (name, "", "(changed)")


def _set_active(load: Load, name: str, active: bool, as_json: bool) -> None:
    services = load()
    with services.database.transaction() as session:
        changed = set_provider_active(session, services=services, name=name, active=active, now=services.clock.now())
    print_record(_record(changed, services), as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    value, separator, worth = text.rpartition("=")
    if not separator:
        raise Rejected("Write VALUE=2fa.", code="bad_strength")
    return value, worth


def _record(provider: Provider, services: IdpServices) -> dict[str, Any]:
    return {
        "name": provider.name,
        "title": provider.title,
        "issuer": provider.discovered.issuer,
        "client_id": provider.client_id,
        "authentication": "client_secret_basic" if provider.secret else "private_key_jwt",
        "redirect_uri": f"{services.settings.issuer}/broker/{provider.name}/callback",
        "backchannel_logout_uri": f"{services.settings.issuer}/broker/{provider.name}/logout",
        "post_logout_redirect_uri": return_address(services, provider),
        "logs_out_there": provider.logs_out_there,
        "userinfo": provider.discovered.endpoints.userinfo,
        "groups_claim": provider.groups_claim,
        "algorithms": list(provider.discovered.algorithms),
        "iss_in_answers": provider.discovered.names_itself,
        "scope": provider.scope,
        "domains": list(provider.domains),
        "cedula_claim": provider.cedula_claim,
        "strengths": dict(provider.strengths),
        "level": provider.level,
        "creates_people": provider.creates_people,
        "active": provider.active,
    }
