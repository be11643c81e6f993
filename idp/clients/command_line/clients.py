"""``sau client``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from idp.clients.auth_method import AuthMethod
from idp.clients.change import replace_registration
from idp.clients.client import Client, find_client, list_clients
from idp.clients.client_secret import rotate_secret
from idp.clients.command_line.keys import key_commands
from idp.clients.command_line.policies import policy_commands
from idp.clients.command_line.registration_file import read_json_object
from idp.clients.command_line.tokens import token_commands
from idp.clients.policy import POLICIES
from idp.clients.register import disable_client, enable_client, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.clients.registration.sector import require_sector
from idp.deliveries.names import behind_told_name
from idp.directory.institutions import find_institution_by_ruc
from idp.services import IdpServices
from kernel.command_line import json_option, print_changes, print_record, print_records
from kernel.errors import Rejected

_ACTOR = "command"
_METHODS = [method.value for method in AuthMethod if method is not AuthMethod.IN_PROCESS]


def client_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``client``."""

    @click.group()
    def client() -> None:
        """Applications that people log in to."""

    @client.command()
    @click.option("--name", help="What people read on the consent page.")
    @click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where answers go; may be repeated.")
    @click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Where logout ends.")
    @click.option("--institution", "ruc", help="RUC of the institution that answers for it.")
    @click.option("--policy", type=click.Choice(list(POLICIES)), help="Its rules; see client policy list.")
    @click.option("--auth-method", type=click.Choice(_METHODS), help="Default: client_secret_basic.")
    @click.option("--public", is_flag=True, help="A browser or mobile application: same as --auth-method none.")
    @click.option("--native", is_flag=True, help="Runs on the person's device: the port of a loopback URI may vary.")
    @click.option("--scope", help="What it may ask for, e.g. 'openid profile cedula'.")
    @click.option("--optional-scope", help="The part of --scope that people may leave out.")
    @click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="RFC 7591 metadata, JSON.")
    @json_option
    def add(
        name: str | None,
        redirect_uris: tuple[str, ...],
        post_logout_redirect_uris: tuple[str, ...],
        ruc: str | None,
        policy: str | None,
        auth_method: str | None,
        public: bool,
        native: bool,
        scope: str | None,
        optional_scope: str | None,
        file: Path | None,
        as_json: bool,
    ) -> None:
        """Register an application; its secret is printed once."""
        metadata = read_json_object(file) if file else {}
        if public and auth_method not in (None, "none"):
            raise Rejected("--public and --auth-method contradict each other.", code="bad_client_metadata")
        chosen = {
            "client_name": name,
            "policy": policy,
            "redirect_uris": list(redirect_uris) or None,
            "post_logout_redirect_uris": list(post_logout_redirect_uris) or None,
            "token_endpoint_auth_method": "none" if public else auth_method,
            "application_type": "native" if native else None,
            "scope": scope,
            "optional_scope": optional_scope,
        }
        metadata |= {field: value for field, value in chosen.items() if value is not None}
        if "offline_access" in str(metadata.get("scope", "")).split() and "grant_types" not in metadata:
            metadata["grant_types"] = ["authorization_code", "refresh_token"]
        registration = ClientRegistration.parse(metadata)
        services = load()
        require_sector(services, registration)
        with services.database.transaction() as session:
            registered = register_client(
                session,
                journal=services.journal,
                registration=registration,
                sealing_secret=services.sealing_secret,
                institution_id=find_institution_by_ruc(session, ruc).id if ruc else None,
                now=services.clock.now(),
            )
        record = {"client_id": registered.client.client_id}
        if registered.secret:
            record["client_secret"] = registered.secret.reveal()
        print_record(record, as_json=as_json)

    @client.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List applications by name."""
        with load().database.reading() as session:
            records = [
                {
                    "client_id": item.client_id,
                    "name": item.name,
                    "policy": item.policy.name,
                    "auth_method": item.auth_method.value,
                    "active": item.active,
                }
                for item in list_clients(session)
            ]
        print_records(records, as_json=as_json)

    @client.command()
    @click.argument("client_id")
    @json_option
    def show(client_id: str, as_json: bool) -> None:
        """Show what an application registered."""
        with load().database.reading() as session:
            print_record(_record(find_client(session, client_id)), as_json=as_json)

    @client.command("told")
    @click.argument("client_id")
    @click.argument("name")
    @json_option
    def told_(client_id: str, name: str, as_json: bool) -> None:
        """Show which record of ours an application means by NAME: the txn or jti of an event or logout token."""
        print_record({"client_id": client_id, "id": behind_told_name(load(), client_id, name)}, as_json=as_json)

    @client.command("rotate-secret")
    @click.argument("client_id")
    @json_option
    def rotate_secret_(client_id: str, as_json: bool) -> None:
        """Make a new secret; the one before stays valid for seven days."""
        services = load()
        with services.database.transaction() as session:
            secret = rotate_secret(
                session,
                journal=services.journal,
                client=find_client(session, client_id),
                sealing_secret=services.sealing_secret,
                now=services.clock.now(),
            )
        print_record({"client_id": client_id, "client_secret": secret.reveal()}, as_json=as_json)

    @client.command()
    @click.argument("client_id")
    @click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="JSON.")
    @click.option("--dry-run", is_flag=True, help="Look at everything, show what would differ and change nothing.")
    @json_option
    def update(client_id: str, file: Path, dry_run: bool, as_json: bool) -> None:
        """Change members of the registration: those in FILE replace theirs, null removes one, the rest stays."""
        services, change = load(), read_json_object(file)
        with services.database.reading() as session:
            registered = registration_document(find_client(session, client_id))
        registration = ClientRegistration.parse(registered | change)
        require_sector(services, registration)
        with services.database.transaction() as session:
            changed = replace_registration(
                session,
                journal=services.journal,
                client_id=client_id,
                registration=registration,
                sealing_secret=services.sealing_secret,
                actor=_ACTOR,
                now=services.clock.now(),
            )
            if dry_run:
                session.rollback()
        if as_json:
            print_record(_record(changed), as_json=True)
        else:
            print_changes(_differing(registered, registration_document(changed)))

    @client.command()
    @click.argument("client_id")
    @json_option
    def enable(client_id: str, as_json: bool) -> None:
        """Open a closed application again."""
        services = load()
        with services.database.transaction() as session:
            opened = enable_client(
                session, journal=services.journal, client_id=client_id, actor=_ACTOR, now=services.clock.now()
            )
        print_record(_record(opened), as_json=as_json)

    @client.command()
    @click.argument("client_id")
    @json_option
    def disable(client_id: str, as_json: bool) -> None:
        """Close an application: no login, and its tokens end."""
        services = load()
        with services.database.transaction() as session:
            closed = disable_client(session, journal=services.journal, client_id=client_id, now=services.clock.now())
        print_record(_record(closed), as_json=as_json)

    for group in (policy_commands(), token_commands(load), key_commands(load)):
        client.add_command(group)
    return client


def _record(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "active": client.active,
        "institution_id": client.institution_id,
        "version": client.version,
        **registration_document(client),
    }


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the members that differ, each before and after as JSON writes them."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return [(name, _json(before.get(name)), _json(after.get(name))) for name in names]


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
