"""What is shown where a service asks for a level that the person has not reached: the ways to it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from idp.accounts.person import Person, find_person
from idp.authentication.assurance import level_in
from idp.authentication.interaction import Interaction
from idp.levels.ways import Way, ways_to
from idp.web.access import services
from web.pages import render


def show_level_step(interaction: Interaction, *, person_id: str, context: Mapping[str, Any], status: int) -> Response:
    """Show which level is asked for, which one the person has, and the ways to the other.

    :param context: what every page of a login shows of who asks.
    """
    with services().database.reading() as session:
        person = find_person(session, person_id)
    wanted = level_in(interaction.required_acr)
    return render(
        "idp/levels/needed.html", status, person=person, wanted=wanted, ways=ways_for(person, wanted), **context
    )


def ways_for(person: Person, wanted: int) -> tuple[Way, ...]:
    """Return the ways to the level that this service offers the person."""
    given = services()
    return ways_to(
        wanted,
        person=person,
        with_registry=given.civil_registry is not None,
        with_certificates=bool(given.settings.mtls_origin),
    )
