"""Test citizens of an institution: the list, and making one."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.applications.people import list_test_people, make_test_person, new_test_credentials
from admin.applications.reach import institutions_reached
from admin.applications.registering import institution_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.applications.place import blueprint, only_institution
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.listing import Head, asked_listing
from admin.web.problems import problem
from kernel.errors import NotFound, Rejected
from web.pages import render

_HEADS = (
    Head("user", _l("Usuario"), "up"),
    Head("institution", _l("Institución"), "up"),
    Head("level", _l("Nivel"), "up", numeric=True),
    Head("since", _l("Desde"), "down"),
)


@blueprint.get("/test-people")
@requires(Permission.APPLICATIONS_WRITE)
def show_test_people() -> Response:
    """Those of the institutions that this operator's roles reach."""
    return _page(Typed(level="1", institution=only_institution()), errors={})


@blueprint.post("/test-people")
@requires(Permission.APPLICATIONS_WRITE, fresh=True)
def make_person() -> Response:
    """Make one. The answer shows what to log in with: it stands on no other page."""
    service, typed = services(), typed_form(("institution", "level"))
    try:
        with service.database.reading() as session:
            institution_reached(session, operator().powers, typed["institution"])
        credentials = new_test_credentials(int(typed["level"]) if typed["level"].isdecimal() else 0)
        with service.database.transaction() as session:
            person = make_test_person(
                session,
                services=service.idp,
                institution=institution_reached(session, operator().powers, typed["institution"]),
                credentials=credentials,
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except NotFound:
        return _page(typed, errors={"institution": _("Elija la institución")}, status=422)
    except Rejected as error:
        return _page(typed, errors={"level": problem(error)}, status=422)
    return render(
        "admin/applications/person_made.html",
        person=person,
        passport=credentials.passport,
        password=credentials.password.reveal(),
        totp_key=credentials.totp_key.reveal(),
    )


def _page(typed: Typed, *, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        reached = institutions_reached(session, operator().powers, Permission.APPLICATIONS_WRITE)
        people = list_test_people(session, [each.id for each in reached])
    names = {each.id: each.name for each in reached}
    listing = asked_listing("admin_applications.show_test_people", heads=_HEADS, order="-since").arranged(
        people,
        {
            "user": lambda pair: pair[0].document,
            "institution": lambda pair: names[pair[1]],
            "level": lambda pair: pair[0].level,
            "since": lambda pair: pair[0].created_at,
        },
    )
    return render(
        "admin/applications/people.html",
        status,
        listing=listing,
        names=names,
        institutions=[("", _("Elija la institución")), *((each.id, each.name) for each in reached if each.active)],
        levels=[
            ("1", _("Nivel 1: contraseña")),
            ("2", _("Nivel 2: contraseña y aplicación de códigos")),
            ("3", _("Nivel 3: además, un certificado simulado")),
        ],
        with_certificates=bool(services().idp.settings.mtls_origin),
        typed=typed,
        errors=errors,
    )
