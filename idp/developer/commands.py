"""``sau rp``: relying applications, looked at from outside."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import click

from idp.clients.client import find_client
from idp.developer.advice import ADVICE
from idp.developer.doctor import Finding, Patient, Result, examine, patient_of
from idp.services import IdpServices
from kernel.command_line import json_option, print_records


def relying_party_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``rp``."""

    @click.group()
    def rp() -> None:
        """Relying applications, seen from outside."""

    @rp.command()
    @click.argument("url")
    @click.option("--client-id", help="Look at the addresses that this application registered, too.")
    @json_option
    def doctor(url: str, client_id: str | None, as_json: bool) -> None:
        """Look at the application at URL as anybody on the Internet can, and say what is wrong.

        https, certificate, HSTS and cookies; with --client-id also the redirect URI, the endpoints of logout (one
        token is sent that nobody signed) and the published keys. Ends with 1 if a check failed; warnings end with 0.
        """
        services = load()
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise click.BadParameter("an address that begins with https://", param_hint="URL")
        patient = Patient(home=url)
        if client_id is not None:
            with services.database.reading() as session:
                patient = replace(patient_of(find_client(session, client_id)), home=url)
        found = examine(services.outgoing, patient, issuer=services.settings.issuer, now=services.clock.now())
        print_records([_record(each) for each in found], as_json=as_json)
        if any(each.result is Result.FAILED for each in found):
            sys.exit(1)

    return rp


def _record(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "result": finding.result.value,
        "why": finding.why,
        "detail": finding.detail,
        "advice": ADVICE.get(finding.words, ""),
    }
