"""Pages for everyone: what the authority is, how to trust it, which certificates institutions hold."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ca.issuance.authority import AuthorityRecord, list_authorities
from ca.locations import FIRST_SHARD, FULL_LIST, PKI_PREFIX, crl_url, ocsp_url
from ca.register.public_certificate import (
    MAX_WORDS,
    Found,
    PublicCertificate,
    chain_of,
    find_public_certificate,
    search_certificates,
)
from ca.revocation.publish import PublishedList, current_list
from ca.web.pem import to_pem
from ca.web.services import services
from ca.web.wording import authority_rows, certificate_card, search_error
from kernel.errors import NotFound, Rejected, Unavailable
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("pki", __name__, template_folder="templates", url_prefix=PKI_PREFIX)

_MAX_PAGE = 500


@blueprint.get("/")
def home() -> Response:
    """What the authority is, its root's fingerprint, and where everything stands."""
    now = services().clock.now()
    with services().database.reading() as session:
        authorities = list_authorities(session)
        lists = {record.name: _newest_list(session, record, now) for record in authorities}
    return render(
        "ca/home.html",
        authorities=[authority_rows(record, lists[record.name], services().settings.issuer) for record in authorities],
        root=next((record.name for record in authorities if record.is_root), None),
        ocsp=ocsp_url(services().settings.issuer),
    )


@blueprint.get("/cps")
def practice_statement() -> Response:
    """The certification practice statement that certificates point at (RFC 5280 §4.2.1.4, RFC 3647)."""
    return render("ca/practice_statement.html")


@blueprint.get("/certificates")
@limit("60 per minute", methods=("GET",))
def search() -> Response:
    """Institutions' certificates by name, serial number or RUC."""
    words = request.args.get("q", "").strip()
    page = min(max(request.args.get("page", 1, type=int), 1), _MAX_PAGE)
    found, error = Found((), has_more=False), ""
    if words:
        try:
            with services().database.reading() as session:
                found = search_certificates(session, words=words, page=page)
        except Rejected as refusal:
            error = search_error(refusal.code)
    now = services().clock.now()
    return render(
        "ca/search.html",
        status=400 if error else 200,
        words=words[:MAX_WORDS],
        error=error,
        cards=[certificate_card(certificate, now=now) for certificate in found.certificates],
        page=page,
        has_more=found.has_more,
    )


@blueprint.get("/certificates/<serial>")
def certificate(serial: str) -> Response:
    """One certificate: whose it is, whether it may be relied on, and its files."""
    found = _find(serial)
    return render(
        "ca/certificate.html",
        card=certificate_card(found, now=services().clock.now()),
        list_address=crl_url(services().settings.issuer, found.authority, found.crl_shard),
        ocsp=ocsp_url(services().settings.issuer),
    )


@blueprint.get("/certificates/<serial>.cer")
def certificate_der(serial: str) -> Response:
    """The certificate in DER."""
    found = _find(serial)
    return _download(found.der, f"{found.serial}.cer", "application/pkix-cert")


@blueprint.get("/certificates/<serial>.pem")
def certificate_pem(serial: str) -> Response:
    """The certificate in PEM."""
    found = _find(serial)
    return _download(to_pem([found.der]), f"{found.serial}.pem", "application/pem-certificate-chain")


@blueprint.get("/certificates/<serial>-chain.pem")
def certificate_chain(serial: str) -> Response:
    """The certificate and the issuing authorities', in the order of TLS (RFC 8446 §4.4.2), without the root."""
    with services().database.reading() as session:
        found = find_public_certificate(session, serial)
        chain = chain_of(session, found)
    return _download(to_pem(chain), f"{found.serial}-chain.pem", "application/pem-certificate-chain")


def _find(serial: str) -> PublicCertificate:
    with services().database.reading() as session:
        return find_public_certificate(session, serial)


def _newest_list(session: Session, record: AuthorityRecord, now: datetime) -> PublishedList | None:
    shard = FIRST_SHARD if record.is_root else FULL_LIST
    try:
        return current_list(session, authority_name=record.name, shard=shard, now=now)
    except (NotFound, Unavailable):
        return None


def _download(content: bytes, name: str, media_type: str) -> Response:
    response = Response(content, mimetype=media_type)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
