"""Where the desks are, for everyone: nobody logs in to find help."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint
from werkzeug.wrappers import Response as AnyResponse

from idp.desk.desks import list_desks
from idp.directory.institutions import list_institutions
from idp.web.access import services
from web.pages import render

blueprint = Blueprint("desks", __name__, template_folder="../templates")


@blueprint.get("/ayuda/oficinas")
def show_all() -> AnyResponse:
    """The open desks by city."""
    with services().database.reading() as session:
        desks = list_desks(session)
        names = {item.ruc: item.name for item in list_institutions(session) if item.active}
    open_desks = [desk for desk in desks if desk.institution_ruc in names]
    cities = [(city, list(found)) for city, found in groupby(open_desks, key=lambda desk: desk.city)]
    return render("idp/desk/offices.html", cities=cities, institutions=names)
