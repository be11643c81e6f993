"""``sau ca profile list | show | move``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from rich.console import Console
from rich.table import Table

from ca.issuance.authority import issuing_authority
from ca.issuance.moving import move_profile
from ca.profiles.explain import Explained, explain
from ca.profiles.profile import Profile
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import NotFound
from kernel.login import login_name


def profile_group(load: Callable[[], CaServices]) -> click.Group:
    """Return the group ``profile``."""
    group = click.Group("profile", help="Kinds of certificates: what each says, and how many people must agree.")

    @group.command("list")
    @json_option
    def list_them(as_json: bool) -> None:
        """Show all profiles."""
        profiles = load().profiles.list()
        print_records([_summary(profile) for profile in profiles], as_json=as_json)

    @group.command()
    @click.argument("name")
    @json_option
    def show(name: str, as_json: bool) -> None:
        """Show everything that profile NAME decides, each part in words and with its clause."""
        services = load()
        profile, arc = services.profiles.get(name), services.settings.pki_arc
        record = _details(profile, arc) | {"authority": _issuer(services, profile)}
        parts = explain(profile, private_arc=arc)
        if as_json:
            print_record(record | {"parts": [_part(item) for item in parts]}, as_json=True)
            return
        print_record(record, as_json=False)
        _print_parts(parts)

    @group.command()
    @click.argument("name")
    @click.option("--to", "authority", required=True, metavar="AUTHORITY", help="Short name of an issuing authority.")
    @json_option
    def move(name: str, authority: str, as_json: bool) -> None:
        """Let another authority issue profile NAME from now on. What was issued, and what was approved, stays."""
        services = load()
        actor, now = f"command:{login_name()}"[:64], services.clock.now()
        with services.database.transaction() as session:
            moved = move_profile(session, services=services, profile=name, authority=authority, actor=actor, now=now)
        print_record({"profile": name, "authority": moved.name}, as_json=as_json)

    return group


def _print_parts(parts: Iterable[Explained]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Parte", "Valor", "Qué dice y por qué", "Cláusula"):
        table.add_column(column, overflow="fold")
    for item in parts:
        table.add_row(f"{item.part} (crítica)" if item.critical else item.part, item.value, item.words.es, item.clause)
    console = Console(highlight=False, markup=False)
    console.print()
    console.print(table)


def _part(item: Explained) -> dict[str, object]:
    return {
        "part": item.part,
        "value": item.value,
        "critical": item.critical,
        "es": item.words.es,
        "en": item.words.en,
        "clause": item.clause,
    }


def _issuer(services: CaServices, profile: Profile) -> str:
    with services.database.reading() as session:
        try:
            return issuing_authority(session, profile).name
        except NotFound:
            return profile.authority


def _summary(profile: Profile) -> dict[str, object]:
    return {
        "name": profile.name,
        "version": profile.version,
        "title": profile.title,
        "days": profile.lifetime_days,
        "people": profile.people,
        "by_hand": profile.by_hand,
    }


def _details(profile: Profile, arc: str) -> dict[str, object]:
    policy = profile.policy
    return _summary(profile) | {
        "explanation": profile.explanation,
        "changes": [f"{version}: {words}" for version, words in sorted(profile.changes.items())],
        "authority": profile.authority,
        "keys": [key.value for key in profile.keys],
        "key_usage": [usage.value for usage in profile.key_usage],
        "extended_key_usage": [purpose.value for purpose in profile.extended_key_usage],
        "subject": [f"{item.attribute}={' | '.join(item.values)}" for item in profile.subject],
        "inputs": [field.name + ("" if field.required else " (optional)") for field in profile.inputs],
        "dns_names": profile.names.dns,
        "wildcards": profile.names.wildcards,
        "proof_of_names": profile.names.proof,
        "status": profile.status.value,
        "policies": [*policy.reserved, f"{arc}.{policy.suffix}"] if policy else [],
        "notice": policy.notice if policy else "",
        "national_fields": [f"{arc}.3.{field.number}={' | '.join(field.values)}" for field in profile.country_fields],
        "lint": f"{profile.lint.suite} {profile.lint.type}".strip(),
        "accepted_findings": [f"{item.code}: {item.reason}" for item in profile.lint.accepted],
    }
