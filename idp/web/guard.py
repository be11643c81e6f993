"""Who may open a page of the account: someone logged in, lately and strongly enough for what the page does."""

from __future__ import annotations

from datetime import timedelta

from flask import redirect
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.person import Person, find_person
from idp.authentication.assurance import ACR_2FA, satisfies
from idp.authentication.browser_session import BrowserSession
from idp.authentication.totp import has_totp
from idp.web.access import current_session, present, services
from idp.web.login import begin_own_login
from web.locale import prefer_languages

# What changes how one logs in asks for a login of at most this age.
RECENT = timedelta(minutes=15)


class Visitor:
    """The person who is logged in, with the session."""

    def __init__(self, person: Person, session: BrowserSession, *, has_second_factor: bool) -> None:
        self.person = person
        self.session = session
        self.has_second_factor = has_second_factor


def admit(*, back_to: str, sensitive: bool = False) -> Visitor | AnyResponse:
    """Return who is logged in, or the redirect to the login that is due before the page at ``back_to`` may open.

    :param sensitive: the page changes how the person logs in: a recent login, with the second factor if there is one.
    """
    found = current_session()
    if found is None:
        return redirect(begin_own_login(next_path=back_to), 303)
    with services().database.reading() as session:
        person = find_person(session, found.person_id)
        second_factor = has_totp(session, person.id)
    required = ACR_2FA if sensitive and second_factor else None
    oldest = present() - RECENT
    if sensitive and (found.authenticated_at < oldest or not satisfies(found.acr, required)):
        address = begin_own_login(next_path=back_to, required_acr=required, authenticated_after=oldest)
        return redirect(address, 303)
    prefer_languages([person.locale])
    return Visitor(person, found, has_second_factor=second_factor)
