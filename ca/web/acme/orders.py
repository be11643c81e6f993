"""Orders, authorizations, challenges, certificates and revocation over HTTP (RFC 8555 §7.4 to §7.6)."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from ca.acme.addresses import PREFIX
from ca.acme.model import Account
from ca.acme.revoke import revoke_by_message
from ca.web.acme.frame import answer, asked, received_by_either, wrap
from ca.web.acme.order_answers import (
    answer_authorization,
    answer_certificate,
    answer_challenge,
    answer_finalize,
    answer_new_order,
    answer_order,
)
from ca.web.services import services
from web.rate_limit import limit

blueprint = Blueprint("acme_orders", __name__, url_prefix=PREFIX)
wrap(blueprint)


@blueprint.post("/new-order")
def new_order() -> Response:
    """Place an order (§7.4)."""
    return answer_new_order(asked()).response()


@blueprint.post("/order/<order_id>")
def order(order_id: str) -> Response:
    """Show an order."""
    return answer_order(asked(), order_id).response()


@blueprint.post("/order/<order_id>/finalize")
def finalize(order_id: str) -> Response:
    """Take the CSR of a ready order and issue (§7.4)."""
    return answer_finalize(asked(), order_id).response()


@blueprint.post("/authorization/<authorization_id>")
def authorization(authorization_id: str) -> Response:
    """Show an authorization, or give it up (§7.5, §7.5.2)."""
    return answer_authorization(asked(), authorization_id).response()


@blueprint.post("/challenge/<authorization_id>/<challenge_type>")
def challenge(authorization_id: str, challenge_type: str) -> Response:
    """Show a challenge, or have it looked at (§7.5.1)."""
    return answer_challenge(asked(), authorization_id, challenge_type).response()


@blueprint.post("/certificate/<serial>", defaults={"chain": 0})
@blueprint.post("/certificate/<serial>/<int(max=9):chain>")
def certificate(serial: str, chain: int) -> Response:
    """Hand the certificate over with a chain (§7.4.2)."""
    return answer_certificate(asked(), serial, chain).response()


@blueprint.post("/revoke-cert")
@limit("300 per hour")
def revoke() -> Response:
    """Revoke a certificate (§7.6)."""
    signed, now = received_by_either(asked()), services().clock.now()
    document = signed.document

    def revoke_it(writing: Session, own: Account | None = None) -> None:
        key = None if own else signed.key
        revoke_by_message(writing, services=services(), request=document, account=own, key=key, now=now)

    if signed.account_id is None:
        signed.write_by_key(revoke_it)
    else:
        signed.write(revoke_it)
    return answer(None).response()
