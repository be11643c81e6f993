"""The certificate log in public: head, tiles, entries (C2SP tlog-tiles), and proofs of single certificates."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from audit.public_log import log_blueprint
from ca.transparency.log import LOG_PATH
from ca.transparency.proof import prove_publicly
from ca.web.services import services
from web.rate_limit import limit

blueprint: Blueprint = log_blueprint(
    "certificate_log", LOG_PATH, log=lambda: services().certificate_log, entries_are_public=True
)


@blueprint.get("/proof/<name>")
@limit("120 per minute", methods=("GET",))
def proof(name: str) -> Response:
    """The proof that a certificate is in the log, by serial, fingerprint or commitment: see docs/certificate-log.md."""
    with services().database.reading() as session:
        found = prove_publicly(session, log=services().certificate_log, name=name)
    response = jsonify(found.as_document())
    response.headers["Cache-Control"] = "no-store"
    return response
