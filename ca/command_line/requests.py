"""``sau ca request | pending | show | approve | refuse | issue``.

Two-person control holds here, too: the actor is the login name of the operating system (:mod:`kernel.login`), and there
is no option to be someone else. Whoever can become another user of this machine can be two people; the evidence then
shows two logins, and the console, where a person has a second factor, is the place for approvals that matter. What
was asked for in the console is decided in the console: a login of the machine may belong to the same person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ca.issuance.delivery import deliver_certificate
from ca.issuance.issue import issue_approved
from ca.requests.csr import LIMIT
from ca.requests.decide import approve_request, refuse_request
from ca.requests.holder import CEDULA
from ca.requests.submit import submit_request
from ca.requests.view import RequestView, Status, find_request, list_requests
from ca.services import CaServices
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import Denied, Rejected
from kernel.login import login_name

Load = Callable[[], CaServices]
_CSR = click.option(
    "--csr", "csr_file", required=True, type=click.File("rb"), help="File with the request, PEM or DER; - for stdin."
)
_PERSON = click.option("--person", metavar="CEDULA", help="The person that it is for: one with a verified account.")
_INPUT = click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field of the profile.")
_OUT = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File for the chain.")


def actor_of_command() -> str:
    """Return who acts at this command line: ``command:LOGIN``, 64 characters at most."""
    return f"command:{login_name()}"[:64]


def request_command(load: Load) -> click.Command:
    """Return the command ``request``."""

    @click.command()
    @click.option("--profile", required=True, help="Kind of certificate: see `sau ca profile list`.")
    @_CSR
    @click.option("--institution", metavar="RUC", help="The institution that it is for.")
    @_PERSON
    @_INPUT
    @json_option
    def request(
        profile: str, csr_file: Any, institution: str | None, person: str | None, fields: tuple[str, ...], as_json: bool
    ) -> None:
        """Ask for a certificate; another person approves it where the profile says so."""
        services = load()
        view = _submit(services, profile, csr_file, institution, _inputs(person, fields), now=services.clock.now())
        _print_request(view, as_json=as_json)

    return request


def pending_command(load: Load) -> click.Command:
    """Return the command ``pending``."""

    @click.command()
    @click.option("--all", "everything", is_flag=True, help="Decided ones, too.")
    @json_option
    def pending(everything: bool, as_json: bool) -> None:
        """List the requests that wait for approval."""
        services = load()
        with services.database.reading() as session:
            views = list_requests(session, services=services, status=None if everything else Status.SUBMITTED)
        print_records([_summary(view) for view in views], as_json=as_json, empty="Nothing waits.")

    return pending


def show_command(load: Load) -> click.Command:
    """Return the command ``show``."""

    @click.command()
    @click.argument("request_id", metavar="ID")
    @json_option
    def show(request_id: str, as_json: bool) -> None:
        """Show a request: asked for against granted, and what the lints found."""
        services = load()
        with services.database.reading() as session:
            view = find_request(session, services=services, request_id=request_id)
        _print_request(view, as_json=as_json)

    return show


def approve_command(load: Load) -> click.Command:
    """Return the command ``approve``."""

    @click.command()
    @click.argument("request_id", metavar="ID")
    @click.option("--tbs-sha256", help="Approve only these bytes, as seen elsewhere.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @_OUT
    @json_option
    def approve(request_id: str, tbs_sha256: str | None, yes: bool, out: Path | None, as_json: bool) -> None:
        """Approve what will be signed, byte for byte; the last approval issues the certificate."""
        services = load()
        now = services.clock.now()
        with services.database.reading() as session:
            seen = find_request(session, services=services, request_id=request_id)
        if not (yes or as_json):
            _print_request(seen, as_json=False)
            click.confirm("Sign exactly this?", abort=True)
        _approve_and_issue(services, seen, tbs_sha256 or seen.tbs_sha256, out=out, as_json=as_json, now=now)

    return approve


def refuse_command(load: Load) -> click.Command:
    """Return the command ``refuse``."""

    @click.command()
    @click.argument("request_id", metavar="ID")
    @click.option("--reason", required=True, help="The requester reads it.")
    @json_option
    def refuse(request_id: str, reason: str, as_json: bool) -> None:
        """Refuse a request for good."""
        services = load()
        with services.database.transaction() as session:
            view = refuse_request(
                session,
                services=services,
                request_id=request_id,
                actor=actor_of_command(),
                reason=reason,
                now=services.clock.now(),
            )
        print_record(_summary(view), as_json=as_json)

    return refuse


def issue_command(load: Load) -> click.Command:
    """Return the command ``issue``."""

    @click.command()
    @click.option("--profile", required=True, help="Kind of certificate: see `sau ca profile list`.")
    @_CSR
    @click.option("--institution", metavar="RUC", help="The institution that it is for.")
    @_PERSON
    @_INPUT
    @_OUT
    @json_option
    def issue(
        profile: str,
        csr_file: Any,
        institution: str | None,
        person: str | None,
        fields: tuple[str, ...],
        out: Path | None,
        as_json: bool,
    ) -> None:
        """Request and approve in one, where the profile lets one person do it."""
        services = load()
        if services.profiles.get(profile).people > 1:
            raise Denied(
                f"Profile {profile} wants two people: sau ca request, then another runs sau ca approve.",
                code="two_people_needed",
            )
        now = services.clock.now()
        view = _submit(services, profile, csr_file, institution, _inputs(person, fields), now=now)
        _approve_and_issue(services, view, view.tbs_sha256, out=out, as_json=as_json, now=now)

    return issue


def _submit(
    services: CaServices,
    profile: str,
    csr_file: Any,
    institution: str | None,
    inputs: dict[str, str],
    *,
    now: datetime,
) -> RequestView:
    if not services.profiles.get(profile).by_hand:
        raise Rejected(f"Profile {profile} is not asked for by hand.", code="profile_not_requestable")
    csr: bytes = csr_file.read(LIMIT + 1)
    with services.database.transaction() as session:
        return submit_request(
            session,
            services=services,
            profile=profile,
            csr=csr,
            institution_ruc=institution,
            requested_by=actor_of_command(),
            inputs=inputs,
            now=now,
        )


def _approve_and_issue(
    services: CaServices, seen: RequestView, tbs_sha256: str, *, out: Path | None, as_json: bool, now: datetime
) -> None:
    actor = actor_of_command()
    with services.database.transaction() as session:
        view = approve_request(
            session, services=services, request_id=seen.id, approver=actor, tbs_sha256=tbs_sha256, now=now
        )
    if view.status is not Status.APPROVED:
        print_record(_summary(view), as_json=as_json)
        return
    issued = issue_approved(services, view.id, now=now, actor=actor)
    with services.database.transaction() as session:
        pem = deliver_certificate(session, services=services, serial=issued.serial, actor=actor, now=now)
    record: dict[str, object] = {"request": view.id, "serial": issued.serial, "subject": view.subject}
    if out is not None:
        out.write_text(pem, "ascii")
        print_record(record | {"out": str(out)}, as_json=as_json)
    elif as_json:
        print_record(record | {"chain": pem}, as_json=True)
    else:
        click.echo(pem, nl=False)


def _inputs(person: str | None, fields: tuple[str, ...]) -> dict[str, str]:
    return parse_fields(fields) | ({CEDULA: person} if person else {})


def parse_fields(fields: tuple[str, ...]) -> dict[str, str]:
    """Return the values of ``--field NAME=VALUE``. :raises Rejected: (``bad_field``)."""
    parsed = {}
    for field in fields:
        name, separator, value = field.partition("=")
        if not separator:
            raise Rejected(f"--field {field!r}: write NAME=VALUE.", code="bad_field")
        parsed[name.strip()] = value
    return parsed


def _summary(view: RequestView) -> dict[str, object]:
    return {
        "id": view.id,
        "status": view.status.value,
        "profile": view.profile,
        "institution": view.institution_ruc,
        "subject": view.subject,
        "requested_by": view.requested_by,
        "approvals": f"{len(view.approvals)}/{view.approvals_needed}",
        "expires_at": view.expires_at,
        "serial": view.serial,
        "tbs_sha256": view.tbs_sha256,
        "refusal_reason": view.refusal_reason,
    }


def _print_request(view: RequestView, *, as_json: bool) -> None:
    summary: Mapping[str, object] = _summary(view)
    if as_json:
        differences = [item.to_json() for item in view.differences]
        findings = [item.to_json() for item in view.findings]
        print_record({**summary, "differences": differences, "findings": findings}, as_json=True)
        return
    print_record(summary, as_json=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Campo", "Pedido", "Se emitirá", "Cambio", "Por qué"):
        table.add_column(column, overflow="fold")
    for row in view.differences:
        table.add_row(row.field, "\n".join(row.requested), "\n".join(row.granted), row.change.value, row.reason)
    console = Console(highlight=False, markup=False)
    console.print()
    console.print(table)
    for finding in view.findings:
        console.print(f"{finding.severity.value}: {finding.code} {finding.clause} {finding.message}".rstrip())
