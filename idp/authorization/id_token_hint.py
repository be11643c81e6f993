"""``id_token_hint``: whom the application expects (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.claims_request import required_subject
from idp.protocol.errors import RedirectableError
from idp.protocol.jose import JwtError
from idp.services import IdpServices
from idp.tokens.id_token import read_id_token_hint


def read_hinted_subject(session: Session, services: IdpServices, request: AuthorizationRequest) -> str | None:
    """Return whom the answer must be about, as this client knows the person; None if it may be anybody.

    A ``sub`` that ``claims`` asks for by value (§5.5.1) says the same as a hint.

    :raises RedirectableError: (``invalid_request``) if the hint is no ID token of ours for this client, or names
        somebody else than ``claims``.
    """
    named = required_subject(request.terms.claims)
    if request.id_token_hint is None:
        return named
    try:
        hint = read_id_token_hint(session, services, token=request.id_token_hint)
    except JwtError as error:
        raise RedirectableError("invalid_request", "The id_token_hint is not an ID token of this service.") from error
    if hint.client_id != request.client_id:
        raise RedirectableError("invalid_request", "The id_token_hint was issued to another client.")
    if named not in (None, hint.subject):
        raise RedirectableError("invalid_request", "The id_token_hint is about somebody else than claims asks for.")
    return hint.subject
