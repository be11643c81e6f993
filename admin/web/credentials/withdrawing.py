"""Withdrawing a credential, or closing one account, after reading what that ends."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from admin.credentials import Kind, find_account, find_issued
from admin.giving_credentials import withdraw_credential
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.credentials.place import KIND_RULE, KINDS, blueprint
from admin.web.gate import operator, requires
from ca.acme.account import close_account
from ca.acme.register import list_accounts
from ca.acme.state import CLOSED_BY_OPERATOR, VALID
from idp.directory.institutions import list_institutions
from web.pages import render

_P = Permission.CREDENTIALS_ISSUE
_MOST = 1000  # accounts that one credential opens


@blueprint.get(f"{KIND_RULE}/<credential_id>/withdraw")
@requires(_P)
def ask_withdrawing(kind: str, credential_id: str) -> Response:
    """Say what ends with it."""
    with services().database.reading() as session:
        found = find_issued(session, Kind(kind), credential_id, powers=operator().powers, permission=_P)
        institutions = {each.ruc: each.name for each in list_institutions(session)}
        accounts = list_accounts(session, credential=found.id, limit=_MOST) if found.kind is Kind.ACME else []
    return render(
        "admin/credentials/withdraw.html",
        item=found,
        closing=sum(each.status == VALID for each in accounts),
        kind_name=KINDS[found.kind][0],
        institution=institutions.get(found.institution_ruc, found.institution_ruc),
    )


@blueprint.post(f"{KIND_RULE}/<credential_id>/withdraw")
@requires(_P, fresh=True)
def withdraw(kind: str, credential_id: str) -> Response:
    """Withdraw it; one that was withdrawn before stays so."""
    service = services()
    with service.database.transaction() as session:
        withdraw_credential(
            session,
            services=service.ca,
            powers=operator().powers,
            kind=Kind(kind),
            credential_id=credential_id,
            actor=operator().person_id,
            now=service.clock.now(),
        )
    return redirect(url_for(".show", kind=kind, credential_id=credential_id), 303)


@blueprint.get("/acme/accounts/<account_id>/close")
@requires(_P)
def ask_closing(account_id: str) -> Response:
    """Say what ends with the account."""
    with services().database.reading() as session:
        found = find_account(session, account_id, powers=operator().powers, permission=_P)
    return render("admin/credentials/close.html", account=found)


@blueprint.post("/acme/accounts/<account_id>/close")
@requires(_P, fresh=True)
def close(account_id: str) -> Response:
    """Close it for good."""
    service = services()
    with service.database.transaction() as session:
        found = find_account(session, account_id, powers=operator().powers, permission=_P)
        if found.status == VALID:  # sent twice, it is closed once
            close_account(
                session,
                services=service.ca,
                account_id=found.id,
                status=CLOSED_BY_OPERATOR,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    return redirect(url_for(".show", kind="acme", credential_id=found.credential), 303)
