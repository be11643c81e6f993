"""EST: what machines of institutions ask for, over TLS hosts only (RFC 7030 §3.2.2, RFC 8951)."""

from __future__ import annotations

import math

from flask import Blueprint, Response, request, session
from limits import parse

from ca.enrolment.ask import ask
from ca.enrolment.party import Party
from ca.est.body import certs_only, decode_body, encode_body
from ca.est.csr_attributes import csr_attributes
from ca.est.enrol import EST, enter_with_certificate, enter_with_secret
from ca.est.label import read_label, trusted_certificates
from ca.web.services import register, services
from kernel.errors import Denied, ServiceError, Throttled, Unavailable
from kernel.origin import current_origin
from web.client_address import network_of
from web.client_certificate import presented_certificate
from web.error_texts import family_of
from web.rate_limit import count, limit, require_not_spent

PREFIX = "/.well-known/est"
blueprint = Blueprint("est", __name__, url_prefix=PREFIX)

_RETRY_SECONDS = 60
_WRONG_SECRETS = parse("10 per minute")
_SIMPLE = "application/pkcs7-mime; smime-type=certs-only"


@blueprint.after_request
def _for_software(response: Response) -> Response:
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.errorhandler(ServiceError)
def _refused(error: ServiceError) -> Response:
    """The reason in plain text (RFC 7030 §4.2.3)."""
    status = 401 if error.code in ("bad_credential", "credential_needed") else family_of(error).status
    said = error.public_detail if status < 500 else "The service cannot answer now; ask again later."
    response = Response(f"{error.code}: {said}\n", status=status, mimetype="text/plain")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="EST", charset="UTF-8"'
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    elif isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


@blueprint.get("/cacerts")
@blueprint.get("/<label>/cacerts")
@limit("120 per minute", methods=("GET",))
def authorities(label: str | None = None) -> Response:
    """The authorities' certificates; anyone may ask (RFC 7030 §4.1)."""
    with services().database.reading() as database:
        certificates = trusted_certificates(database, read_label(database, services(), label))
    return _body(certs_only(certificates), "application/pkcs7-mime")


@blueprint.get("/csrattrs")
@blueprint.get("/<label>/csrattrs")
@limit("120 per minute", methods=("GET",))
def attributes(label: str | None = None) -> Response:
    """What a request should hold (RFC 7030 §4.5)."""
    with services().database.reading() as database:
        profile = read_label(database, services(), label).profile
    return _body(csr_attributes(profile), "application/csrattrs")


@blueprint.post("/simpleenroll")
@blueprint.post("/<label>/simpleenroll")
@limit("60 per minute")
def enrol(label: str | None = None) -> Response:
    """A first certificate, by an enrolment credential (RFC 7030 §4.2.1)."""
    return _answer(_enter_with_secret(label))


@blueprint.post("/simplereenroll")
@blueprint.post("/<label>/simplereenroll")
@limit("60 per minute")
def renew(label: str | None = None) -> Response:
    """The same certificate again, for its own key's holder (RFC 7030 §4.2.2)."""
    party = enter_with_certificate(
        services(), presented_certificate(), register=register(), label=label, now=services().clock.now()
    )
    return _answer(party)


@blueprint.post("/serverkeygen")
@blueprint.post("/<label>/serverkeygen")
@limit("60 per minute")
def no_foreign_keys(label: str | None = None) -> Response:
    """Refused: a key is made by whoever uses it (RFC 7030 §4.4 is optional; BR §6.1.1.3 forbids it for servers)."""
    reason = "server_keygen_refused: Keys are made where they are used, never here. Make one and use simpleenroll.\n"
    return Response(reason, status=501, mimetype="text/plain")


def _enter_with_secret(label: str | None) -> Party:
    given = request.authorization
    if given is None or given.type != "basic" or not given.username or not given.password:
        raise Denied("Send the enrolment credential by HTTP Basic.", code="credential_needed")
    keys = (network_of(current_origin().address), given.username[:64])
    for key in keys:
        require_not_spent(_WRONG_SECRETS, "est.secret", key)
    try:
        return enter_with_secret(
            services(), user=given.username, secret=given.password, label=label, now=services().clock.now()
        )
    except Denied:
        for key in keys:
            count(_WRONG_SECRETS, "est.secret", key)
        raise


def _answer(party: Party) -> Response:
    csr = decode_body(request.get_data(cache=False))
    asked = ask(services(), party=party, csr=csr, protocol=EST, now=services().clock.now())
    if asked.certificate is None:
        # RFC 7030 §4.2.3: the same request, later.
        waiting = Response("Two people decide this; send the same request again.\n", 202, mimetype="text/plain")
        waiting.headers["Retry-After"] = str(_RETRY_SECONDS)
        return waiting
    return _body(certs_only([asked.certificate.certificate_der]), _SIMPLE)


def _body(der: bytes, media_type: str) -> Response:
    return Response(encode_body(der), content_type=media_type)
