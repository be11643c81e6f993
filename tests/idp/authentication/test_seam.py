"""Interactions and browser sessions as other rooms use them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from composition import Composition
from idp.accounts.person import add_person, find_person
from idp.authentication.assurance import ACR_1FA, ACR_2FA, satisfies
from idp.authentication.browser_session import (
    IDLE_LIFETIME,
    end_browser_session,
    find_browser_session,
    start_browser_session,
    step_up,
)
from idp.authentication.interaction import (
    INTERACTION_LIFETIME,
    Interaction,
    begin_interaction,
    finish_interaction,
    load_interaction,
)
from kernel.clock import ManualClock
from kernel.errors import AlreadyConsumed, Conflict, Denied


def _begin(composition: Composition) -> Interaction:
    with composition.database.transaction() as session:
        return begin_interaction(
            session,
            journal=composition.journal,
            browser_secret="one",
            resume_path="/authorize/resume",
            parameters={"state": "x"},
            client_id="c",
            client_name="Ventanilla",
            client_origin="https://v.test",
            required_acr=None,
            authenticated_after=None,
            login_hint=None,
            locale=None,
            now=composition.clock.now(),
        )


def test_an_interaction_prepared_in_another_browser_dies(composition: Composition) -> None:
    """CVE-2026-7507: a login begun by an attacker cannot be continued by the victim's browser."""
    interaction = _begin(composition)
    for secret in ("two", "", None):
        with composition.database.reading() as session, pytest.raises(Denied):
            load_interaction(session, interaction_id=interaction.id, browser_secret=secret, now=composition.clock.now())


def test_an_interaction_is_finished_once_and_expires(composition: Composition, clock: ManualClock) -> None:
    """Exactly one finish; nothing after it; nothing after 30 minutes."""
    interaction = _begin(composition)
    with composition.database.transaction() as session:
        finish_interaction(session, interaction_id=interaction.id, now=clock.now())
    with composition.database.transaction() as session, pytest.raises(AlreadyConsumed):
        finish_interaction(session, interaction_id=interaction.id, now=clock.now())
    with composition.database.reading() as session, pytest.raises(AlreadyConsumed):
        load_interaction(session, interaction_id=interaction.id, browser_secret="one", now=clock.now())
    other = _begin(composition)
    clock.advance(INTERACTION_LIFETIME)
    with composition.database.reading() as session, pytest.raises(Conflict):
        load_interaction(session, interaction_id=other.id, browser_secret="one", now=clock.now())


def test_the_session_secret_changes_at_step_up(composition: Composition, clock: ManualClock) -> None:
    """The old cookie is worth nothing after step-up; sid and auth_time stay."""
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula="1710034065",
            given_names="Ana",
            surnames="Quispe",
            email="ana@example.test",
            now=clock.now(),
        )
        assert find_person(session, person.id) == person
        first, old = start_browser_session(
            session, journal=composition.journal, person_id=person.id, amr=["pwd"], now=clock.now()
        )
        clock.advance(timedelta(minutes=1))
        second, new = step_up(session, journal=composition.journal, sid=first.sid, method="otp", now=clock.now())
    assert (first.acr, second.acr, second.amr) == (ACR_1FA, ACR_2FA, ("mfa", "otp", "pwd"))
    assert (second.sid, second.authenticated_at) == (first.sid, first.authenticated_at)
    with composition.database.reading() as session:
        assert find_browser_session(session, secret=old, now=clock.now()) is None
        assert find_browser_session(session, secret=new, now=clock.now()) == second
        later = clock.now() + IDLE_LIFETIME
        assert find_browser_session(session, secret=new, now=later) is None
    with composition.database.transaction() as session:
        assert end_browser_session(
            session, journal=composition.journal, sid=first.sid, reason="logout", now=clock.now()
        )
        assert not end_browser_session(
            session, journal=composition.journal, sid=first.sid, reason="logout", now=clock.now()
        )


def test_acr_is_ordered_and_the_unknown_satisfies_nothing() -> None:
    """2fa covers 1fa, never the other way; an unknown value is never met."""
    assert satisfies(ACR_2FA, ACR_1FA)
    assert satisfies(ACR_1FA, None)
    assert not satisfies(ACR_1FA, ACR_2FA)
    assert not satisfies(ACR_2FA, "urn:other")
    assert not satisfies("", ACR_1FA)
