"""The log in public: checkpoint and tiles of hashes over HTTP (C2SP tlog-tiles).

Anyone can watch that the log only grows and check a proof against it. The records behind the hashes are not public:
even without names they would show which person uses which service when (docs/decisions/0005).
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask, Response, current_app
from sqlalchemy import select

from audit.merkle import HASH_SIZE
from audit.model import AuditTile
from audit.services import LOG_PATH, AuditServices
from audit.tiles import Tile
from audit.tree_store import find_head, require_checkpoint
from kernel.errors import Denied, NotFound

_EXTENSION = "audit"
_IMMUTABLE = "public, max-age=31536000, immutable"

log = Blueprint("audit_log", __name__, url_prefix=LOG_PATH)


def mount(app: Flask, services: AuditServices) -> None:
    """Serve the log under ``/audit/log``."""
    app.extensions[_EXTENSION] = services
    app.register_blueprint(log)


@log.get("/checkpoint")
def checkpoint() -> Response:
    """The newest signed head."""
    with _services().database.reading() as session:
        note = require_checkpoint(session).note
    response = Response(note, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=1"
    return response


@log.get("/key")
def key() -> Response:
    """The public key that checkpoints are signed with; trust the one that you got elsewhere."""
    services = _services()
    with services.database.reading() as session:
        head = find_head(session)
        origin = head.origin if head else services.origin
    response = Response(f"{services.log_key(origin)}\n", content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@log.get("/tile/<path:path>")
def tile(path: str) -> Response:
    """A tile of hashes. It is immutable, a partial one too: a width names what will never change."""
    wanted = Tile.parse(path)
    if wanted.level is None:
        raise Denied("The records behind the hashes are for auditors.", code="entries_not_public")
    response = Response(_hashes(wanted), content_type="application/octet-stream")
    response.headers["Cache-Control"] = _IMMUTABLE
    return response


def _hashes(wanted: Tile) -> bytes:
    with _services().database.reading() as session:
        octets = session.scalar(
            select(AuditTile.hashes).where(AuditTile.level == wanted.level, AuditTile.number == wanted.number)
        )
    if octets is None or len(octets) < wanted.width * HASH_SIZE:
        raise NotFound("The log has no such tile yet.", code="tile_not_found")
    return octets[: wanted.width * HASH_SIZE]


def _services() -> AuditServices:
    return cast(AuditServices, current_app.extensions[_EXTENSION])
