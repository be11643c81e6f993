"""The page at which a holder collects a certificate with its key. Opening it changes nothing."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from ca.handover.collect import Offer, Proof, collect_file, find_offer, open_handover
from ca.locations import PKI_PREFIX
from ca.web.services import services
from kernel.errors import Denied, Rejected
from web.cookies import read_cookie
from web.pages import render
from web.rate_limit import limit

blueprint = Blueprint("handover", __name__, template_folder="templates", url_prefix=f"{PKI_PREFIX}/handover")
_MOST = 64


@blueprint.get("/<link>")
@limit("30 per minute")
def look(link: str) -> Response:
    """Say what waits, and ask for the proof."""
    return _page(_offer(link))


@blueprint.post("/<link>")
@limit("30 per minute")
def advance(link: str) -> Response:
    """Take the proof and show the password, or hand over the file."""
    if request.form.get("step") == "download":
        return _download(link)
    offer = _offer(link)
    typed = {name: request.form.get(name, "").strip()[:_MOST] for name in ("cedula", "code")}
    try:
        opened = open_handover(
            services(),
            link=link,
            proof=Proof(person_id=_person(), **typed),
            old_format=request.form.get("format") == "old",
            now=services().clock.now(),
        )
    except Denied:
        return _page(offer, status=403)
    except Rejected:
        return _page(offer, status=422, error=_("La cédula o el código no son correctos"), cedula=typed["cedula"])
    return _private(
        render(
            "ca/handover_password.html",
            password=opened.password.reveal(),
            download=opened.download.reveal(),
            until=opened.until,
        )
    )


def _download(link: str) -> Response:
    given = request.form.get("download", "")[:_MOST]
    with services().database.transaction() as session:
        file = collect_file(session, services=services(), link=link, download=given, now=services().clock.now())
    response = Response(file, mimetype="application/x-pkcs12")
    response.headers.set("Content-Disposition", "attachment", filename="certificado.p12")
    return _private(response)


def _page(offer: Offer, *, status: int = 200, error: str = "", cedula: str = "") -> Response:
    signed_in = offer.has_account and _person() is not None
    page = render(
        "ca/handover.html",
        status=status,
        offer=offer,
        signed_in=signed_in,
        wrong_person=status == 403 and signed_in,
        error=error,
        cedula=cedula,
    )
    return _private(page)


def _offer(link: str) -> Offer:
    with services().database.reading() as session:
        return find_offer(session, services=services(), link=link, now=services().clock.now())


def _person() -> str | None:
    given = services()
    with given.database.reading() as session:
        return given.signed_in.person_of(session, secret=read_cookie(given.signed_in.cookie), now=given.clock.now())


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
