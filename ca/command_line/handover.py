"""``sau ca handover …``: keys made here for people. No command shows a key, a password or a link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import click

from ca.command_line.requests import actor_of_command, parse_fields
from ca.handover.end import cancel_handover
from ca.handover.prepare import make_key, prepare_handover
from ca.handover.view import find_handover, list_handovers
from ca.profiles.profile import KeyType
from ca.requests.holder import CEDULA
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records


def handover_group(load: Callable[[], CaServices]) -> click.Group:
    """Return the group ``handover``."""
    group = click.Group("handover", help="Keys made here for people who bring none, handed over once.")

    @group.command()
    @click.option("--profile", required=True, help="A profile that lets keys be made here.")
    @click.option("--person", metavar="CEDULA", help="The holder.")
    @click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field of the profile.")
    @click.option("--institution", metavar="RUC", help="The institution that it is for.")
    @click.option("--email", help="Where the link goes, for a holder without an account.")
    @click.option(
        "--key", "key_type", type=click.Choice(["RSA", "P-256", "P-384"]), default="RSA", show_default=True,
        help="Kind of key; signing tools of the country know RSA best.",
    )  # fmt: skip
    @json_option
    def prepare(
        profile: str,
        person: str | None,
        fields: tuple[str, ...],
        institution: str | None,
        email: str | None,
        key_type: str,
        as_json: bool,
    ) -> None:
        """Make a key and ask for its certificate; the approvals are those of any request.

        Once it is signed the holder is sent a link. A holder without an account needs the code that is printed here,
        this once: give it in person, not by mail.
        """
        services = load()
        key = make_key(KeyType(key_type))
        inputs = parse_fields(fields) | ({CEDULA: person} if person else {})
        with services.database.transaction() as session:
            prepared = prepare_handover(
                session,
                services=services,
                profile=profile,
                key=key,
                inputs=inputs,
                institution_ruc=institution,
                email=email,
                requested_by=actor_of_command(),
                now=services.clock.now(),
            )
        print_record(
            {
                "handover": prepared.id,
                "request": prepared.request.id,
                "status": prepared.request.status.value,
                "subject": prepared.request.subject,
                "code": prepared.code.reveal() if prepared.code else None,
            },
            as_json=as_json,
        )

    @group.command("list")
    @json_option
    def list_them(as_json: bool) -> None:
        """Show the newest hand-overs."""
        with load().database.reading() as session:
            found = list_handovers(session)
        print_records([asdict(item) for item in found], as_json=as_json, empty="There is no hand-over.")

    @group.command()
    @click.argument("handover_id", metavar="ID")
    @json_option
    def show(handover_id: str, as_json: bool) -> None:
        """Show how far a hand-over is."""
        with load().database.reading() as session:
            print_record(asdict(find_handover(session, handover_id)), as_json=as_json)

    @group.command()
    @click.argument("handover_id", metavar="ID")
    @json_option
    def cancel(handover_id: str, as_json: bool) -> None:
        """Destroy the key. The certificate stays: revoke it with `sau ca revoke`."""
        services = load()
        with services.database.transaction() as session:
            view = cancel_handover(
                session,
                services=services,
                handover_id=handover_id,
                actor=actor_of_command(),
                now=services.clock.now(),
            )
        print_record(asdict(view), as_json=as_json)

    return group
