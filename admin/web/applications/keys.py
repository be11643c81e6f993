"""Secrets, keys and certificate of an application: each changed with a fresh login, on record, told by mail."""

from __future__ import annotations

import json
from typing import Any

from flask import redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.applications.keys import (
    OVERLAPS,
    USUAL_OVERLAP,
    change_keys,
    complete_certificate,
    may_have_certificate,
    request_certificate,
    rotate,
    withdraw,
)
from admin.applications.reach import application_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.links import PAGES, PageLink
from admin.web.applications.place import blueprint
from admin.web.applications.words import KEY_PROBLEMS, METHODS
from admin.web.deliveries import DELIVERY_ERRORS
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.problems import PROBLEMS, problem
from idp.clients.auth_method import SECRET_METHODS
from idp.clients.client import Client
from idp.clients.client_secret import list_secrets
from idp.clients.environment import Environment
from idp.clients.remote_keys import Looked
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError, Unavailable
from web.pages import render

_LONGEST = 64_000


@blueprint.get("/<client_id>/keys")
@requires(Permission.APPLICATIONS_WRITE)
def show_keys(client_id: str) -> Response:
    """What it proves itself with, never the secret itself."""
    return _page(client_id, Typed(), errors={})


@blueprint.post("/<client_id>/keys/secret")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def make_secret(client_id: str) -> Response:
    """Make a new secret. The answer shows it: it stands on no other page."""
    service, typed = services(), typed_form(("overlap",))
    days = int(typed["overlap"]) if typed["overlap"].isdecimal() else -1
    now = service.clock.now()
    try:
        with service.database.transaction() as session:
            client = _held(session, client_id)
            secret = rotate(
                session,
                services=service.idp,
                client=client,
                overlap_days=days,
                actor=operator().person_id,
                now=now,
            )
            left = [each for each in list_secrets(session, client_id=client_id, now=now) if each.expires_at]
    except Rejected as error:
        return _page(client_id, typed, errors={"overlap": problem(error)}, status=422)
    return render(
        "admin/applications/secret_made.html",
        client=client,
        secret=secret.reveal(),
        until=max((each.expires_at for each in left if each.expires_at), default=None),
    )


@blueprint.post("/<client_id>/keys/secret/withdraw")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def withdraw_one_secret(client_id: str) -> Response:
    """End one secret now."""
    service, typed = services(), typed_form(("secret",))
    try:
        with service.database.transaction() as session:
            withdraw(
                session,
                services=service.idp,
                client=_held(session, client_id),
                secret_id=typed["secret"],
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, NotFound) as error:
        if error.code not in ("last_secret", "unknown_secret"):
            raise
        return _page(client_id, Typed(), errors={"overlap": problem(error)}, status=422)
    return redirect(url_for("admin_applications.show_keys", client_id=client_id), 303)


@blueprint.post("/<client_id>/keys/public")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def set_keys(client_id: str) -> Response:
    """Register other keys, or another address where they are published."""
    service, typed = services(), typed_form(("jwks", "jwks_uri", "version"), limit=_LONGEST)
    try:
        with service.database.transaction() as session:
            change_keys(
                session,
                services=service.idp,
                client=_held(session, client_id),
                jwks=_read_keys(typed["jwks"]),
                jwks_uri=typed["jwks_uri"] or None,
                seen_version=int(typed["version"]) if typed["version"].isdecimal() else 0,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict) as error:
        return _page(client_id, typed, errors=_key_errors(error), status=422)
    return redirect(url_for("admin_applications.show_keys", client_id=client_id), 303)


@blueprint.post("/<client_id>/keys/fetch")
@requires(Permission.APPLICATIONS_WRITE)
def fetch_keys(client_id: str) -> Response:
    """Ask the address for its keys now, and tell what was found."""
    with services().database.reading() as session:
        address = _held(session, client_id).metadata.jwks_uri
    if address is None:
        return redirect(url_for("admin_applications.show_keys", client_id=client_id), 303)
    return _page(client_id, Typed(), errors={}, looked=services().idp.remote_keys.look(address))


@blueprint.post("/<client_id>/keys/certificate")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def make_certificate(client_id: str) -> Response:
    """Have a certificate of ours from a CSR. It is no secret: the answer gives it with its chain."""
    service, typed = services(), typed_form(("csr",), limit=_LONGEST)
    now = service.clock.now()
    try:
        with service.database.transaction() as session:
            client = _held(session, client_id)
            request_id = request_certificate(
                session, services=service.idp, client=client, csr=typed["csr"], actor=operator().person_id, now=now
            )
        issued = complete_certificate(services=service.idp, request_id=request_id, now=now)
    except (Rejected, Denied, Conflict, Unavailable) as error:
        return _page(client_id, typed, errors={"csr": problem(error)}, status=422)
    return render("admin/applications/certificate_made.html", client=client, issued=issued)


def keys_link() -> PageLink:
    """The page of keys, as an application's page leads to it."""
    return PageLink(_l("Secretos y claves"), "admin_applications.show_keys", Permission.APPLICATIONS_WRITE)


def _held(session: Any, client_id: str) -> Client:
    return application_reached(session, operator().powers, Permission.APPLICATIONS_WRITE, client_id)


def _page(
    client_id: str, typed: Typed, *, errors: dict[str, str], looked: Looked | None = None, status: int = 200
) -> Response:
    service = services()
    with service.database.reading() as session:
        client = _held(session, client_id)
        secrets = list_secrets(session, client_id=client_id, now=service.clock.now())
    return render(
        "admin/applications/keys.html",
        status,
        client=client,
        live=client.environment is Environment.PRODUCTION,
        method=METHODS[client.auth_method],
        has_secret=client.auth_method in SECRET_METHODS,
        secrets=secrets,
        overlaps=[(str(days), _overlap_words(days)) for days in OVERLAPS],
        overlap=typed["overlap"] or str(USUAL_OVERLAP),
        registered=_public(client.jwks),
        jwks=typed["jwks"] or (json.dumps(client.jwks, indent=1) if client.jwks else ""),
        jwks_uri=typed["jwks_uri"] or client.metadata.jwks_uri or "",
        version=typed["version"] or client.version,
        looked=looked,
        found=_public(looked.jwks) if looked else [],
        failure=_failure(looked.failed) if looked and looked.failed else "",
        may_have_certificate=may_have_certificate(client),
        csr=typed["csr"],
        errors=errors,
    )


def _read_keys(text: str) -> dict[str, Any] | None:
    """Return what was pasted: a set, or one key. :raises Rejected: (``bad_jwks``)."""
    if not text:
        return None
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Rejected("This is not JSON.", code="bad_jwks") from error
    if not isinstance(read, dict):
        raise Rejected("jwks is a JSON Web Key Set with 1 to 10 keys.", code="bad_jwks")
    return read if "keys" in read else {"keys": [read]}


def _key_errors(error: ServiceError) -> dict[str, str]:
    """Return what was refused, beside its field; of keys each reason has words of its own."""
    detail = error.public_detail or ""
    if error.code == "bad_jwks":
        return {"jwks": str(KEY_PROBLEMS.get(detail, _("Esto no es un conjunto de claves públicas (JWKS)")))}
    if error.code == "bad_client_metadata" and detail.startswith("jwks_uri: send"):
        return {"jwks_uri": _("Escriba una dirección o pegue las claves: no las dos cosas")}
    if error.code == "bad_client_metadata" and detail.startswith("jwks:"):
        return {"jwks": _("Se identifica con una clave: escriba la dirección donde la publica, o péguela aquí")}
    if error.code in PROBLEMS:
        return {"jwks": problem(error)}
    return {"jwks_uri": _("Escriba una dirección https, sin #")}


def _failure(code: str) -> str:
    if code == "not_json":
        return str(_("Lo que hay ahí no es JSON"))
    if code == "bad_jwks":
        return str(_("Lo que hay ahí no tiene ninguna clave pública que se pueda usar"))
    return str(DELIVERY_ERRORS.get(code, code))


def _overlap_words(days: int) -> str:
    if days == 0:
        return str(_("Nada: deja de servir ahora mismo"))
    return str(_("1 día") if days == 1 else _("%(n)s días", n=days))


def _public(jwks: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return each key by its name and kind."""
    keys = (jwks or {}).get("keys", [])
    kinds = {"RSA": "RSA", "EC": "EC", "OKP": "OKP"}
    return [
        (
            str(key.get("kid", "")),
            " · ".join(
                filter(None, (kinds.get(key.get("kty", ""), ""), key.get("crv"), key.get("alg"), key.get("use")))
            ),
        )
        for key in keys
    ]


PAGES.append(keys_link)
