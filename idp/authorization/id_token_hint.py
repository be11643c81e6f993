"""``id_token_hint``: whom the application expects (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import RedirectableError
from idp.protocol.jose import JwtError
from idp.services import IdpServices
from idp.tokens.id_token import read_id_token_hint


def read_hinted_subject(session: Session, services: IdpServices, request: AuthorizationRequest) -> str | None:
    """Return the ``sub`` of the hint, as this client knows the person; None without a hint.

    :raises RedirectableError: (``invalid_request``) if it is no ID token of ours for this client.
    """
    if request.id_token_hint is None:
        return None
    try:
        hint = read_id_token_hint(session, services, token=request.id_token_hint)
    except JwtError as error:
        raise RedirectableError("invalid_request", "The id_token_hint is not an ID token of this service.") from error
    if hint.client_id != request.client_id:
        raise RedirectableError("invalid_request", "The id_token_hint was issued to another client.")
    return hint.subject
