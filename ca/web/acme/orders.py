"""Orders, authorizations, challenges, certificates and revocation over HTTP (RFC 8555 §7.4 to §7.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from flask import Blueprint, Response, current_app
from limits import parse
from sqlalchemy.orm import Session

from ca.acme.account import load_account
from ca.acme.addresses import PREFIX
from ca.acme.authorization import (
    begin_challenge,
    find_authorization,
    find_challenge,
    give_up_authorization,
    read_challenge,
)
from ca.acme.download import take_certificate
from ca.acme.finalize import complete_order, finalize_order, judge_finalize, read_csr, sign_order
from ca.acme.looker import HEAD_START, Looker
from ca.acme.model import Account
from ca.acme.order import find_order, place_order
from ca.acme.problem import AcmeProblem, Kind
from ca.acme.prove import claim_of
from ca.acme.reading_ahead import wants_authorization, wants_order
from ca.acme.revoke import revoke_by_message
from ca.acme.state import PROCESSING
from ca.acme.view import ChallengeView, OrderView
from ca.transparency.promise import place_waiting
from ca.web.acme.frame import Signed, addresses, answer, received, received_by_either, wrap
from ca.web.services import services
from kernel.errors import Unavailable
from web.rate_limit import check_limit, limit

blueprint = Blueprint("acme_orders", __name__, url_prefix=PREFIX)
wrap(blueprint)

#: Of one account. Servers of an institution that all begin at once stay below it; a client in a loop does not.
_ORDERS = parse("300 per hour")
_POLL = 1  # second


@blueprint.post("/new-order")
def new_order() -> Response:
    """Place an order (§7.4)."""
    signed = received()
    check_limit(_ORDERS, "acme.orders", signed.account_id or "")
    now, document = services().clock.now(), signed.document
    order = signed.write(
        lambda writing, own: place_order(writing, services=services(), account=own, request=document, now=now)
    )
    return answer(order.to_json(addresses()), 201, location=addresses().order(order.id))


@blueprint.post("/order/<order_id>")
def order(order_id: str) -> Response:
    """Show an order; one that waits for its signature is gone on with."""
    signed, now = received(), services().clock.now()
    found = signed.read(lambda reading, own: find_order(reading, account=own, order_id=order_id, now=now))
    if found.status == PROCESSING:
        found = complete_order(services(), order_id, now=now)
    return _order(found)


@blueprint.post("/order/<order_id>/finalize")
def finalize(order_id: str) -> Response:
    """Take the CSR of a ready order and issue (§7.4)."""
    signed, now = received(), services().clock.now()
    csr = read_csr(signed.document.get("csr"))
    # Judged before the transaction: nobody waits for the linter with the write lock in hand.
    account_id = signed.account_id or ""
    judged = judge_finalize(services(), account_id=account_id, order_id=order_id, csr=csr, now=now)
    finalized = signed.write(
        lambda writing, own: finalize_order(
            writing, services=services(), account=own, order_id=order_id, csr=csr, judged=judged, now=now
        ),
        wants_order(order_id),
    )
    return _order(sign_order(services(), finalized, now=now))


@blueprint.post("/authorization/<authorization_id>")
def authorization(authorization_id: str) -> Response:
    """Show an authorization, or give it up (§7.5, §7.5.2)."""
    signed, now = received(), services().clock.now()
    if signed.message.is_reading:
        found = signed.read(
            lambda reading, own: find_authorization(reading, account=own, authorization_id=authorization_id, now=now),
            wants_authorization(authorization_id),
        )
    else:
        document = signed.document
        found = signed.write(
            lambda writing, own: give_up_authorization(
                writing,
                services=services(),
                account=own,
                authorization_id=authorization_id,
                request=document,
                now=now,
            )
        )
    response = answer(found.to_json(addresses()))
    if found.in_progress:
        response.headers["Retry-After"] = str(_POLL)
    return response


@blueprint.post("/challenge/<authorization_id>/<challenge_type>")
def challenge(authorization_id: str, challenge_type: str) -> Response:
    """Show a challenge, or have it looked at (§7.5.1)."""
    signed = received()
    if signed.message.is_reading:
        found = signed.read(
            lambda reading, own: find_challenge(
                reading, account=own, authorization_id=authorization_id, challenge_type=challenge_type
            ),
            wants_authorization(authorization_id),
        )
    else:
        found = _begin(signed, authorization_id, challenge_type)
    response = answer(found.to_json(addresses()), up=addresses().authorization(authorization_id))
    if found.status == PROCESSING:
        response.headers["Retry-After"] = str(_POLL)
    return response


def _begin(signed: Signed, authorization_id: str, challenge_type: str) -> ChallengeView:
    """Have a challenge looked at: at once where this process does so, else by the worker."""
    document, now = signed.document, services().clock.now()
    looker = cast("Looker | None", current_app.extensions.get("ca.acme.looker"))
    if looker is not None and not looker.reserve():
        looker = None
    try:
        begun = signed.write(
            lambda writing, own: begin_challenge(
                writing,
                account=own,
                authorization_id=authorization_id,
                challenge_type=challenge_type,
                request=document,
                head_start=HEAD_START if looker else timedelta(0),
                now=now,
            ),
            wants_authorization(authorization_id, lock=True),
        )
    except BaseException:
        if looker is not None:
            looker.leave()
        raise
    if looker is None:
        return begun.view
    if begun.task_id is None:
        looker.leave()
        return begun.view
    claim = claim_of(begun.row, services())
    if not looker.look(claim, authorization_id=authorization_id, order_id=begun.row.order_id, task_id=begun.task_id):
        return begun.view
    with services().database.reading() as session:
        return read_challenge(session, authorization_id=authorization_id, challenge_type=challenge_type)


@blueprint.post("/certificate/<serial>", defaults={"chain": 0})
@blueprint.post("/certificate/<serial>/<int(max=9):chain>")
def certificate(serial: str, chain: int) -> Response:
    """Hand the certificate over with a chain; the others are linked (§7.4.2)."""
    signed, now = received(), services().clock.now()

    def take(reading: Session, own: Account) -> list[str] | None:
        try:
            return take_certificate(reading, services=services(), account=own, serial=serial, now=now)
        except Unavailable as error:
            if error.code != "not_logged_yet":
                raise
            return None

    # Whoever just had it signed here is spared the question whether it has its place: it has none.
    if services().unplaced.find(serial):
        place_waiting(services().certificate_log, now=now)
        services().unplaced.note(serial, False)
    chains = signed.read(take)
    if chains is None:
        place_waiting(services().certificate_log, now=now)
        chains = services().database.together(
            lambda session: take_certificate(
                session, services=services(), account=load_account(session, signed.account_id), serial=serial, now=now
            )
        )
    if chain >= len(chains):
        raise AcmeProblem(Kind.NOT_FOUND, "There is no such chain.")
    response = Response(chains[chain], mimetype="application/pem-certificate-chain")
    for other in range(len(chains)):
        if other != chain:
            response.headers.add("Link", f'<{addresses().certificate(serial, other)}>;rel="alternate"')
    return response


@blueprint.post("/revoke-cert")
@limit("300 per hour")
def revoke() -> Response:
    """Revoke a certificate (§7.6)."""
    signed, now = received_by_either(), services().clock.now()
    document = signed.document

    def revoke_it(writing: Session, own: Account | None = None) -> None:
        key = None if own else signed.key
        revoke_by_message(writing, services=services(), request=document, account=own, key=key, now=now)

    if signed.account_id is None:
        signed.write_by_key(revoke_it)
    else:
        signed.write(revoke_it)
    return answer(None)


def _order(found: OrderView) -> Response:
    response = answer(found.to_json(addresses()), location=addresses().order(found.id))
    if found.status == PROCESSING:
        response.headers["Retry-After"] = str(_POLL)
    return response
