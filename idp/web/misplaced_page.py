"""The page that a test citizen sees at a real application, and everybody else at one that is being tested."""

from __future__ import annotations

from flask import Response

from idp.authorization.stage import PersonIsMisplaced
from idp.clients.registration.uris import origin_of
from web.headers import allow_form_redirect_to
from web.locale import prefer_languages
from web.pages import render


def misplaced_page(needed: PersonIsMisplaced) -> Response:
    """Say why not with this person, and offer to log in as another or to go back."""
    prefer_languages(needed.ui_locales)
    allow_form_redirect_to(needed.redirect_uri)
    response = render(
        "idp/misplaced.html",
        interaction_id=needed.interaction_id,
        client_name=needed.client.name,
        client_origin=origin_of(needed.redirect_uri).partition("//")[2],
        person_id=needed.person.id,
        person_name=needed.person.name,
        is_test=needed.person.is_test,
    )
    response.status_code = 403
    return response
