"""With which institution a person who works for several goes in: asked once a session, where rights are asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.person import Person
from idp.authentication.browser_session import BrowserSession
from idp.authentication.interaction import Interaction
from idp.clients.client import Client
from idp.directory.institutions import Institution
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import RedirectableError
from idp.protocol.prompt import SELECT_ACCOUNT
from idp.rights.belonging import institutions_of
from idp.rights.claims import RIGHTS, institution_choices

#: Kept in an interaction: the institution was chosen in it.
CHOSEN_INSTITUTION = "chosen_institution"


@dataclass(frozen=True)
class InstitutionChoiceIsNeeded:
    """What the page shows that asks with which institution to go in. :ivar institution: whose the application is."""

    interaction_id: str
    client: Client
    institution: Institution | None
    person: Person
    redirect_uri: str
    ui_locales: tuple[str, ...]
    choices: tuple[Institution, ...]


def institution_for(
    session: Session,
    *,
    client: Client,
    request: AuthorizationRequest,
    scopes: Collection[str],
    browser_session: BrowserSession,
    now: datetime,
) -> str | None:
    """Return the id of the institution that goes into the tokens, None where no rights are given or none is clear.

    In this order: the one that the request names, the one that the person chose in this session, the only one.

    :raises RedirectableError: (``access_denied``) if the request names one where the person does not work.
    """
    if not set(RIGHTS) & {*scopes, *request.terms.claimed_scopes}:
        return None
    if request.institution is not None:
        belongs = institutions_of(session, browser_session.person_id, now=now)
        named = next((each.id for each in belongs if each.ruc == request.institution), None)
        if named is None:
            raise RedirectableError("access_denied", "The person does not work at this institution.")
        return named
    choices = _choices(session, client, browser_session, now=now)
    if len(choices) == 1:
        return choices[0].id
    return next((each.id for each in choices if each.id == browser_session.institution_id), None)


def open_choice(
    session: Session,
    *,
    client: Client,
    request: AuthorizationRequest,
    interaction: Interaction | None,
    browser_session: BrowserSession,
    now: datetime,
) -> tuple[Institution, ...]:
    """Return between which institutions the person has yet to choose; empty: nothing is to be asked.

    :param interaction: the request under way, None if there is none yet.
    """
    if request.institution is not None or not set(RIGHTS) & set(request.asked):
        return ()
    choices = _choices(session, client, browser_session, now=now)
    if len(choices) < 2:
        return ()
    known = browser_session.institution_id in {each.id for each in choices}
    chosen_here = interaction is not None and interaction.parameters.get(CHOSEN_INSTITUTION) is not None
    # prompt=select_account: whoever may be several is asked as whom he goes on.
    return () if known and (chosen_here or SELECT_ACCOUNT not in request.prompts) else tuple(choices)


def _choices(session: Session, client: Client, browser_session: BrowserSession, *, now: datetime) -> list[Institution]:
    return institution_choices(session, person_id=browser_session.person_id, client_id=client.client_id, now=now)
