"""Our own few files: read once, named by what is in them, compressed once, cached by browsers for a year."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, request, url_for

from kernel.identifiers import sha256_hex
from web.state import web_state

FOLDER = Path(__file__).parent / "static"
#: One style sheet is served; it is written in parts.
STYLE_SHEET = "sau.css"
_STYLE_PARTS = ("tokens.css", "base.css", "parts.css")
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
_FOREVER = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=300"

blueprint = Blueprint("files", __name__)


@dataclass(frozen=True)
class StaticFile:
    """One file in memory. ``fingerprint`` is the first 16 hexadecimal characters of its SHA-256."""

    content: bytes
    compressed: bytes
    media_type: str
    fingerprint: str


class StaticFiles:
    """The files of ``web/static`` by the name they are served under."""

    def __init__(self) -> None:
        contents = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}
        contents[STYLE_SHEET] = b"".join(contents.pop(part) for part in _STYLE_PARTS)
        self._files = {name: _file(name, content) for name, content in contents.items()}

    def get(self, name: str) -> StaticFile | None:
        """Return the file called ``name``, ``None`` when there is none."""
        return self._files.get(name)


def static_url(name: str) -> str:
    """Return the local address of the file ``name``, fingerprint included.

    :raises KeyError: if there is no such file.
    """
    found = web_state().static_files.get(name)
    if found is None:
        raise KeyError(name)
    return url_for("files.show", fingerprint=found.fingerprint, name=name)


def init_static_files(app: Flask) -> None:
    """Serve the files and give templates ``static_url``."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals["static_url"] = static_url


@blueprint.get("/static/<fingerprint>/<name>")
def show(fingerprint: str, name: str) -> Response:
    """Answer with a file. An outdated fingerprint (of another release) gets today's file, cached shortly."""
    found = web_state().static_files.get(name)
    if found is None:
        abort(404)
    response = Response(mimetype=found.media_type)
    response.headers["Cache-Control"] = _FOREVER if fingerprint == found.fingerprint else _SHORT
    response.headers["Vary"] = "Accept-Encoding"
    response.set_etag(found.fingerprint)
    if request.accept_encodings["gzip"] > 0:
        response.set_data(found.compressed)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.set_data(found.content)
    return response


def _file(name: str, content: bytes) -> StaticFile:
    return StaticFile(
        content=content,
        compressed=gzip.compress(content, 9, mtime=0),
        media_type=_TYPES[Path(name).suffix],
        fingerprint=sha256_hex(content)[:16],
    )
