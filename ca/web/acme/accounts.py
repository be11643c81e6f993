"""Accounts over HTTP (RFC 8555 §7.3)."""

from __future__ import annotations

from flask import Blueprint, Response, request

from ca.acme.account import AccountView, change_account, change_key, open_account
from ca.acme.addresses import PREFIX
from ca.acme.order import list_orders
from ca.acme.problem import AcmeProblem, Kind
from ca.web.acme.frame import Signed, addresses, answer, asked, known_keys, received, wrap
from ca.web.services import services
from web.rate_limit import limit

blueprint = Blueprint("acme_accounts", __name__, url_prefix=PREFIX)
wrap(blueprint)


@blueprint.post("/new-account")
@limit("60 per hour")
def new_account() -> Response:
    """Open an account, or find the one of this key (§7.3, §7.3.1)."""
    signed = received(asked(), by_key=True)
    now, key, document = services().clock.now(), signed.key, signed.document
    account = signed.write_by_key(
        lambda writing: open_account(
            writing, services=services(), addresses=addresses(), key=key, request=document, now=now
        )
    )
    return _shown(account, status=201 if account.created else 200)


@blueprint.post("/account/<account_id>")
def account(account_id: str) -> Response:
    """Show, change or close the account (§7.3.2, §7.3.6)."""
    signed = received(asked())
    _require_own(signed, account_id)
    if signed.message.is_reading:
        return _shown(signed.read(lambda _, own: AccountView(own.id, own.status, tuple(own.contacts))))
    now, document = services().clock.now(), signed.document
    return _shown(
        signed.write(
            lambda writing, own: change_account(writing, services=services(), account=own, request=document, now=now)
        )
    )


@blueprint.post("/account/<account_id>/orders")
def orders(account_id: str) -> Response:
    """List the account's orders, newest first (§7.1.2.1)."""
    signed = received(asked())
    _require_own(signed, account_id)
    before = request.args.get("before")
    ids, following = signed.read(lambda reading, own: list_orders(reading, account=own, before=before))
    response = answer({"orders": [addresses().order(each) for each in ids]}).response()
    if following is not None:
        response.headers.add("Link", f'<{addresses().orders(account_id)}?before={following}>;rel="next"')
    return response


@blueprint.post("/key-change")
def key_change() -> Response:
    """Give the account another key (§7.3.5)."""
    signed = received(asked())
    now, inner = services().clock.now(), signed.document

    changed = signed.write(
        lambda writing, own: change_key(
            writing, services=services(), addresses=addresses(), account=own, inner=inner, now=now
        )
    )
    known_keys().forget(changed.id)
    return _shown(changed)


def _require_own(signed: Signed, account_id: str) -> None:
    if signed.account_id != account_id:
        raise AcmeProblem(Kind.UNAUTHORIZED, "This is another account's address.")


def _shown(account: AccountView, *, status: int = 200) -> Response:
    return answer(account.to_json(addresses()), status, location=addresses().account(account.id)).response()
