"""The proof of a login, for the person to take along."""

from __future__ import annotations

from flask import Blueprint, jsonify, url_for
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.activity import find_activity, prove_login
from idp.web.access import services
from idp.web.activity_words import words_of
from idp.web.guard import admit
from kernel.errors import NotFound
from web.pages import render

blueprint = Blueprint("login_proof", __name__, template_folder="templates", url_prefix="/account/activity")

# In the file, whose reader may be a judge years from now: in both languages, whatever the person reads.
_ABOUT = {
    "es": (
        "Constancia de un ingreso. «leaf» es el registro tal como se guardó; «hashes» llevan de él a la raíz que "
        "«checkpoint» firma. Se comprueba sin SAU, con el programa examples/verify_log.py y la clave pública del "
        "registro: python verify_log.py --proof ESTE-ARCHIVO --key CLAVE. Obtenga la clave por otro camino, no de "
        "este archivo. Los datos personales están cifrados; «subject» es un seudónimo."
    ),
    "en": (
        'Proof of a login. "leaf" is the record as it was kept; "hashes" lead from it to the root that "checkpoint" '
        "signs. It is checked without SAU, by the program examples/verify_log.py and the log's public key: "
        "python verify_log.py --proof THIS-FILE --key KEY. Get the key by another way than from this file. Personal "
        'data is encrypted; "subject" is a pseudonym.'
    ),
}


@blueprint.get("/<event_id>/proof")
def page(event_id: str) -> AnyResponse:
    """Say what the proof is good for."""
    visitor = admit(back_to=url_for("login_proof.page", event_id=event_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        event = find_activity(session, services=services(), person_id=visitor.person.id, event_id=event_id)
        words = words_of(session, event)
    if not event.is_login:
        raise NotFound("There is no such login.", code="unknown_activity")
    return render("idp/account_login_proof.html", visitor=visitor, event=event, words=words)


@blueprint.get("/<event_id>/proof.json")
def download(event_id: str) -> AnyResponse:
    """Hand the proof over as a file."""
    visitor = admit(back_to=url_for("login_proof.page", event_id=event_id))
    if isinstance(visitor, AnyResponse):
        return visitor
    with services().database.reading() as session:
        proof = prove_login(session, services=services(), person_id=visitor.person.id, event_id=event_id)
    response = jsonify({"about": _ABOUT, **proof.as_document()})
    response.headers["Content-Disposition"] = f'attachment; filename="constancia-{event_id}.json"'
    response.headers["Cache-Control"] = "no-store"
    return response
