"""`sau witness`: run by others than those who run the log. It needs nothing of an installation."""

from __future__ import annotations

import os
from pathlib import Path

import click
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server import Server

from audit.checkpoint import LogKey
from audit.witness.server import FOLDER_VARIABLE
from audit.witness.witness import Witness
from kernel.bind import parse_bind
from kernel.command_line import json_option, print_record, print_records
from keys.signer import Algorithm

_FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("witness"),
    show_default=True,
    help="The witness's own folder: key, logs, memory.",
)
_ALGORITHMS = {"ed25519": Algorithm.EDDSA, "ml-dsa-44": Algorithm.ML_DSA_44}
_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


def commands(_load: object) -> list[click.Command]:
    """Return the group ``witness``: it needs nothing of the service."""
    return [witness_group()]


def witness_group() -> click.Group:
    """Return the group ``witness``."""
    group = click.Group("witness", help="Co-sign others' logs as long as they only grow; on a machine of its own.")
    for command in (_init, _add_log, _status, _serve):
        group.add_command(command)
    return group


@click.command("init")
@click.option("--name", required=True, help="The witness's name in its signatures: its address without scheme.")
@click.option(
    "--algorithm",
    type=click.Choice(list(_ALGORITHMS)),
    default="ed25519",
    show_default=True,
    help="ml-dsa-44 is safe from quantum computers; its cosignatures have 2.4 kB, and older verifiers pass them over.",
)
@_FOLDER
@json_option
def _init(name: str, algorithm: str, folder: Path, as_json: bool) -> None:
    """Make the witness's key and print its public half, which logs and verifiers are given."""
    witness = Witness.create(folder, name, _ALGORITHMS[algorithm])
    print_record({"folder": str(folder), "key": str(witness.key)}, as_json=as_json)


@click.command("add-log")
@click.argument("key")
@_FOLDER
@json_option
def _add_log(key: str, folder: Path, as_json: bool) -> None:
    """Witness the log whose public key is KEY (NAME+ID+KEY, as `sau audit status` prints it)."""
    log = LogKey.parse(key)
    Witness.open(folder).add_log(log)
    print_record({"log": log.name, "key": str(log)}, as_json=as_json)


@click.command("status")
@_FOLDER
@json_option
def _status(folder: Path, as_json: bool) -> None:
    """Show the logs and what was co-signed last of each."""
    witness = Witness.open(folder)
    state = witness.state.read()
    rows = []
    for key in witness.logs():
        seen = state.get(key.name)
        rows.append({"log": key.name, "size": seen.size if seen else 0, "root": seen.root if seen else None})
    print_records(rows, as_json=as_json, empty="No log yet: sau witness add-log KEY")


@click.command("serve")
@click.option("--bind", metavar="HOST:PORT", default="127.0.0.1:8100", show_default=True, help="Address to listen on.")
@click.option("--tls-cert", type=_PEM, help="PEM chain for HTTPS.")
@click.option("--tls-key", type=_PEM, help="PEM key for HTTPS.")
@_FOLDER
def _serve(bind: str, tls_cert: Path | None, tls_key: Path | None, folder: Path) -> None:
    """Answer logs until told to stop."""
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    host, port = parse_bind(bind)
    witness = Witness.open(folder)
    if not witness.logs():
        click.echo("This witness knows no log yet: sau witness add-log KEY", err=True)
    os.environ[FOLDER_VARIABLE] = str(folder.resolve())
    server = Server(
        "audit.witness.server:create_app",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        ssl_cert=tls_cert,
        ssl_key=tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    server.serve()
