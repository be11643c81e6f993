"""``sau est credential …`` and ``sau cmp credential …``: what an operator gives an institution for its machines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from ca.command_line.requests import actor_of_command, parse_fields
from ca.enrolment.credential import (
    Credential,
    Protocol,
    create_credential,
    list_credentials,
    revoke_credential,
)
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records

Load = Callable[[], CaServices]


def credential_group(load: Load, protocol: Protocol) -> click.Group:
    """Return the group ``credential`` of one protocol."""

    @click.group()
    def credential() -> None:
        """Enrolment credentials: a public reference and a secret that is shown once."""

    @credential.command()
    @click.option("--institution", "ruc", required=True, metavar="RUC", help="The institution that it is for.")
    @click.option("--profile", required=True, help="Kind of certificate: see `sau ca profile list`.")
    @click.option("--names", default="", help="The only DNS names that it may ask for, with commas between.")
    @click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field of the profile.")
    @click.option("--uses", type=int, default=1, show_default=True, help="How many certificates.")
    @click.option("--expires", "days", type=int, default=30, show_default=True, help="Days until it expires.")
    @click.option("--dry-run", is_flag=True, help="Check it, and make nothing.")
    @json_option
    def add(
        ruc: str, profile: str, names: str, fields: tuple[str, ...], uses: int, days: int, dry_run: bool, as_json: bool
    ) -> None:
        """Make a credential; its secret is printed once."""
        services = load()
        with services.database.transaction() as session:
            made, secret = create_credential(
                session,
                services=services,
                protocol=protocol,
                profile=profile,
                institution_ruc=ruc,
                names=[name.strip() for name in names.split(",") if name.strip()],
                inputs=parse_fields(fields),
                uses=uses,
                lifetime=timedelta(days=days),
                actor=actor_of_command(),
                now=services.clock.now(),
            )
            if dry_run:
                session.rollback()
        record = _record(made)
        if dry_run:
            print_record({name: value for name, value in record.items() if name != "id"}, as_json=as_json)
        else:
            print_record({**record, "secret": secret.reveal()}, as_json=as_json)

    @credential.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List the credentials, newest first; secrets are not shown again."""
        services = load()
        with services.database.reading() as session:
            found = list_credentials(session, protocol=protocol)
        print_records([_record(item) for item in found], as_json=as_json, empty="There is none.")

    @credential.command()
    @click.argument("credential_id", metavar="ID")
    @json_option
    def revoke(credential_id: str, as_json: bool) -> None:
        """End a credential; certificates that it brought stay."""
        services = load()
        with services.database.transaction() as session:
            ended = revoke_credential(
                session,
                services=services,
                credential_id=credential_id,
                actor=actor_of_command(),
                now=services.clock.now(),
            )
        print_record(_record(ended), as_json=as_json)

    return credential


def _record(credential: Credential) -> dict[str, Any]:
    return {
        "id": credential.id,
        "protocol": credential.protocol.value,
        "institution": credential.institution_ruc,
        "profile": credential.profile,
        "names": list(credential.names),
        "uses_left": credential.uses_left,
        "created_by": credential.created_by,
        "expires_at": credential.expires_at,
        "revoked_at": credential.revoked_at,
    }
