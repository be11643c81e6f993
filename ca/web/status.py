"""What software asks for: authorities' certificates, revocation lists, OCSP. No cookie, no page, no session."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from flask import Blueprint, Response, request, session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import is_resource_modified
from werkzeug.wsgi import FileWrapper

from ca.issuance.authority import cross_certificates, find_cross_certificate, load_authority
from ca.locations import FIRST_SHARD, FULL_LIST, OCSP_PATH, PKI_PREFIX
from ca.revocation.ocsp_answer import malformed_request
from ca.revocation.ocsp_request import MAX_REQUEST_SIZE
from ca.revocation.served_list import ListFacts, newest_list, read_octets
from ca.web import ocsp_answers
from ca.web.pem import to_pem
from ca.web.services import list_files, services

blueprint = Blueprint("pki_status", __name__)
ADDRESSES = (f"{PKI_PREFIX}/ca", f"{PKI_PREFIX}/crl", OCSP_PATH)

# Short: whatever stands between us and a verifier must not keep a good answer for long after a revocation.
_LIST_CACHED = timedelta(minutes=5)
_AUTHORITY_CACHED = timedelta(days=1)
_PIECE = 256 * 1024


@blueprint.after_request
def _no_cookies(response: Response) -> Response:
    # Whoever asks here is software: no language is remembered, and caches need not tell readers apart.
    session.modified = False
    session.accessed = False  # last: every use of the name sets it
    return response


@blueprint.get(f"{PKI_PREFIX}/ca/<name>.cer")
def authority_certificate(name: str) -> Response:
    """An authority's certificate in DER (RFC 5280 §4.2.2.1, id-ad-caIssuers)."""
    return _document(_authority_der(name), "application/pkix-cert", cached=_AUTHORITY_CACHED)


@blueprint.get(f"{PKI_PREFIX}/ca/<name>.pem")
def authority_certificate_pem(name: str) -> Response:
    """An authority's certificate in PEM."""
    pem = to_pem([_authority_der(name)])
    return _document(pem, "application/pem-certificate-chain", cached=_AUTHORITY_CACHED)


@blueprint.get(f"{PKI_PREFIX}/ca/<name>.p7c")
def authority_certificates(name: str) -> Response:
    """All certificates of an authority's key in one file (RFC 5280 §4.2.2.1: certs-only CMS): its own, then crossed."""
    with services().database.reading() as database:
        record = load_authority(database, name)
        crossed = cross_certificates(database, record, valid_at=services().clock.now()) if record.is_root else []
    ders = [record.certificate_der, *(found.certificate_der for found in crossed)]
    content = pkcs7.serialize_certificates([x509.load_der_x509_certificate(der) for der in ders], Encoding.DER)
    return _document(content, "application/pkcs7-mime", cached=_AUTHORITY_CACHED)


@blueprint.get(f"{PKI_PREFIX}/crl/<authority>-<int(max=9999):shard>.crl")
def revocation_list(authority: str, shard: int) -> Response:
    """The newest list (RFC 5280 §5, RFC 2585 §4.2); 503 rather than one that is past its nextUpdate."""
    return _list(authority, shard)


@blueprint.get(f"{PKI_PREFIX}/crl/<authority>-full.crl")
def full_revocation_list(authority: str) -> Response:
    """The newest list of all of an authority's certificates together; a root has no other."""
    with services().database.reading() as database:
        shard = FIRST_SHARD if load_authority(database, authority).is_root else FULL_LIST
    return _list(authority, shard)


@blueprint.get(f"{PKI_PREFIX}/crl/<authority>-<int(max=9999):shard>-delta.crl")
def delta_revocation_list(authority: str, shard: int) -> Response:
    """What changed since a complete list (RFC 5280 §5.2.4)."""
    return _list(authority, shard, delta=True)


def _list(authority: str, shard: int, *, delta: bool = False) -> Response:
    """The list, or the part of it that is asked for; who has it already is told so before anything of it is read."""
    now = services().clock.now()
    with services().database.reading() as database:
        facts = newest_list(database, authority_name=authority, shard=shard, now=now, delta=delta)
    response = Response(mimetype="application/pkix-crl")
    _let_caches_keep(response, min(_LIST_CACHED, facts.next_update - now))
    response.last_modified = facts.this_update
    response.set_etag(facts.tag)
    if not is_resource_modified(request.environ, etag=facts.tag, last_modified=facts.this_update):
        response.status_code = 304
        return response
    response.content_length = facts.octets
    if request.method == "HEAD":
        return response
    response.response = FileWrapper(list_files().open(facts, lambda: _octets(facts)), _PIECE)
    response.direct_passthrough = True
    response.make_conditional(request, accept_ranges=True, complete_length=facts.octets)
    return response


def _octets(facts: ListFacts) -> bytes:
    with services().database.reading() as database:
        return read_octets(database, facts)


@blueprint.post(OCSP_PATH)
def ocsp_by_post() -> Response:
    """OCSP over POST (RFC 6960 §A.1)."""
    request.max_content_length = MAX_REQUEST_SIZE
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return ocsp_answers.unkept(malformed_request()).response()
    return ocsp_answers.answer_post(body).response()


# Base64 has slashes, also two in a row and at the end: the path is taken as it came (RFC 5019 §5).
@blueprint.get(f"{OCSP_PATH}/<path:encoded>", strict_slashes=False, merge_slashes=False)
def ocsp_by_get(encoded: str) -> Response:
    """OCSP over GET: the request in base64 behind the address (RFC 6960 §A.1, RFC 5019 §5)."""
    response = ocsp_answers.answer_get(request.path).response()
    return response.make_conditional(request)  # type: ignore[return-value]


def _authority_der(name: str) -> bytes:
    with services().database.reading() as database:
        cross = find_cross_certificate(database, name)
        return cross.certificate_der if cross else load_authority(database, name).certificate_der


def _document(content: bytes, media_type: str, *, cached: timedelta) -> Response:
    response = Response(content, mimetype=media_type)
    _let_caches_keep(response, cached)
    response.add_etag()
    response.make_conditional(request)
    return response


def _let_caches_keep(response: Response, cached: timedelta) -> None:
    response.cache_control.public = True
    response.cache_control.no_transform = True
    response.cache_control.must_revalidate = True
    response.cache_control.max_age = max(0, int(cached.total_seconds()))
    response.expires = services().clock.now() + cached
