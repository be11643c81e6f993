"""``prompt=select_account``: the person says as whom to go on (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from idp.accounts.person import Person, find_person
from idp.authentication.browser_session import BrowserSession
from idp.authentication.interaction import Interaction
from idp.clients.client import Client
from idp.directory.institutions import Institution, find_institution
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.prompt import SELECT_ACCOUNT

CHOSEN = "chosen_person"


@dataclass(frozen=True)
class AccountChoiceIsNeeded:
    """What the page shows that asks as whom to go on.

    :ivar person: who is logged in.
    """

    interaction_id: str
    client: Client
    institution: Institution | None
    person: Person
    redirect_uri: str
    ui_locales: tuple[str, ...]


def choice_is_due(request: AuthorizationRequest, interaction: Interaction, browser_session: BrowserSession) -> bool:
    """Tell whether the person has yet to say so. Who has logged in since the request came has said it by that."""
    return (
        SELECT_ACCOUNT in request.prompts
        and interaction.parameters.get(CHOSEN) != browser_session.person_id
        and browser_session.authenticated_at < interaction.created_at
    )


def account_choice(
    session: Session,
    *,
    client: Client,
    request: AuthorizationRequest,
    interaction: Interaction,
    browser_session: BrowserSession,
) -> AccountChoiceIsNeeded:
    """Return what the page shows."""
    return AccountChoiceIsNeeded(
        interaction_id=interaction.id,
        client=client,
        institution=find_institution(session, client.institution_id) if client.institution_id else None,
        person=find_person(session, browser_session.person_id),
        redirect_uri=request.redirect_uri,
        ui_locales=request.ui_locales,
    )
