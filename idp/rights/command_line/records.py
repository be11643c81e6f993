"""What these commands take and print alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from idp.accounts.identity import mask_cedula, parse_cedula
from idp.accounts.person import Person, find_person, find_person_by_cedula
from idp.directory.institutions import find_institution_by_ruc
from idp.rights.assignment import Assignment
from idp.rights.belonging import Belonging, find_belonging_of
from idp.rights.catalog import find_role
from idp.rights.delegation import Delegation
from idp.rights.reports import Line
from idp.services import IdpServices
from kernel.errors import NotFound, Rejected

Load = Callable[[], IdpServices]
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what it would do, and do nothing.")
client_option = click.option("--client", "client_id", required=True, help="client_id of the application.")
institution_option = click.option("--institution", "ruc", required=True, metavar="RUC", help="RUC of the institution.")
DATE = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


class _Undone(Exception):
    """Takes a dry run's transaction back."""


@contextmanager
def changing(services: IdpServices, dry_run: bool) -> Iterator[Session]:
    """Open a transaction that is taken back after a dry run."""
    try:
        with services.database.transaction() as session:
            yield session
            if dry_run:
                session.flush()
                raise _Undone
    except _Undone:
        click.echo("Dry run: nothing was changed.", err=True)


def find_person_by(session: Session, text: str) -> Person:
    """Return the person with this cédula or id. :raises NotFound: (``unknown_person``)."""
    try:
        found = find_person_by_cedula(session, parse_cedula(text))
    except Rejected:
        return find_person(session, text)
    if found is None:
        raise NotFound("Nobody with this cédula has an account.", code="unknown_person")
    return found


def find_belonging_by(session: Session, ruc: str, person: str) -> Belonging:
    """Return the belonging of a person, by RUC and cédula or id. :raises NotFound: (``unknown_belonging``)."""
    institution = find_institution_by_ruc(session, ruc)
    found = find_belonging_of(session, institution_id=institution.id, person_id=find_person_by(session, person).id)
    if found is None:
        raise NotFound("There is no such person at this institution.", code="unknown_belonging")
    return found


def as_utc(moment: datetime | None) -> datetime | None:
    """Return a typed date as a moment."""
    return moment.replace(tzinfo=UTC) if moment else None


def belonging_record(session: Session, belonging: Belonging) -> dict[str, Any]:
    """Return a belonging as it is printed."""
    person = find_person(session, belonging.person_id)
    return {
        "id": belonging.id,
        "person": person.id,
        "name": person.name,
        "cedula": mask_cedula(person.cedula),
        "post": belonging.post,
        "source": belonging.source.value,
        "since": belonging.since,
        "until": belonging.until,
    }


def assignment_record(session: Session, assignment: Assignment) -> dict[str, Any]:
    """Return an assignment as it is printed."""
    return {
        "id": assignment.id,
        "person": assignment.person_id,
        "client_id": assignment.client_id,
        "role": find_role(session, assignment.role_id).name,
        "institution": assignment.institution_id,
        "status": assignment.status,
        "valid_from": assignment.valid_from,
        "valid_until": assignment.valid_until,
        "proposal_sha256": assignment.proposal_sha256,
    }


def delegation_record(session: Session, delegation: Delegation) -> dict[str, Any]:
    """Return a delegation as it is printed."""
    role = find_role(session, delegation.role_id)
    return {
        "id": delegation.id,
        "institution": delegation.institution_id,
        "person": delegation.person_id,
        "client_id": role.client_id,
        "role": role.name,
        "may_assign": delegation.may_assign,
        "may_approve": delegation.may_approve,
        "granted_by": delegation.granted_by,
        "granted_at": delegation.granted_at,
    }


def line_record(line: Line) -> dict[str, Any]:
    """Return a line of a report as it is printed."""
    return {
        "id": line.assignment.id,
        "institution": line.institution_ruc,
        "client_id": line.assignment.client_id,
        "role": line.role.name,
        "person": line.assignment.person_id,
        "name": line.person_name,
        "cedula": mask_cedula(line.cedula),
        "since": line.granted_at,
        "until": line.assignment.valid_until,
        "given_by": line.assignment.proposed_by,
        "approved_by": line.assignment.decided_by,
        "last_used_at": line.assignment.last_used_at,
    }
