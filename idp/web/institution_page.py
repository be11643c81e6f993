"""The page that asks with which institution somebody goes in who works for several."""

from __future__ import annotations

from flask import Response

from idp.authorization.institution_choice import InstitutionChoiceIsNeeded
from idp.clients.registration.uris import origin_of
from web.headers import allow_form_redirect_to
from web.locale import prefer_languages
from web.pages import render


def institution_page(needed: InstitutionChoiceIsNeeded) -> Response:
    """Return the page."""
    prefer_languages(needed.ui_locales)
    allow_form_redirect_to(needed.redirect_uri)
    return render(
        "idp/select_institution.html",
        interaction_id=needed.interaction_id,
        client_name=needed.client.name,
        client_origin=origin_of(needed.redirect_uri).partition("//")[2],
        institution_name=needed.institution.name if needed.institution else "",
        person_id=needed.person.id,
        person_name=needed.person.name,
        choices=needed.choices,
    )
