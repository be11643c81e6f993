"""A log in public: checkpoint, tiles of hashes and, where they are public, the entries (C2SP tlog-tiles).

Anyone can watch that the log only grows and check a proof against it. The records behind the audit log's hashes are
not public: even without names they would show which person uses which service when (docs/decisions/0005).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy import select

from audit.cosigned import published_checkpoint
from audit.merkle import HASH_SIZE
from audit.proofs import prove_receipt
from audit.services import LOG_PATH, AuditServices
from audit.signed_log import SignedLog, key_in_use, pem_chain
from audit.tiles import WIDTH, Tile
from kernel.errors import Denied, NotFound

_EXTENSION = "audit"
_IMMUTABLE = "public, max-age=31536000, immutable"
View = Callable[[str], Response]
_LENGTH = 2  # octets in which an entry's length stands before it in a bundle of entries


def mount(app: Flask, services: AuditServices, *, limited: Callable[[View], View]) -> None:
    """Serve the log under ``/audit/log``.

    :param limited: bounds how often one network may ask for proofs, each of which is some reads of the database.
    """
    app.extensions[_EXTENSION] = services
    blueprint = log_blueprint("audit_log", LOG_PATH, log=_audit_log, entries_are_public=False)
    blueprint.get("/proof/<receipt>")(limited(proof_of_receipt))
    app.register_blueprint(blueprint)


def proof_of_receipt(receipt: str) -> Response:
    """The proof for whoever holds a receipt, the ``txn`` of an ID token; it shows nothing of the record."""
    log = _audit_log()
    with log.database.reading() as session:
        document = prove_receipt(session, receipt, log_key=key_in_use(session, log)).as_document()
    response = jsonify(document)
    response.headers["Cache-Control"] = "no-store"
    return response


def _audit_log() -> AuditServices:
    return cast(AuditServices, current_app.extensions[_EXTENSION])


def log_blueprint(name: str, prefix: str, *, log: Callable[[], SignedLog], entries_are_public: bool) -> Blueprint:
    """Return the addresses of a log below ``prefix``.

    :param log: gives the log of the application in progress.
    :param entries_are_public: whether ``tile/entries/…`` is answered.
    """
    blueprint = Blueprint(name, __name__, url_prefix=prefix)

    @blueprint.get("/checkpoint")
    def checkpoint() -> Response:
        """The newest signed head, or the one before it where witnesses have co-signed that one and not yet this."""
        with log().database.reading() as session:
            origin = key_in_use(session, log()).name
            note = published_checkpoint(session, origin=origin, tables=log().tables).note
        response = Response(note, content_type="text/plain; charset=utf-8")
        response.headers["Cache-Control"] = "public, max-age=1"
        return response

    @blueprint.get("/key")
    def key() -> Response:
        """The public key that checkpoints are signed with; trust the one that you got elsewhere."""
        with log().database.reading() as session:
            text = f"{key_in_use(session, log())}\n"
        response = Response(text, content_type="text/plain; charset=utf-8")
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    @blueprint.get("/key.pem")
    def certificates() -> Response:
        """The certificate of the key and those above it, where the authority has certified it."""
        with log().database.reading() as session:
            chain = log().certificate_chain(session)
        if not chain:
            raise NotFound("The log's key has no certificate.", code="log_key_not_certified")
        response = Response(pem_chain(chain), content_type="application/pem-certificate-chain")
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    @blueprint.get("/tile/<path:path>")
    def tile(path: str) -> Response:
        """A tile. It is immutable, a partial one too: a width names what will never change."""
        wanted = Tile.parse(path)
        if wanted.level is None and not entries_are_public:
            raise Denied("The records behind the hashes are for auditors.", code="entries_not_public")
        octets = _entries(log(), wanted) if wanted.level is None else _hashes(log(), wanted)
        response = Response(octets, content_type="application/octet-stream")
        response.headers["Cache-Control"] = _IMMUTABLE
        return response

    return blueprint


def _hashes(log: SignedLog, wanted: Tile) -> bytes:
    tile = log.tables.tile
    with log.database.reading() as session:
        octets = session.scalar(select(tile.hashes).where(tile.level == wanted.level, tile.number == wanted.number))
    if octets is None or len(octets) < wanted.width * HASH_SIZE:
        raise NotFound("The log has no such tile yet.", code="tile_not_found")
    return octets[: wanted.width * HASH_SIZE]


def _entries(log: SignedLog, wanted: Tile) -> bytes:
    """Return the bundle: each entry after its length in two octets (C2SP tlog-tiles, "Log Entries")."""
    entry, first = log.tables.entry, wanted.number * WIDTH
    if first > 2**62:
        raise NotFound("The log has no such tile yet.", code="tile_not_found")
    with log.database.reading() as session:
        leaves = session.scalars(
            select(entry.leaf)
            .where(entry.log_index >= first, entry.log_index < first + wanted.width)
            .order_by(entry.log_index)
        ).all()
    if len(leaves) < wanted.width:
        raise NotFound("The log has no such tile yet.", code="tile_not_found")
    return b"".join(len(leaf).to_bytes(_LENGTH, "big") + leaf for leaf in leaves)
