"""``sau keys``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy.orm import Session

from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.services import IdpServices
from idp.tokens.encryption_keys import list_encryption_keys, rotate_encryption_keys
from idp.tokens.key_emergency import revoke_signing_keys
from idp.tokens.key_rotation import list_signing_keys, rotate_signing_keys
from kernel.command_line import json_option, print_records
from kernel.errors import Rejected


def key_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``keys``."""

    @click.group()
    def keys() -> None:
        """Keys that sign tokens, and keys to which requests are encrypted."""

    @keys.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List the keys: next, active, retired, revoked."""
        services = load()
        with services.database.reading() as session:
            records = _records(session)
        placed = [record | {"place": services.keystore.place(str(record["kid"]))} for record in records]
        print_records(placed, as_json=as_json)

    @keys.command()
    @click.option("--algorithm", type=click.Choice(TOKEN_ALGORITHMS), help="Only the signing keys of this algorithm.")
    @click.option(
        "--emergency",
        is_flag=True,
        help="A signing key is lost or stolen: take it out of the key set now and refuse what it signed.",
    )
    @click.option(
        "--whole-store",
        is_flag=True,
        help="With --emergency: the whole key store was read. The next keys and the encryption keys are replaced too.",
    )
    @json_option
    def rotate(algorithm: str | None, emergency: bool, whole_store: bool, as_json: bool) -> None:
        """Let the published next keys take over now."""
        if whole_store and (algorithm or not emergency):
            raise Rejected("--whole-store goes with --emergency and without --algorithm.", code="bad_options")
        services = load()
        algorithms = (algorithm,) if algorithm else TOKEN_ALGORITHMS
        gone: list[str] = []
        with services.database.transaction() as session:
            now = services.clock.now()
            if emergency:
                gone = revoke_signing_keys(session, services, algorithms=algorithms, whole_store=whole_store, now=now)
            else:
                for item in algorithms:
                    rotate_signing_keys(session, services, algorithm=item, now=now)
                if algorithm is None:
                    rotate_encryption_keys(session, services, now=now)
        # After the commit: a key is destroyed only when nothing can name it any more.
        for kid in gone:
            services.keystore.destroy(kid)
        with services.database.reading() as session:
            print_records(_records(session), as_json=as_json)

    return keys


def _records(session: Session) -> list[dict[str, Any]]:
    signing = [{"use": "sig", **asdict(key)} for key in list_signing_keys(session)]
    encryption: list[dict[str, Any]] = [
        {
            "use": "enc",
            "kid": key.kid,
            "algorithm": key.kind,
            "state": key.state,
            "created_at": key.created_at,
            "activated_at": key.created_at,
            "retired_at": None if key.state == "revoked" else key.retired_at,
            "revoked_at": key.retired_at if key.state == "revoked" else None,
        }
        for key in list_encryption_keys(session)
    ]
    return [*signing, *encryption]
