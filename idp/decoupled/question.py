"""What a person is asked about a request, and the answer: consent and decision are one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from idp.accounts.person import Person, find_person
from idp.authentication.browser_session import touch_browser_session
from idp.clients.api import Permission, find_permissions
from idp.clients.client import Client, find_client
from idp.clients.environment import misplaced
from idp.consent.consent import find_consent, grant_consent, record_refused_consent
from idp.decoupled.request import Approver, Decision, DecoupledRequest, decide
from idp.directory.institutions import Institution, find_institution
from idp.protocol.acr import stated_acr
from idp.rights.claims import RIGHTS, institution_choices
from idp.services import IdpServices
from kernel.errors import Rejected


@dataclass(frozen=True)
class Question:
    """What the page shows.

    :ivar necessary: scopes and APIs without which the service cannot be given.
    :ivar optional: what the person may leave out; it starts unticked.
    :ivar allowed_before: optional ones that were allowed before and stay so: no decision here takes them back.
    :ivar permissions: words for those that are about APIs.
    :ivar institutions: with one of which the person goes in, where rights are asked for; more than one: a choice.
    :ivar preferred: id of the one that the page has chosen already, of ``institutions``.
    """

    request: DecoupledRequest
    client: Client
    institution: Institution | None
    person: Person
    necessary: tuple[str, ...]
    optional: tuple[str, ...]
    allowed_before: tuple[str, ...]
    permissions: Mapping[str, Permission]
    institutions: tuple[Institution, ...]
    preferred: str | None

    def institution_chosen(self, named: str | None) -> str | None:
        """Return the id of the institution with which the person goes in, None where none is clear or none counts.

        :param named: what the page sent, empty for nothing; None from a channel that cannot ask: then only where there
            is no choice one is taken.
        :raises Rejected: (``institution_needed``) if there is a choice and it was not made.
        """
        if len(self.institutions) < 2:
            return self.institutions[0].id if self.institutions else None
        if named is None:
            return None
        if named not in {each.id for each in self.institutions}:
            raise Rejected("Choose with which institution you go in.", code="institution_needed")
        return named


def ask(
    session: Session, *, request: DecoupledRequest, person_id: str, preferred: str | None = None, now: datetime
) -> Question:
    """Return what the person is to decide on.

    :param preferred: the institution that was chosen in this browser's session before, if one was.
    :raises Rejected: (``client_disabled``) if the application is closed, or may no longer ask for this;
        ``test_person_outside``, ``real_person_in_sandbox``.
    """
    client = find_client(session, request.client_id)
    wanted = (*request.scopes, *request.terms.resources)
    if (
        not client.active
        or request.grant_type not in client.grant_types
        or not set(request.scopes) <= set(client.scopes)
        or not set(request.terms.resources) <= set(client.metadata.resources)
    ):
        raise Rejected("This application is closed, or may no longer ask this.", code="client_disabled")
    person = find_person(session, person_id)
    reason = misplaced(client.environment, is_test=person.is_test)
    if reason is not None:
        raise Rejected("This person may not enter this application.", code=reason)
    consent = find_consent(session, person_id=person_id, client_id=client.client_id)
    optional = tuple(item for item in wanted if item in client.optional_scopes)
    choices = (
        institution_choices(session, person_id=person_id, client_id=client.client_id, now=now)
        if set(RIGHTS) & {*request.scopes, *request.terms.claimed_scopes}
        else []
    )
    before = tuple(item for item in optional if consent is not None and item in consent.scopes)
    return Question(
        request=request,
        client=client,
        institution=find_institution(session, client.institution_id) if client.institution_id else None,
        person=person,
        necessary=tuple(item for item in wanted if item not in client.optional_scopes),
        optional=tuple(item for item in optional if item not in before),
        allowed_before=before,
        permissions=find_permissions(session, request.terms.resources),
        institutions=tuple(choices),
        preferred=next((each.id for each in choices if each.id == preferred), None),
    )


def answer(
    session: Session,
    *,
    services: IdpServices,
    question: Question,
    browser_session: Approver,
    decision: Decision,
    chosen: Collection[str],
    institution: str | None,
    now: datetime,
) -> None:
    """Write down what the person decided. The event of the decision itself is the caller's.

    :param chosen: the optional scopes that were ticked.
    :param institution: the one that was chosen, see :meth:`Question.institution_chosen`.
    :raises Rejected: ``institution_needed``; nothing is decided then.
    :raises AlreadyConsumed: (``request_decided``) if another decision was first; nothing stays then.
    """
    request, client, person_id = question.request, question.client, browser_session.person_id
    granted: tuple[str, ...] = ()
    terms = request.terms
    if decision is Decision.ALLOWED:
        given = grant_consent(
            session,
            journal=services.journal,
            person_id=person_id,
            client=client,
            requested=(*question.necessary, *question.optional, *question.allowed_before),
            chosen={*chosen, *question.allowed_before},
            session_id=browser_session.sid,
            now=now,
        )
        granted = tuple(scope for scope in request.scopes if scope in given)
        if set(RIGHTS) & {*granted, *terms.claimed_scopes}:
            terms = replace(terms, institution=question.institution_chosen(institution))
    decide(
        session,
        request=request,
        person_id=person_id,
        decision=decision,
        granted=granted,
        terms=terms,
        browser_session=browser_session,
        acr=stated_acr(
            browser_session.acr,
            known=services.acr_values,
            levels=services.acr_levels,
            level=browser_session.level,
            minimum=client.minimum_acr,
            claims=request.terms.claims,
            required=request.required_acr,
        ),
        now=now,
    )
    if decision is not Decision.ALLOWED:
        record_refused_consent(
            session,
            journal=services.journal,
            person_id=person_id,
            client=client,
            requested=request.scopes,
            session_id=browser_session.sid,
            now=now,
        )
    if browser_session.sid is not None:
        touch_browser_session(session, sid=browser_session.sid, now=now)
