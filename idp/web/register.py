"""Applications register themselves and manage their registration (RFC 7591, RFC 7592). No cookie, no other origin."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from idp.clients.dynamic.dynamic_registration import SelfRegistered, register_dynamically
from idp.clients.dynamic.management import delete_registration, read_registration, renew_secret, update_registration
from idp.clients.registration.document import registration_document
from idp.protocol.errors import BearerTokenError
from idp.web.access import services
from idp.web.protocol_errors import json_response, token_error_response
from kernel.errors import Conflict, NotFound, Rejected, ServiceError
from kernel.origin import current_origin
from web.client_address import network_of
from web.rate_limit import check_limit

blueprint = Blueprint("idp_register", __name__)

BODY_LIMIT = 64_000
RATE = "60 per minute"
# RFC 7591 §3.2.2; everything else that is wrong with the metadata is invalid_client_metadata.
_ERRORS = {
    "bad_redirect_uri": "invalid_redirect_uri",
    "unapproved_software_statement": "unapproved_software_statement",
}


@blueprint.post("/register", provide_automatic_options=False)
def register() -> Response:
    """Register an application (RFC 7591 §3)."""

    def answer(token: str) -> Response:
        provider = services()
        registered = register_dynamically(provider, token=token, metadata=_metadata(), now=provider.clock.now())
        return json_response(_document(registered), 201).response()

    return _guarded(answer)


@blueprint.route("/register/<client_id>", methods=["GET", "PUT", "DELETE"], provide_automatic_options=False)
def manage(client_id: str) -> Response:
    """Read, replace or delete a registration (RFC 7592 §2)."""

    def answer(token: str) -> Response:
        provider = services()
        now = provider.clock.now()
        if request.method == "DELETE":
            delete_registration(provider, client_id=client_id, token=token, now=now)
            response = Response(status=204)
            response.headers["Cache-Control"] = "no-store"
            return response
        if request.method == "PUT":
            metadata = _metadata()
            changed = update_registration(provider, client_id=client_id, token=token, metadata=metadata, now=now)
            return json_response(_document(changed, secret=metadata.get("client_secret"))).response()
        registered = read_registration(provider, client_id=client_id, token=token, now=now)
        return json_response(_document(registered, token)).response()

    return _guarded(answer)


@blueprint.post("/register/<client_id>/secret", provide_automatic_options=False)
def secret(client_id: str) -> Response:
    """Make a further secret; the one before stays valid for a while."""

    def answer(token: str) -> Response:
        provider = services()
        renewed = renew_secret(provider, client_id=client_id, token=token, now=provider.clock.now())
        return json_response(_document(renewed, token)).response()

    return _guarded(answer)


def _guarded(answer: Callable[[str], Response]) -> Response:
    try:
        check_limit(RATE, "idp.register", network_of(current_origin().address))
        return answer(_token())
    except BearerTokenError as error:
        return _refusal(error)
    except (Rejected, Conflict, NotFound) as error:
        document: dict[str, object] = {
            "error": _ERRORS.get(error.code, "invalid_client_metadata"),
            "error_description": error.public_detail,
        }
        return json_response(document, 400).response()
    except ServiceError as error:
        return token_error_response(error, basic=False).response()


def _refusal(error: BearerTokenError) -> Response:
    """RFC 6750 §3."""
    detail = error.public_detail
    response = json_response(
        {"error": error.code, "error_description": detail}, 401 if error.code == "invalid_token" else 400
    ).response()
    response.headers["WWW-Authenticate"] = f'Bearer realm="SAU", error="{error.code}", error_description="{detail}"'
    return response


def _token() -> str:
    """RFC 6750 §2.1; RFC 9700 §4.3.2: nowhere but in the header."""
    if request.args:
        raise BearerTokenError("wrong_place", code="invalid_request", public_detail="Nothing belongs in the query.")
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise BearerTokenError("no_token", public_detail="This needs a token; ask an administrator.")
    return value.strip()


def _metadata() -> Mapping[str, Any]:
    body = request.get_data()
    if request.mimetype != "application/json" or len(body) > BODY_LIMIT:
        raise Rejected("The body is one JSON object, application/json.", code="bad_client_metadata")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Rejected("The body is no JSON.", code="bad_client_metadata") from error
    if not isinstance(document, dict):
        raise Rejected("The body is one JSON object.", code="bad_client_metadata")
    return document


def _document(registered: SelfRegistered, token: str | None = None, *, secret: object = None) -> dict[str, object]:
    """RFC 7591 §3.2.1: what is really registered, and what the application must keep."""
    client = registered.client
    new_token = registered.registration_token
    document: dict[str, object] = {
        **registration_document(client),
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        "registration_client_uri": f"{services().settings.issuer}/register/{client.client_id}",
        "registration_access_token": new_token.reveal() if new_token else token,
    }
    if registered.secret or secret:
        document["client_secret"] = registered.secret.reveal() if registered.secret else secret
        document["client_secret_expires_at"] = 0
    if registered.certificate_chain_pem is not None:
        document["client_certificate_chain"] = registered.certificate_chain_pem
    return document
