"""The authority's part of the ``sau`` program: ``sau ca …``, ``sau acme …``, ``sau est …``."""

from __future__ import annotations

from collections.abc import Callable

import click

from ca.command_line.acme import acme_group
from ca.command_line.block_list import key_list_group
from ca.command_line.bulk import batch_group, bulk_command
from ca.command_line.ceremony import ceremony_command, rollover_command
from ca.command_line.enrolment import credential_group
from ca.command_line.expiry import expiring_command
from ca.command_line.handover import handover_group
from ca.command_line.hierarchy import chain_command, list_command
from ca.command_line.log import log_group
from ca.command_line.practices import practices_group
from ca.command_line.profiles import profile_group
from ca.command_line.requests import (
    approve_command,
    issue_command,
    pending_command,
    refuse_command,
    request_command,
    show_command,
)
from ca.command_line.resharing import reshare_command
from ca.command_line.time_stamping import tsa_group, unit_init_command
from ca.enrolment.credential import Protocol
from ca.revocation.commands import lists_command, publish_command, revoke_command
from ca.revocation.hold_commands import hold_command, release_command
from ca.revocation.mass_commands import revoke_many_command
from ca.services import CaServices
from ca.units.signer import CMP


def commands(load: Callable[[], CaServices]) -> list[click.Command]:
    """Return the groups ``ca``, ``acme`` and ``est``.

    :param load: composes the services when a command runs, so that ``--help`` needs no database.
    """
    group = click.Group("ca", help="The certificate authority: hierarchy, profiles, requests, certificates, lists.")
    for command in (
        ceremony_command(load),
        reshare_command(load),
        rollover_command(load),
        list_command(load),
        chain_command(load),
        practices_group(load),
        profile_group(load),
        key_list_group(load),
        request_command(load),
        pending_command(load),
        show_command(load),
        approve_command(load),
        refuse_command(load),
        issue_command(load),
        bulk_command(load),
        handover_group(load),
        expiring_command(load),
        batch_group(load),
        revoke_command(load),
        revoke_many_command(load),
        hold_command(load),
        release_command(load),
        publish_command(load),
        lists_command(load),
        log_group(load),
    ):
        group.add_command(command)
    cmp = click.Group("cmp", help="Certificate Management Protocol (RFC 9810).")
    cmp.add_command(credential_group(load, Protocol.CMP))
    cmp.add_command(unit_init_command(load, CMP))
    est = click.Group("est", help="Enrolment over Secure Transport (RFC 7030).")
    est.add_command(credential_group(load, Protocol.EST))
    return [group, acme_group(load), cmp, est, tsa_group(load)]
