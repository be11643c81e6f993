"""An application begins: in a sandbox, of one institution, at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from admin.applications.callable import require_callable
from admin.applications.reach import institutions_reached
from admin.permissions import Permission
from admin.roles import Powers
from idp.clients.environment import Environment, Place
from idp.clients.register import RegisteredClient, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import Institution
from idp.services import IdpServices
from kernel.errors import NotFound


def institution_reached(session: Session, powers: Powers, institution_id: str) -> Institution:
    """Return the institution for which this operator makes something.

    :raises NotFound: (``unknown_institution``) there is none, or his roles do not reach it: it is not even named.
    """
    for each in institutions_reached(session, powers, Permission.APPLICATIONS_WRITE):
        if each.id == institution_id and each.active:
            return each
    raise NotFound("There is no such institution.", code="unknown_institution")


def register_in_sandbox(
    session: Session,
    *,
    services: IdpServices,
    powers: Powers,
    institution_id: str,
    registration: ClientRegistration,
    actor: str,
    now: datetime,
) -> RegisteredClient:
    """Register an application of this institution, open to its test citizens.

    :raises NotFound: (``unknown_institution``). :raises Rejected: ``api_outside``; as :func:`register_client`.
    """
    institution = institution_reached(session, powers, institution_id)
    require_callable(session, registration, Place(Environment.SANDBOX, institution.id))
    return register_client(
        session,
        journal=services.journal,
        registration=registration,
        sealing_secret=services.sealing_secret,
        institution_id=institution.id,
        environment=Environment.SANDBOX,
        actor=actor,
        now=now,
    )
