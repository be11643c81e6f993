"""Who may open a page of the account: someone logged in, lately and strongly enough for what the page does."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from flask import redirect, request
from werkzeug.wrappers import Response as AnyResponse

from idp.accounts.person import Person, find_person
from idp.authentication.assurance import ACR_2FA, satisfies
from idp.authentication.browser_session import BrowserSession, person_of_session
from idp.authentication.interaction import INTERACTION_LIFETIME, load_interaction
from idp.authentication.second_factor_kinds import has_second_factor
from idp.clients.environment import TEST_PERSON_OUTSIDE
from idp.web.access import current_session, present, services
from idp.web.cookies import browser_secret, session_secret
from idp.web.forms import Texts
from idp.web.login import begin_own_login
from kernel.errors import Denied, ServiceError
from web.locale import prefer_languages

# What changes how one logs in asks for a login of at most this age.
RECENT = timedelta(minutes=15)
_KEPT = 512


class Visitor:
    """The person who is logged in, with the session."""

    def __init__(self, person: Person, session: BrowserSession, *, has_second_factor: bool) -> None:
        self.person = person
        self.session = session
        self.has_second_factor = has_second_factor


def admit(
    *, back_to: str, sensitive: bool = False, keep: tuple[str, ...] = (), test_people: bool = False
) -> Visitor | AnyResponse:
    """Return who is logged in, or the redirect to the login that is due before the page at ``back_to`` may open.

    :param sensitive: the page changes how the person logs in: a recent login, with the second factor if there is one.
    :param test_people: test citizens may open it too: the page is about an application that asks, not about an account.
    :param keep: fields of this form that the same person gets back on that page after the login; never a secret.
    """
    found = current_session()
    typed = {name: request.form[name][:_KEPT] for name in keep if request.form.get(name)}
    if found is None:
        with services().database.reading() as session:
            whose = person_of_session(session, secret=session_secret()) if typed else None
        return redirect(begin_own_login(next_path=back_to, kept=typed if whose else None, kept_for=whose), 303)
    with services().database.reading() as session:
        person = find_person(session, found.person_id)
        second_factor = has_second_factor(session, person.id)
    if not person.is_active:
        return redirect(begin_own_login(next_path=back_to), 303)
    if person.is_test and not test_people:
        raise Denied("A test citizen has no account to look after.", code=TEST_PERSON_OUTSIDE)
    required = ACR_2FA if sensitive and second_factor else None
    oldest = present() - RECENT
    if sensitive and (found.authenticated_at < oldest or not satisfies(found.acr, required, level=found.level)):
        address = begin_own_login(
            next_path=back_to, required_acr=required, authenticated_after=oldest, kept=typed, kept_for=person.id
        )
        return redirect(address, 303)
    prefer_languages([person.locale])
    return Visitor(person, found, has_second_factor=second_factor)


def kept_values(visitor: Visitor) -> Texts:
    """Return what the visitor had typed into this page when his session ran out; else nothing."""
    now, login = present(), request.args.get("kept", "")
    if not login:
        return Texts()
    try:
        with services().database.reading() as session:
            parameters = load_interaction(
                session,
                interaction_id=login,
                browser_secret=browser_secret(),
                now=now,
                finished_after=now - INTERACTION_LIFETIME,
            ).parameters
    except ServiceError:
        return Texts()
    if parameters.get("kept_for") != visitor.person.id or urlsplit(str(parameters.get("next"))).path != request.path:
        return Texts()
    return Texts(parameters.get("kept", {}))
