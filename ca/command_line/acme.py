"""``sau acme credential add | list | revoke``, ``sau acme account list | close``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

import click

from ca.acme.account import close_account
from ca.acme.addresses import Addresses
from ca.acme.credential import issue_credential, list_credentials, revoke_credential
from ca.acme.register import list_accounts
from ca.acme.state import CLOSED_BY_OPERATOR
from ca.command_line.requests import actor_of_command
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records

_MOMENT = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"])


def acme_group(load: Callable[[], CaServices]) -> click.Group:
    """Return the group ``acme``."""
    group = click.Group("acme", help="Automatic issuance for servers (ACME): who may open accounts, and who has.")
    group.add_command(_credentials(load))
    group.add_command(_accounts(load))
    return group


def _credentials(load: Callable[[], CaServices]) -> click.Group:
    group = click.Group("credential", help="What an institution's servers open accounts with (key id and HMAC key).")

    @group.command()
    @click.option("--institution", required=True, metavar="RUC", help="The institution that it is for.")
    @click.option("--domain", "domains", multiple=True, help="Only names under it; else those registered. Repeatable.")
    @click.option(
        "--accounts", default=1, show_default=True, type=click.IntRange(1, 1000), help="To be opened with it."
    )
    @click.option("--expires", type=_MOMENT, help="No account is opened after it (UTC).")
    @click.option("--dry-run", is_flag=True, help="Check everything and make none.")
    @json_option
    def add(
        institution: str,
        domains: tuple[str, ...],
        accounts: int,
        expires: datetime | None,
        dry_run: bool,
        as_json: bool,
    ) -> None:
        """Make a credential. Its HMAC key is shown now and never again."""
        services = load()
        with services.database.transaction() as session:
            made = issue_credential(
                session,
                services=services,
                institution_ruc=institution,
                domains=domains,
                accounts=accounts,
                expires_at=expires.replace(tzinfo=UTC) if expires else None,
                actor=actor_of_command(),
                now=services.clock.now(),
            )
            if dry_run:
                session.rollback()
        if dry_run:
            print_record({"institution": made.institution_ruc, "domains": made.domains, "made": False}, as_json=as_json)
            return
        record = {
            "directory": Addresses(services.settings.issuer).directory,
            "key_id": made.key_id,
            "hmac_key": made.mac_key,
            "institution": made.institution_ruc,
            "domains": made.domains,
        }
        print_record(record, as_json=as_json)

    @group.command("list")
    @click.option("--institution", metavar="RUC", help="Of one institution only.")
    @json_option
    def list_them(institution: str | None, as_json: bool) -> None:
        """Show credentials, the newest first. Their HMAC keys are not shown."""
        services = load()
        with services.database.reading() as session:
            found = list_credentials(session, institution_ruc=institution)
        print_records([asdict(each) for each in found], as_json=as_json, empty="No credential: sau acme credential add")

    @group.command()
    @click.argument("key_id")
    @json_option
    def revoke(key_id: str, as_json: bool) -> None:
        """Withdraw credential KEY_ID and close the accounts opened with it. Their certificates stay."""
        services = load()
        with services.database.transaction() as session:
            closed = revoke_credential(
                session, services=services, key_id=key_id, actor=actor_of_command(), now=services.clock.now()
            )
        print_record({"key_id": key_id, "accounts_closed": closed}, as_json=as_json)

    return group


def _accounts(load: Callable[[], CaServices]) -> click.Group:
    group = click.Group("account", help="Accounts that servers have opened.")

    @group.command("list")
    @click.option("--institution", metavar="RUC", help="Of one institution only.")
    @json_option
    def list_them(institution: str | None, as_json: bool) -> None:
        """Show accounts, the newest first."""
        services = load()
        with services.database.reading() as session:
            found = list_accounts(session, institution_ruc=institution)
        print_records([asdict(each) for each in found], as_json=as_json)

    @group.command()
    @click.argument("account_id", metavar="ID")
    @json_option
    def close(account_id: str, as_json: bool) -> None:
        """Close account ID for good. Its certificates stay."""
        services = load()
        with services.database.transaction() as session:
            view = close_account(
                session,
                services=services,
                account_id=account_id,
                status=CLOSED_BY_OPERATOR,
                actor=actor_of_command(),
                now=services.clock.now(),
            )
        print_record({"id": view.id, "status": view.status}, as_json=as_json)

    return group
