"""Which step of a login is due: the one place that states their order."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from enum import StrEnum

from idp.authentication.assurance import ACR_1FA, ACR_2FA, HIGHEST_LEVEL, acr_of, satisfies, with_method
from idp.authentication.browser_session import BrowserSession
from idp.authentication.interaction import PASSWORD_STEP_LIFETIME, Interaction


class Step(StrEnum):
    """A step of a login."""

    PASSWORD = "password"
    SECOND_FACTOR = "second_factor"
    ENROLLMENT = "enrollment"
    CERTIFICATE = "certificate"
    #: The login is strong enough, and too little is known of who the person is.
    LEVEL = "level"
    DONE = "done"


def is_recent(interaction: Interaction, current: BrowserSession) -> bool:
    """Tell whether the session was authenticated late enough (OIDC Core §3.1.2.1, ``max_age`` and ``prompt=login``)."""
    return interaction.authenticated_after is None or current.authenticated_at >= interaction.authenticated_after


def due_step(
    interaction: Interaction, *, current: BrowserSession | None, second_factors: Set[str], now: datetime
) -> Step:
    """Return the step that is due.

    :param current: the browser's live session, if any.
    :param second_factors: what the person of :func:`person_in_question` could prove in a second step (``amr``).
    """
    if current is not None and is_recent(interaction, current):
        if satisfies(current.acr, interaction.required_acr, level=current.level):
            return Step.DONE
        if satisfies(current.acr, interaction.required_acr, level=HIGHEST_LEVEL):
            return Step.LEVEL
        if wants_certificate(interaction):
            return Step.CERTIFICATE
        enough = any(reaches(interaction, current, method) for method in second_factors)
        return Step.SECOND_FACTOR if enough else Step.ENROLLMENT
    if wants_certificate(interaction):
        return Step.CERTIFICATE
    if password_is_verified(interaction, now=now) and second_factors:
        return Step.SECOND_FACTOR
    return Step.PASSWORD


def reaches(interaction: Interaction, current: BrowserSession, method: str) -> bool:
    """Tell whether ``method``, proved as well, would make the session strong enough."""
    return satisfies(acr_of(with_method(current.amr, method)), interaction.required_acr, level=HIGHEST_LEVEL)


def wants_certificate(interaction: Interaction) -> bool:
    """Tell whether no password and no code would be enough, however many."""
    return not satisfies(ACR_2FA, interaction.required_acr, level=HIGHEST_LEVEL)


def wants_second_factor(interaction: Interaction) -> bool:
    """Tell whether a password alone is not enough, and two factors are."""
    alone = satisfies(ACR_1FA, interaction.required_acr, level=HIGHEST_LEVEL)
    return not alone and not wants_certificate(interaction)


def person_in_question(interaction: Interaction, *, current: BrowserSession | None, now: datetime) -> str | None:
    """Return whose second factor would be due: of the recent session, else whose password was just verified."""
    if current is not None and is_recent(interaction, current):
        return current.person_id
    return interaction.person_id if password_is_verified(interaction, now=now) else None


def password_is_verified(interaction: Interaction, *, now: datetime) -> bool:
    """Tell whether the password step of this interaction is done and has not grown stale."""
    verified_at = interaction.password_verified_at
    return verified_at is not None and interaction.person_id is not None and now < verified_at + PASSWORD_STEP_LIFETIME
