"""``sau ca revoke``, ``sau ca publish`` and ``sau ca lists``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ca.ceremony.hierarchy import ROOT
from ca.ceremony.root_list import publish_root_list, root_names
from ca.ceremony.root_store import recorded_root_keys
from ca.command_line.share_options import read_shares, share_options
from ca.issuance.authority import list_authorities
from ca.locations import FULL_LIST
from ca.revocation.arrangement import arrange_lists, newest_lists
from ca.revocation.ocsp_signer import renew_ocsp_signers
from ca.revocation.publish import PublishedList, publish_list
from ca.revocation.reason import FINAL_REASONS, parse_reason
from ca.revocation.revoke import Revocation, RevocationPreview, preview_revocation, revoke_certificate
from ca.revocation.upkeep import list_shards, publish_if_behind
from ca.serial import parse_serial
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import Rejected
from kernel.login import login_name


def revoke_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``revoke``."""

    @click.command()
    @click.argument("serial")
    @click.option("--reason", required=True, help=f"One of: {', '.join(FINAL_REASONS)}.")
    @click.option("--compromised-at", metavar="TIME", help="Since when the key is in foreign hands, ISO 8601, UTC.")
    @click.option("--dry-run", is_flag=True, help="Say what would stop working, and change nothing.")
    @json_option
    def revoke(serial: str, reason: str, compromised_at: str | None, dry_run: bool, as_json: bool) -> None:
        """Revoke the certificate SERIAL for good; its authority's list follows at once."""
        stored, since = parse_serial(serial), parse_time(compromised_at) if compromised_at else None
        parse_reason(reason)
        services = load()
        now = services.clock.now()
        if dry_run:
            with services.database.reading() as session:
                preview = preview_revocation(session, serial=stored, reason=reason, now=now)
            print_record(_preview_record(preview), as_json=as_json)
            return
        with services.database.transaction() as session:
            result = revoke_certificate(
                session,
                services=services,
                serial=stored,
                reason=reason,
                compromised_at=since,
                actor=f"command:{login_name()}"[:64],
                now=now,
            )
        print_record(_revocation_record(result), as_json=as_json)
        if result.list_by_command:
            click.echo("The root's list does not say so yet: sau ca publish --root", err=True)
        else:
            publish_if_behind(services, authority_id=result.authority_id, shard=result.crl_shard)

    return revoke


def publish_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``publish``."""

    @click.command()
    @click.option("--root", is_flag=True, help="The roots' lists instead; their keys must be on this machine.")
    @click.option("--only", metavar="ROOT", help="With --root: the list of this root alone.")
    @share_options
    @json_option
    def publish(root: bool, only: str | None, share_files: Sequence[Path], ask_shares: bool, as_json: bool) -> None:
        """Publish fresh revocation lists of the issuing authorities, and renew their OCSP signers where due."""
        services = load()
        if root:
            actor = f"command:{login_name()}"[:64]
            keys = recorded_root_keys(services, read_shares(share_files, ask=ask_shares), actor=actor)
            names = [only] if only else root_names(services) or [ROOT]
            published = [publish_root_list(services, name=name, roots=keys) for name in names]
        else:
            published = _publish_all(services)
        print_records([_list_record(item) for item in published], as_json=as_json, empty="No authority: sau init")

    return publish


def lists_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``lists``."""

    @click.command()
    @click.option("--ca", "authority", metavar="NAME", help="This authority alone.")
    @click.option("--shards", type=int, metavar="N", help="From now on spread its new certificates over N lists.")
    @click.option("--delta/--no-delta", default=None, help="Publish a delta beside each list, or no longer.")
    @json_option
    def lists(authority: str | None, shards: int | None, delta: bool | None, as_json: bool) -> None:
        """Show the newest revocation lists, or change how an authority's lists are arranged."""
        services = load()
        if shards is not None or delta is not None:
            if authority is None:
                raise Rejected("Say which authority: --ca NAME.", code="authority_missing")
            with services.database.transaction() as session:
                chosen = arrange_lists(
                    session,
                    services=services,
                    authority=authority,
                    shards=shards,
                    delta=delta,
                    actor=f"command:{login_name()}"[:64],
                    now=services.clock.now(),
                )
            print_record({"authority": authority, "shards": chosen[0], "delta_lists": chosen[1]}, as_json=as_json)
            return
        with services.database.reading() as session:
            found = [item for item in newest_lists(session) if authority in (None, item.authority)]
        records = [{**asdict(item), "shard": "full" if item.shard == FULL_LIST else item.shard} for item in found]
        print_records(records, as_json=as_json, empty="No list: sau ca publish")

    return lists


def _publish_all(services: CaServices) -> list[PublishedList]:
    now = services.clock.now()
    renew_ocsp_signers(services, now=now)
    with services.database.reading() as session:
        due = [
            (record, shard)
            for record in list_authorities(session)
            if not record.is_root and record.certificate.not_valid_after_utc > now
            for shard in list_shards(session, authority_id=record.id, shards=record.crl_shards)
        ]
    return [
        publish_list(
            services,
            authority_id=record.id,
            shard=shard,
            signer=services.keystore.open(record.key_name),
            scheduled=True,
        )
        for record, shard in due
    ]


def parse_time(text: str) -> datetime:
    """Return the moment in ISO 8601, UTC where no zone is said. :raises Rejected: ``bad_time``."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise Rejected("--compromised-at: write 2026-11-20 or 2026-11-20T15:30:00-05:00.", code="bad_time") from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _preview_record(preview: RevocationPreview) -> dict[str, Any]:
    return {
        "serial": preview.serial,
        "subject": preview.subject,
        "profile": preview.profile,
        "names": list(preview.names),
        "institution_ruc": preview.institution_ruc,
        "not_after": preview.not_after,
        "already_revoked_at": preview.already_revoked_at,
        "blocks_key": preview.blocks_key,
        "same_key": [sibling.serial for sibling in preview.siblings],
        "certificates_below": preview.live_below,
    }


def _revocation_record(result: Revocation) -> dict[str, Any]:
    return {
        "serial": result.serial,
        "subject": result.subject,
        "reason": result.reason.value,
        "revoked_at": result.revoked_at,
        "compromised_at": result.compromised_at,
        "same_key": [sibling.serial for sibling in result.siblings],
    }


def _list_record(published: PublishedList) -> dict[str, Any]:
    return {
        "authority": published.authority,
        "shard": "full" if published.shard == FULL_LIST else published.shard,
        "number": published.number,
        "entries": published.entries,
        "this_update": published.this_update,
        "next_update": published.next_update,
        "sha256": published.sha256,
    }
