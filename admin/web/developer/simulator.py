"""The simulator: faults on purpose for an application in a sandbox, and what the application did with them."""

from __future__ import annotations

from collections.abc import Mapping

from flask import redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.applications.reach import application_reached
from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.developer.place import blueprint, reached
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires
from admin.web.problems import problem
from admin.web.words import Text
from idp.simulation.faults import Fault
from idp.simulation.run import MOST_LOGINS, MOST_MINUTES, faults_for, list_simulations, may_simulate, start_simulation
from idp.simulation.run import stop_simulation as stop
from kernel.errors import Conflict, Rejected
from web.pages import render

_WRITE = Permission.APPLICATIONS_WRITE
#: What each fault is, and what a good application does.
FAULTS: Mapping[Fault, tuple[Text, Text]] = {
    Fault.RESPONSE_ISS: (_l("«iss» de otro, en la dirección de regreso"), _l("No canjear el código (RFC 9207).")),
    Fault.NO_STATE: (_l("Sin «state», en la dirección de regreso"), _l("No canjear el código.")),
    Fault.RESPONSE_AUD: (_l("«aud» de otra aplicación, en la respuesta firmada (JARM)"), _l("No canjear el código.")),
    Fault.RESPONSE_SIGNATURE: (_l("Firma que no corresponde, en la respuesta (JARM)"), _l("No canjear el código.")),
    Fault.RESPONSE_EXPIRED: (_l("Respuesta firmada vencida (JARM)"), _l("No canjear el código.")),
    Fault.RESPONSE_ALG_NONE: (_l("Respuesta sin firma: «alg» none (JARM)"), _l("No canjear el código.")),
    Fault.C_HASH: (_l("«c_hash» de otro código (flujo híbrido)"), _l("No canjear el código.")),
    Fault.ISS: (_l("«iss» de otro, en el token de identidad"), _l("No dejar entrar.")),
    Fault.AUD: (_l("«aud» de otra aplicación"), _l("No dejar entrar.")),
    Fault.NONCE: (_l("«nonce» de otro ingreso"), _l("No dejar entrar.")),
    Fault.SIGNATURE: (_l("Firma que no corresponde"), _l("No dejar entrar.")),
    Fault.EXPIRED: (_l("Token de identidad vencido"), _l("No dejar entrar.")),
    Fault.AT_HASH: (_l("«at_hash» de otro token de acceso"), _l("No usar ninguno de los dos.")),
    Fault.UNKNOWN_KID: (_l("«kid» que no está publicado"), _l("Leer las claves una vez más, y no dejar entrar.")),
    Fault.ALG_NONE: (_l("Sin firma: «alg» none"), _l("No dejar entrar.")),
    Fault.USERINFO_SUB: (_l("«sub» de otra persona, en UserInfo"), _l("No usar esos datos.")),
    Fault.USERINFO_ISS: (_l("«iss» de otro, en UserInfo firmado"), _l("No usar esos datos.")),
    Fault.USERINFO_AUD: (_l("«aud» de otra aplicación, en UserInfo firmado"), _l("No usar esos datos.")),
    Fault.USERINFO_SIGNATURE: (_l("Firma que no corresponde, en UserInfo firmado"), _l("No usar esos datos.")),
    Fault.TOKEN_ERROR: (_l("/token contesta 500"), _l("Decirlo a la persona y ofrecer que empiece de nuevo.")),
    Fault.TOKEN_SLOW: (
        _l("/token tarda 10 segundos"),
        _l("Esperar con un límite, atender a los demás mientras tanto, y decirlo a la persona si no esperó."),
    ),
}
_VERDICTS: Mapping[str, tuple[str, str, Text]] = {
    "waiting": ("none", "less", _l("Nadie ha ingresado todavía")),
    "accepted": ("bad", "bad", _l("Lo aceptó: siguió adelante")),
    "rejected": ("ok", "ok", _l("Lo rechazó, por lo que se ve desde aquí")),
    "unseen": ("info", "info", _l("Desde aquí no se ve: mire su aplicación")),
}


@blueprint.get("/<client_id>/simulator")
@requires(_WRITE)
def simulator(client_id: str) -> Response:
    """What is under way, what came of the others, and the form."""
    return _page(client_id, Typed(fault="", logins="1", minutes="15"), {})


@blueprint.post("/<client_id>/simulator")
@requires(_WRITE)
def begin_simulation(client_id: str) -> Response:
    """Begin one."""
    service, typed = services(), typed_form(("fault", "logins", "minutes"))
    try:
        with service.database.transaction() as session:
            start_simulation(
                session,
                services=service.idp,
                client=application_reached(session, operator().powers, _WRITE, client_id),
                fault=typed["fault"],
                logins=_number(typed["logins"]),
                minutes=_number(typed["minutes"]),
                actor=operator().person_id,
                now=service.clock.now(),
            )
    except (Rejected, Conflict) as error:
        field = "logins" if error.code == "simulation_bounds" else "fault"
        return _page(client_id, typed, {field: problem(error)}, status=422)
    return redirect(url_for("admin_developer.simulator", client_id=client_id), 303)


@blueprint.post("/<client_id>/simulator/stop")
@requires(_WRITE)
def stop_simulation(client_id: str) -> Response:
    """End what is under way."""
    service = services()
    with service.database.transaction() as session:
        client = application_reached(session, operator().powers, _WRITE, client_id)
        stop(session, services=service.idp, client=client, actor=operator().person_id, now=service.clock.now())
    return redirect(url_for("admin_developer.simulator", client_id=client_id), 303)


def _page(client_id: str, typed: Typed, errors: Mapping[str, str], *, status: int = 200) -> Response:
    service, client = services(), reached(client_id, _WRITE)
    with service.database.reading() as session:
        found = list_simulations(session, client_id, now=service.clock.now())
    return render(
        "admin/developer/simulator.html",
        status,
        client=client,
        may=may_simulate(client),
        typed=typed,
        errors=errors,
        active=next((each for each in found if each.active), None),
        found=[(each, FAULTS[each.fault], _VERDICTS[each.verdict]) for each in found],
        faults=[("", _("Elija una")), *((each.value, str(FAULTS[each][0])) for each in faults_for(client))],
        words=FAULTS,
        most_logins=MOST_LOGINS,
        most_minutes=MOST_MINUTES,
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 else 0
