"""A test citizen's certificate, which is none: what an application in a sandbox demands of level 3 is tried with it.

No certificate is made, for whoever relies on our chain knows nothing of sandboxes. In its place the test citizen shows
the password; the session that comes of it is, in its methods, the one of a login with a certificate. Three things have
to be so, and each is asked for in the transaction that opens the session: the application stands in a sandbox, the
person is a test citizen, and one of level 3. Where such a session may go is decided where that is decided of every test
citizen: into no application of production, onto no page of ours (:mod:`idp.clients.environment`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType, Outcome
from idp.accounts.person import find_person
from idp.authentication.assurance import AMR_CERTIFICATE, WITH_CERTIFICATE
from idp.authentication.interaction import Interaction, load_interaction
from idp.authentication.login import OpenedSession, open_session
from idp.authentication.password_try import look_at_password, require_checked
from idp.clients.client import find_client
from idp.clients.environment import Environment
from idp.services import IdpServices
from kernel.errors import Denied, NotFound
from kernel.secret_text import SecretText


def takes_simulated_certificates(session: Session, interaction: Interaction) -> bool:
    """Tell whether the login is one for an application in a sandbox."""
    if interaction.client_id is None:
        return False
    try:
        return find_client(session, interaction.client_id).environment is Environment.SANDBOX
    except NotFound:
        return False


def log_in_with_simulated_certificate(
    services: IdpServices,
    *,
    interaction_id: str,
    browser_secret: str | None,
    session_secret: str | None,
    device_secret: str | None,
    document: str,
    password: SecretText,
    now: datetime,
) -> OpenedSession:
    """Check a test citizen's password and open a session as a login with a certificate does.

    :raises NotFound: (``not_found``) for every login that is not an application's in a sandbox.
    :raises Denied: ``certificate_missing``: a real person, or a test citizen of another level; on record.
    :raises ServiceError: as :func:`idp.authentication.password_try.look_at_password`.
    """
    with services.database.reading() as session:
        _require_sandbox(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
    checked = look_at_password(
        services,
        interaction_id=interaction_id,
        browser_secret=browser_secret,
        device_secret=device_secret,
        document=document,
        password=password,
        now=now,
    )
    with services.database.transaction() as session:
        interaction = _require_sandbox(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
        person_id = require_checked(session, services, checked, client_id=interaction.client_id, now=now)
        person = find_person(session, person_id)
        if not person.is_test or person.level < WITH_CERTIFICATE:
            error = Denied("This person has no test certificate.", code="certificate_missing")
            services.journal.refuse(session, _event(interaction, person_id, error.code), error, now=now)
        services.journal.record(session, _event(interaction, person_id), now=now)
        return open_session(
            session,
            services=services,
            person_id=person_id,
            amr=[AMR_CERTIFICATE],
            session_secret=session_secret,
            device_secret=device_secret,
            interaction=interaction,
            now=now,
        )


def _require_sandbox(
    session: Session, *, interaction_id: str, browser_secret: str | None, now: datetime
) -> Interaction:
    interaction = load_interaction(session, interaction_id=interaction_id, browser_secret=browser_secret, now=now)
    if not takes_simulated_certificates(session, interaction):
        raise NotFound("No test certificates are taken here.", code="not_found")
    return interaction


def _event(interaction: Interaction, person_id: str, refused: str | None = None) -> Event:
    return Event(
        type=EventType.SIMULATED_CERTIFICATE_SHOWN,
        outcome=Outcome.REFUSED if refused else Outcome.SUCCESS,
        reason=refused,
        subject=person_id,
        client_id=interaction.client_id,
        details={"interaction": interaction.id},
    )
