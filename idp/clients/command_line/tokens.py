"""``sau client token``: permissions to register applications without an administrator at hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from idp.clients.dynamic.initial_access import (
    InitialAccess,
    issue_initial_access_token,
    list_initial_access,
    revoke_initial_access,
)
from idp.clients.policy import POLICIES
from idp.directory.institutions import find_institution_by_ruc
from idp.protocol.scope import USUAL_SCOPES
from idp.services import IdpServices
from kernel.command_line import json_option, print_record, print_records

_ACTOR = "command"


def token_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``token``."""

    @click.group()
    def token() -> None:
        """Initial access tokens, with which applications register themselves (RFC 7591)."""

    @token.command()
    @click.option("--policy", type=click.Choice(list(POLICIES)), required=True, help="What they must keep to.")
    @click.option("--institution", "ruc", help="RUC of the institution that answers for them; a CSR needs one.")
    @click.option("--scope", help=f"The most that they may ask for; default '{' '.join(USUAL_SCOPES)}'.")
    @click.option("--resource", "resources", multiple=True, help="An API that they may call; may be repeated.")
    @click.option("--uses", type=int, default=1, show_default=True, help="How many applications.")
    @click.option("--days", type=int, default=7, show_default=True, help="Until it expires.")
    @json_option
    def issue(
        policy: str, ruc: str | None, scope: str | None, resources: tuple[str, ...], uses: int, days: int, as_json: bool
    ) -> None:
        """Make a token; it is printed once."""
        services = load()
        with services.database.transaction() as session:
            access, secret = issue_initial_access_token(
                session,
                journal=services.journal,
                policy=policy,
                institution_id=find_institution_by_ruc(session, ruc).id if ruc else None,
                scopes=USUAL_SCOPES if scope is None else tuple(scope.split()),
                resources=resources,
                uses=uses,
                lifetime=timedelta(days=days),
                actor=_ACTOR,
                now=services.clock.now(),
            )
        print_record({**_record(access), "initial_access_token": secret.reveal()}, as_json=as_json)

    @token.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List the tokens that were made, newest first."""
        with load().database.reading() as session:
            records = [_record(access) for access in list_initial_access(session)]
        print_records(records, as_json=as_json)

    @token.command()
    @click.argument("token_id")
    @json_option
    def revoke(token_id: str, as_json: bool) -> None:
        """End a token; the applications that it registered stay."""
        services = load()
        with services.database.transaction() as session:
            access = revoke_initial_access(
                session, journal=services.journal, access_id=token_id, actor=_ACTOR, now=services.clock.now()
            )
        print_record(_record(access), as_json=as_json)

    return token


def _record(access: InitialAccess) -> dict[str, Any]:
    return {
        "id": access.id,
        "policy": access.policy.name,
        "institution_id": access.institution_id,
        "scopes": list(access.scopes),
        "resources": list(access.resources),
        "uses_left": access.uses_left,
        "expires_at": access.expires_at,
        "revoked": access.revoked_at is not None,
    }
