"""Declarations of applications at the console: whose an operator may see and change, and what he may not touch."""

from __future__ import annotations

from datetime import datetime

import yaml
from sqlalchemy.orm import Session

from admin.permissions import Permission
from admin.roles import Powers
from audit.event import Event
from audit.journal import Journal
from audit.vocabulary import EventType, Outcome
from idp.clients.client import Client, find_client, hold_client, list_clients
from idp.directory.institutions import list_institutions
from idp.rights.catalog import Difference, declare_rights, declared_document, may_use
from idp.rights.declaration import Declaration, parse_declaration
from kernel.errors import Conflict, Denied, NotFound, Rejected

LONGEST_DOCUMENT = 200_000


def applications_reached(session: Session, powers: Powers, permission: Permission) -> list[Client]:
    """Return the applications that ``permission`` reaches, by name; to read, also those that are used there."""
    reach = powers.institutions(permission)
    clients = list_clients(session)
    if reach is None:
        return clients
    own = {each.id for each in list_institutions(session) if each.ruc in reach}
    if permission is Permission.DECLARATIONS_CHANGE:
        return [each for each in clients if each.institution_id in own]
    return [
        each
        for each in clients
        if any(may_use(session, client_id=each.client_id, institution_id=institution) for institution in sorted(own))
    ]


def application_reached(session: Session, powers: Powers, permission: Permission, client_id: str) -> Client:
    """Return the application. :raises NotFound: (``not_found``) if ``permission`` does not reach it."""
    if powers.institutions(permission) is None:
        return find_client(session, client_id)
    found = [each for each in applications_reached(session, powers, permission) if each.client_id == client_id]
    if not found:
        raise NotFound("There is nothing here.", code="not_found")
    return found[0]


def parse_declared(text: str, *, client_id: str) -> Declaration:
    """Return the declaration in ``text`` (YAML) for the application.

    :raises Rejected: (``bad_declaration``) with what is wrong.
    """
    if len(text) > LONGEST_DOCUMENT:
        raise Rejected("The text is too long.", code="bad_declaration")
    if "&" in text and any(isinstance(each, yaml.AliasToken) for each in _tokens(text)):
        raise Rejected("Write everything out: no anchors.", code="bad_declaration")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Rejected("This is not YAML.", code="bad_declaration") from error
    return parse_declaration(document, client_id=client_id)


def declare_at_console(
    session: Session,
    *,
    journal: Journal,
    powers: Powers,
    declaration: Declaration,
    seen_sha256: str,
    actor: str,
    now: datetime,
) -> Difference:
    """Declare what the operator reviewed, for an application that he reaches.

    :param seen_sha256: digest of what the application declared when the review was shown.
    :raises NotFound: ``not_found``.
    :raises Denied: ``offer_not_yours``: which institutions may use an application says the service, not whoever works
        for one institution; on record. ``own_role`` as :func:`declare_rights`.
    :raises Conflict: (``changed_meanwhile``).
    """
    client_id = declaration.client_id
    application_reached(session, powers, Permission.DECLARATIONS_CHANGE, client_id)
    hold_client(session, client_id)  # of two who saw the same, the second one sees here what the first one declared
    before = parse_declaration(declared_document(session, client_id), client_id=client_id)
    if before.sha256 != seen_sha256:
        raise Conflict("Somebody else changed it in the meantime.", code="changed_meanwhile")
    if powers.institutions(Permission.DECLARATIONS_CHANGE) is not None and (
        declaration.institutions != before.institutions
    ):
        event = Event(
            type=EventType.RIGHTS_DECLARED,
            outcome=Outcome.REFUSED,
            reason="offer_not_yours",
            actor=actor,
            client_id=client_id,
        )
        error = Denied("Which institutions may use it is not yours to say.", code="offer_not_yours")
        journal.refuse(session, event, error, now=now)
    return declare_rights(session, journal=journal, declaration=declaration, actor=actor, now=now)


def _tokens(text: str) -> list[yaml.Token]:
    try:
        return list(yaml.scan(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise Rejected("This is not YAML.", code="bad_declaration") from error
