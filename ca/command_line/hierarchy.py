"""``sau ca list`` and ``sau ca chain``."""

from __future__ import annotations

from collections.abc import Callable

import click

from ca.ceremony.hierarchy import ISSUING
from ca.issuance.authority import AuthorityRecord, list_authorities, load_authority, profiles_of
from ca.issuance.delivery import authority_chain_pem
from ca.requests.keys import describe_key
from ca.serial import serial_text
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records
from kernel.identifiers import sha256_hex


def list_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``list``."""

    @click.command("list")
    @json_option
    def list_them(as_json: bool) -> None:
        """Show the authorities: the root first, then those under it."""
        services = load()
        with services.database.reading() as session:
            records = list_authorities(session)
            issued = {record.id: profiles_of(session, record, services.profiles) for record in records}
        names = {record.id: record.name for record in records}
        rows = [
            _record(record, names) | {"issues": [profile.name for profile in issued[record.id]]} for record in records
        ]
        print_records(rows, as_json=as_json, empty="No authority: sau init")

    return list_them


def chain_command(load: Callable[[], CaServices]) -> click.Command:
    """Return the command ``chain``."""

    @click.command()
    @click.option("--ca", "name", default=ISSUING, show_default=True, help="Short name of the authority.")
    @json_option
    def chain(name: str, as_json: bool) -> None:
        """Print an authority's certificate and those above it, the root last, as PEM."""
        services = load()
        with services.database.reading() as session:
            pem = authority_chain_pem(session, load_authority(session, name).id)
        print_record({"ca": name, "chain": pem}, as_json=True) if as_json else click.echo(pem, nl=False)

    return chain


def _record(record: AuthorityRecord, names: dict[str, str]) -> dict[str, object]:
    certificate = record.certificate
    return {
        "name": record.name,
        "subject": certificate.subject.rfc4514_string(),
        "key": describe_key(certificate.public_key()),
        "issuer": names.get(record.issuer_id or "", record.name),
        "not_after": certificate.not_valid_after_utc,
        "serial": serial_text(certificate.serial_number),
        "sha256": sha256_hex(record.certificate_der),
    }
