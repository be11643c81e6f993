"""Pages for everyone: what the authority is, how to trust it, which certificates there are in public."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, jsonify, request, url_for
from flask_babel import get_locale
from sqlalchemy.orm import Session

from ca.issuance.authority import AuthorityRecord, cross_certificates, list_authorities, profile_titles
from ca.locations import FIRST_SHARD, FULL_LIST, PKI_PREFIX, crl_url, ocsp_url
from ca.practices.statement import filled, statement
from ca.practices.values import issuing_organization, statement_values
from ca.profiles.explain import explain
from ca.register.public_certificate import PublicCertificate, chain_of, find_public_certificate
from ca.register.public_search import MAX_PAGE, MAX_WORDS, Found, Scope, search_certificates
from ca.revocation.served_list import ListFacts, newest_list
from ca.web.pem import to_pem
from ca.web.services import services
from ca.web.wording import authority_rows, certificate_card, search_error
from kernel.errors import NotFound, Rejected, Unavailable
from web.csv_export import csv_lines
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("pki", __name__, template_folder="templates", url_prefix=PKI_PREFIX)

_DOCUMENT_SIZE = 200  # certificates in one answer for programs
_CSV_HEADER = (
    *("serial", "sha256", "names", "subject", "institution", "profile", "authority"),
    *("not_before", "not_after", "status", "revoked_at", "log_index"),
)


@blueprint.get("/")
def home() -> Response:
    """What the authority is, its root's fingerprint, and where everything stands."""
    now = services().clock.now()
    with services().database.reading() as session:
        authorities = list_authorities(session)
        rows = [
            authority_rows(
                record,
                _newest_list(session, record, now),
                services().settings.issuer,
                issues=profile_titles(session, record, services().profiles),
                crossed=cross_certificates(session, record, valid_at=now) if record.is_root else (),
            )
            for record in authorities
        ]
    roots = [record for record in authorities if record.is_root]
    newest = max(roots, key=lambda record: record.certificate.not_valid_before_utc, default=None)
    return render(
        "ca/home.html",
        authorities=rows,
        root=newest.name if newest else None,
        ocsp=ocsp_url(services().settings.issuer),
    )


@blueprint.get("/cps")
def practice_statement() -> Response:
    """The certification practice statement that certificates point at (RFC 5280 §4.2.1.4, RFC 3647)."""
    settings = services().settings
    with services().database.reading() as session:
        organization = issuing_organization(list_authorities(session))
    values = statement_values(settings, services().profiles, organization=organization)
    language = "es" if str(get_locale()).startswith("es") else "en"
    clauses = [
        (clause, filled(clause.text, values, language) if clause.text else "")
        for clause in statement(settings.pki_practices_file)
    ]
    return render("ca/practice_statement.html", clauses=clauses, language=language)


@blueprint.get("/profiles")
def profiles() -> Response:
    """The kinds of certificates, each with its policy."""
    shown = services().profiles.list()
    arc = services().settings.pki_arc
    return render("ca/profiles.html", profiles=shown, arc=arc)


@blueprint.get("/profiles/<name>")
def profile(name: str) -> Response:
    """Everything that one kind of certificate says, in words and with its clauses."""
    shown = services().profiles.get(name)
    parts = explain(shown, private_arc=services().settings.pki_arc)
    language = "es" if str(get_locale()).startswith("es") else "en"
    return render("ca/profile.html", profile=shown, parts=[(item, getattr(item.words, language)) for item in parts])


@blueprint.get("/certificates")
@limit("60 per minute", methods=("GET",))
def search() -> Response:
    """Public certificates by domain, institution, RUC, serial number or fingerprint."""
    words, scope, page = _asked()
    found, error = Found(), ""
    if words:
        try:
            with services().database.reading() as session:
                found = search_certificates(session, words=words, scope=scope, page=page)
        except Rejected as refusal:
            error = search_error(refusal.code)
    now = services().clock.now()
    return render(
        "ca/search.html",
        status=400 if error else 200,
        words=words[:MAX_WORDS],
        error=error,
        scope=scope.value,
        cards=[certificate_card(certificate, now=now) for certificate in found.certificates],
        institutions=found.institutions,
        page=page,
        has_more=found.has_more,
    )


@blueprint.get("/certificates.json")
@limit("60 per minute", methods=("GET",))
def search_as_json() -> Response:
    """The same search for programs: 200 certificates in one answer, ``next`` is the following page's number."""
    page, found = _document()
    return jsonify(
        certificates=[_record(each) for each in found.certificates],
        institutions=[{"ruc": each.ruc, "name": each.name} for each in found.institutions],
        next=page + 1 if found.has_more and page < MAX_PAGE else None,
    )


@blueprint.get("/certificates.csv")
@limit("60 per minute", methods=("GET",))
def search_as_csv() -> Response:
    """The same search for a spreadsheet."""
    _, found = _document()
    rows = (
        [" ".join(value) if isinstance(value, list) else value for value in _record(each).values()]
        for each in found.certificates
    )
    return _download("".join(csv_lines(_CSV_HEADER, rows)).encode("utf-8"), "certificados.csv", "text/csv")


@blueprint.get("/certificates/<serial>")
def certificate(serial: str) -> Response:
    """One certificate: whose it is, whether it may be relied on, and its files."""
    found = _find(serial)
    return render(
        "ca/certificate.html",
        card=certificate_card(found, now=services().clock.now()),
        list_address=crl_url(services().settings.issuer, found.authority, found.crl_shard),
        ocsp=ocsp_url(services().settings.issuer),
        proof=url_for("certificate_log.proof", name=found.serial),
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
        chain = chain_of(session, found, now=services().clock.now())
    return _download(to_pem(chain), f"{found.serial}-chain.pem", "application/pem-certificate-chain")


def _asked() -> tuple[str, Scope, int]:
    scope = Scope.EXACT if request.args.get("scope") == Scope.EXACT.value else Scope.BELOW
    page = min(max(request.args.get("page", 1, type=int), 1), MAX_PAGE)
    return request.args.get("q", "").strip(), scope, page


def _document() -> tuple[int, Found]:
    words, scope, page = _asked()
    with services().database.reading() as session:
        return page, search_certificates(session, words=words, scope=scope, page=page, page_size=_DOCUMENT_SIZE)


def _record(certificate: PublicCertificate) -> dict[str, object]:
    revoked_at = certificate.revoked_at
    values = (
        *(certificate.serial, certificate.sha256, list(certificate.names), certificate.subject),
        *(certificate.institution_ruc, certificate.profile, certificate.authority),
        *(certificate.not_before.isoformat(), certificate.not_after.isoformat()),
        certificate.standing(services().clock.now()).value,
        revoked_at.isoformat() if revoked_at else None,
        certificate.log_index,
    )
    return dict(zip(_CSV_HEADER, values, strict=True))


def _find(serial: str) -> PublicCertificate:
    with services().database.reading() as session:
        return find_public_certificate(session, serial)


def _newest_list(session: Session, record: AuthorityRecord, now: datetime) -> ListFacts | None:
    shard = FIRST_SHARD if record.is_root else FULL_LIST
    try:
        return newest_list(session, authority_name=record.name, shard=shard, now=now)
    except (NotFound, Unavailable):
        return None


def _download(content: bytes, name: str, media_type: str) -> Response:
    response = Response(content, mimetype=media_type)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
