"""The archive of ceremonies: what was written, before whom, with which digests; checked again by a click."""

from __future__ import annotations

from flask import Blueprint, request
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.certificate_view import colons
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.gate import operator, requires
from admin.web.listing import Filter, Head, asked_listing
from admin.web.words import Text
from audit.checkpoint import CheckpointError
from audit.merkle import ProofError
from audit.proofs import prove_event, verify_event_proof
from ca.archive.check import Check, Outcome, check_ceremony, matches_minutes
from ca.archive.papers import count_ceremonies, find_ceremony, list_ceremonies, read_papers
from kernel.errors import NotFound
from web.pages import render

blueprint = Blueprint("admin_ceremonies", __name__, url_prefix="/admin/ceremonies", template_folder="../templates")
# A page on its own with its own style: no script, nothing is fetched, no link opens.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_LONGEST = 4 * 1024 * 1024
_HEADS = (
    Head("title", _l("Ceremonia")),
    Head("held", _l("Cuándo"), "down"),
    Head("kind", _l("Qué fue")),
    Head("present", _l("Presentes"), numeric=True),
    Head("minutes", _l("Acta")),
)
_FILTERS = (
    Filter(
        "kind",
        _l("Qué fue"),
        [("", _l("Cualquiera")), ("held", _l("Ceremonia")), ("rehearsed", _l("Ensayo"))],
    ),
)
CHECKS: dict[str, Text] = {
    "minutes": _l("El acta guardada tiene la huella que se registró"),
    "file": _l("El archivo de la ceremonia tiene la huella que se ensayó y se celebró"),
    "event": _l("La auditoría registró esas mismas huellas"),
    "seal": _l("Ese registro está sellado y su prueba vale"),
    "certificate": _l("El certificado que se hizo está aquí, y lo firmó quien dice"),
}
# (class of the tag, word)
OUTCOMES: dict[Outcome, tuple[str, Text]] = {
    Outcome.HOLDS: ("ok", _l("Bien")),
    Outcome.FAILS: ("bad", _l("Mal")),
    Outcome.NOT_CHECKED: ("none", _l("Sin comprobar")),
}
REASONS: dict[str, Text] = {
    "on_paper": _l("Está solo en papel: compare abajo el archivo, si lo tiene"),
    "none": _l("No hay tal registro"),
    "missing": _l("Ya no está aquí"),
    "not_signed": _l("Ninguna autoridad de aquí lo firmó"),
    "not_sealed": _l("El sello llega poco después del registro"),
}


@blueprint.get("")
@requires(Permission.AUTHORITIES_READ)
def show_all() -> Response:
    """Ceremonies and rehearsals, the newest first."""
    listing = asked_listing(".show_all", heads=_HEADS, filters=_FILTERS, order="-held")
    rehearsal = {"held": False, "rehearsed": True}.get(listing.typed["kind"])
    with services().database.reading() as session:
        listing = listing.counted(count_ceremonies(session, rehearsal=rehearsal))
        found = list_ceremonies(
            session,
            rehearsal=rehearsal,
            newest_first=listing.descending,
            limit=listing.size,
            offset=listing.offset,
        )
    return render("admin/ceremonies/all.html", listing=listing.showing(found))


@blueprint.get("/<ceremony_id>")
@requires(Permission.AUTHORITIES_READ)
def show(ceremony_id: str) -> Response:
    """One: who was there, what was made, the digests to compare."""
    return _page(ceremony_id)


@blueprint.get("/<ceremony_id>/check")
@requires(Permission.AUTHORITIES_READ)
def check(ceremony_id: str) -> Response:
    """Read what is stored and check it."""
    service = services()
    with service.database.reading() as session:
        done = check_ceremony(session, ceremony_id)
        checks = list(done.checks)
        if done.event_id is not None:
            place = next(index for index, each in enumerate(checks) if each.what == "event")
            checks.insert(place + 1, _seal(session, done.event_id))
    return _page(ceremony_id, checks=checks)


@blueprint.post("/<ceremony_id>/compare")
@requires(Permission.AUTHORITIES_READ)
def compare(ceremony_id: str) -> Response:
    """Tell whether a file that somebody has is the minutes; it is not kept."""
    with services().database.reading() as session:
        found = find_ceremony(session, ceremony_id)
    sent = request.files.get("minutes")
    content = sent.stream.read(_LONGEST + 1) if sent is not None else b""
    return _page(ceremony_id, same=matches_minutes(found, content) if content else None, asked=True)


@blueprint.get("/<ceremony_id>/minutes")
@requires(Permission.AUTHORITIES_READ)
def minutes(ceremony_id: str) -> Response:
    """The minutes as they were printed; with ``save``, as a file."""
    with services().database.reading() as session:
        _file, page = read_papers(session, ceremony_id)
    answer = Response(page, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})
    if "save" in request.args:
        answer.headers.set("Content-Disposition", "attachment", filename=f"acta-{ceremony_id}.html")
    return answer


@blueprint.get("/<ceremony_id>/file")
@requires(Permission.AUTHORITIES_READ)
def file(ceremony_id: str) -> Response:
    """The file that was rehearsed and held, octet by octet."""
    with services().database.reading() as session:
        content, _minutes = read_papers(session, ceremony_id)
    answer = Response(content, mimetype="application/yaml")
    answer.headers.set("Content-Disposition", "attachment", filename=f"ceremonia-{ceremony_id}.yaml")
    return answer


def _page(
    ceremony_id: str, *, checks: list[Check] | None = None, same: bool | None = None, asked: bool = False
) -> Response:
    with services().database.reading() as session:
        found = find_ceremony(session, ceremony_id)
    return render(
        "admin/ceremonies/one.html",
        422 if asked and same is None else 200,
        item=found,
        colons=colons,
        checks=checks,
        holds=checks is not None and all(each.outcome is not Outcome.FAILS for each in checks),
        check_words=CHECKS,
        outcomes=OUTCOMES,
        reasons=REASONS,
        asked=asked,
        same=same,
        may_search=operator().powers.allow(Permission.AUDIT_SEARCH),
    )


def _seal(session: Session, event_id: str) -> Check:
    """The event is in the log: its proof is made and checked as anybody else would."""
    audit = services().audit
    try:
        key = audit.log_key(audit.origin)
        verify_event_proof(prove_event(session, event_id, log_key=key).as_document(), expected_key=key)
    except NotFound:
        return Check("seal", Outcome.NOT_CHECKED, reason="not_sealed")
    except (ProofError, CheckpointError):
        return Check("seal", Outcome.FAILS)
    return Check("seal", Outcome.HOLDS)
