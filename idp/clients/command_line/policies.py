"""``sau client policy``: the kinds of applications, and what each must keep to."""

from __future__ import annotations

import click

from idp.clients.policy import POLICIES
from idp.clients.policy_words import policy_rules
from kernel.command_line import json_option, print_record, print_records


def policy_commands() -> click.Group:
    """Return the group ``policy``."""

    @click.group()
    def policy() -> None:
        """Named sets of rules for applications; --policy of client add picks one."""

    @policy.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List the policies."""
        records = [{"policy": each.name, "what": each.words} for each in POLICIES.values()]
        print_records(records, as_json=as_json)

    @policy.command()
    @click.argument("name", type=click.Choice(list(POLICIES)))
    @json_option
    def show(name: str, as_json: bool) -> None:
        """Show each rule of a policy."""
        chosen = POLICIES[name]
        print_record({"policy": chosen.name, "what": chosen.words, **policy_rules(chosen)}, as_json=as_json)

    return policy
