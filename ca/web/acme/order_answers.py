"""What orders, authorizations, challenges and certificates answer (RFC 8555 §7.4, §7.5), on Flask's way or before it.

What may wait for more than the writer (a look at the network, the judgement of a CSR, a signature, the log of
certificates) is done elsewhere, so that on an event loop nobody is held up by it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from limits import parse
from sqlalchemy.orm import Session

from ca.acme.account import load_account
from ca.acme.authorization import (
    begin_challenge,
    find_authorization,
    find_challenge,
    give_up_authorization,
    read_challenge,
)
from ca.acme.download import take_certificate, wants_download
from ca.acme.finalize import complete_order, finalize_order, judge_finalize, read_csr, sign_order, wants_finalized
from ca.acme.looker import HEAD_START, Looker
from ca.acme.model import Account
from ca.acme.order import find_order, place_order, wants_moderation
from ca.acme.problem import AcmeProblem, Kind
from ca.acme.prove import claim_of
from ca.acme.reading_ahead import wants_authorization
from ca.acme.state import PROCESSING
from ca.acme.view import ChallengeView, OrderView, view_challenge
from ca.transparency.promise import place_waiting
from ca.web.acme.frame import Asked, Signed, addresses, answer, received
from ca.web.services import services
from kernel.errors import Unavailable
from kernel.loop_call import elsewhere
from web.in_progress import application
from web.rate_limit import check_limit
from web.ready_answer import ReadyAnswer

#: Of one account. Servers of an institution that all begin at once stay below it; a client in a loop does not.
_ORDERS = parse("300 per hour")
_POLL = 1  # second


def answer_new_order(given: Asked) -> ReadyAnswer:
    """Place an order (§7.4)."""
    signed = received(given)
    check_limit(_ORDERS, "acme.orders", signed.account_id or "")
    now, document = services().clock.now(), signed.document
    order = signed.write(
        lambda writing, own: place_order(writing, services=services(), account=own, request=document, now=now),
        *wants_moderation(signed.account_id or "", document, now=now),
    )
    return answer(order.to_json(addresses()), 201, location=addresses().order(order.id))


def answer_order(given: Asked, order_id: str) -> ReadyAnswer:
    """Show an order; one that waits for its signature is gone on with."""
    signed, now = received(given), services().clock.now()
    found = signed.read(lambda reading, own: find_order(reading, account=own, order_id=order_id, now=now))
    if found.status == PROCESSING:
        at_work = services()
        found = elsewhere(lambda: complete_order(at_work, order_id, now=now))
    return _order(found)


def answer_finalize(given: Asked, order_id: str) -> ReadyAnswer:
    """Take the CSR of a ready order and issue (§7.4)."""
    signed, now, at_work = received(given), services().clock.now(), services()
    csr = read_csr(signed.document.get("csr"))
    # Judged before the transaction: nobody waits for the linter with the write lock in hand.
    account_id = signed.account_id or ""
    judged = elsewhere(
        lambda: judge_finalize(at_work, account_id=account_id, order_id=order_id, csr=csr, now=now),
    )
    finalized = signed.write(
        lambda writing, own: finalize_order(
            writing, services=at_work, account=own, order_id=order_id, csr=csr, judged=judged, now=now
        ),
        *wants_finalized(order_id, judged),
    )
    return _order(sign_order(at_work, finalized, now=now))


def answer_authorization(given: Asked, authorization_id: str) -> ReadyAnswer:
    """Show an authorization, or give it up (§7.5, §7.5.2)."""
    signed, now = received(given), services().clock.now()
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
    return answer(found.to_json(addresses()), retry_after=_POLL if found.in_progress else None)


def answer_challenge(given: Asked, authorization_id: str, challenge_type: str) -> ReadyAnswer:
    """Show a challenge, or have it looked at (§7.5.1)."""
    signed = received(given)
    if signed.message.is_reading:
        found = signed.read(
            lambda reading, own: find_challenge(
                reading, account=own, authorization_id=authorization_id, challenge_type=challenge_type
            ),
            wants_authorization(authorization_id),
        )
    else:
        found = _begin(signed, authorization_id, challenge_type)
    return answer(
        found.to_json(addresses()),
        up=addresses().authorization(authorization_id),
        retry_after=_POLL if found.status == PROCESSING else None,
    )


def _begin(signed: Signed, authorization_id: str, challenge_type: str) -> ChallengeView:
    """Have a challenge looked at: at once where this process does so, else by the worker."""
    document, now = signed.document, services().clock.now()
    looker = cast("Looker | None", application().extensions.get("ca.acme.looker"))
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
    at_work = services()
    claim = claim_of(begun.row, at_work)
    known, row = looker.look(
        claim, authorization_id=authorization_id, order_id=begun.row.order_id, task_id=begun.task_id
    )
    if not known:
        return begun.view
    if row is not None:
        return view_challenge(row, challenge_type)

    def read_anew() -> ChallengeView:
        with at_work.database.reading() as session:
            return read_challenge(session, authorization_id=authorization_id, challenge_type=challenge_type)

    return elsewhere(read_anew)


def answer_certificate(given: Asked, serial: str, chain: int = 0) -> ReadyAnswer:
    """Hand the certificate over with a chain; the others are linked (§7.4.2)."""
    signed, now, at_work = received(given), services().clock.now(), services()

    def take(reading: Session, own: Account) -> list[str] | None:
        try:
            return take_certificate(reading, services=at_work, account=own, serial=serial, now=now)
        except Unavailable as error:
            if error.code != "not_logged_yet":
                raise
            return None

    # Whoever just had it signed here is spared the question whether it has its place: it has none.
    wait = at_work.unplaced.find(serial)
    if wait is not None:
        wait()
        at_work.unplaced.note(serial, None)
    chains = signed.read(take, *wants_download(serial))
    if chains is None:
        place_waiting(at_work.certificate_log, now=now)
        chains = at_work.database.together(
            lambda session: take_certificate(
                session, services=at_work, account=load_account(session, signed.account_id), serial=serial, now=now
            )
        )
    if chain >= len(chains):
        raise AcmeProblem(Kind.NOT_FOUND, "There is no such chain.")
    others = [
        ("Link", f'<{addresses().certificate(serial, other)}>;rel="alternate"')
        for other in range(len(chains))
        if other != chain
    ]
    return ReadyAnswer.made(200, "application/pem-certificate-chain", chains[chain].encode(), others)


def _order(found: OrderView) -> ReadyAnswer:
    return answer(
        found.to_json(addresses()),
        location=addresses().order(found.id),
        retry_after=_POLL if found.status == PROCESSING else None,
    )
