"""An application looked at from outside, for whoever looks after it: at the addresses that it registered alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.deliveries import DELIVERY_ERRORS
from admin.web.developer.place import blueprint, reached
from admin.web.gate import operator, requires
from admin.web.words import Text
from audit.event import Event
from audit.vocabulary import EventType
from idp.developer.doctor import Finding, Result, examine, patient_of
from web.pages import render
from web.rate_limit import check_limit

_WRITE = Permission.APPLICATIONS_WRITE
_LIMIT = "6 per minute"
_RESULTS: Mapping[Result, tuple[str, str, Text]] = {
    Result.PASSED: ("ok", "ok", words.PASSED),
    Result.WARNED: ("warn", "warn", _l("Mejorable")),
    Result.FAILED: ("bad", "bad", words.FAILED),
}
_UNREACHABLE = _l("No contesta, o no como debe.")
_NAMES: Mapping[str, Text] = {
    "reach": _l("Contesta"),
    "https": _l("https"),
    "certificate": _l("Certificado"),
    "hsts": _l("HSTS"),
    "cookie": _l("Cookie"),
    "callback": _l("Dirección de regreso"),
    "errors": _l("Errores de ingreso"),
    "backchannel": _l("Aviso de salida entre servidores"),
    "frontchannel": _l("Aviso de salida en el navegador"),
    "jwks": _l("Claves publicadas"),
}
_SAID: Mapping[str, Text] = {
    "reach": _l("Su página de inicio contesta."),
    "reach:unreachable": _UNREACHABLE,
    "reach:local": _l(
        "Está en la máquina de quien la escribe, que desde aquí no se ve. Mírela cuando esté en Internet."
    ),
    "https": _l("Está en https."),
    "https:plain": _l("No está en https: cualquiera en la red lee los códigos y las cookies."),
    "https:local": _l("Sirve solo en esta máquina; en cualquier otra parte tiene que ser https."),
    "certificate": _l("Lo firma una autoridad conocida, es de ese nombre, y falta para que venza."),
    "certificate:ends_soon": _l("Vence pronto. Renuévelo, y haga que se renueve solo."),
    "certificate:unseen": _l("No se pudo ver."),
    "hsts": _l("El navegador no vuelve a entrar sin https."),
    "hsts:absent": _l("Falta Strict-Transport-Security: la primera visita puede ir sin https."),
    "hsts:short": _l("Dura muy poco: al menos medio año (15552000 segundos)."),
    "cookie": _l("Lleva Secure, HttpOnly y SameSite."),
    "cookie:flags": _l("Le faltan marcas. Sin ellas un guion o un enlace ajeno puede usarla."),
    "callback": _l("Hay alguien ahí, y no se rompe sin una respuesta."),
    "callback:unreachable": _UNREACHABLE,
    "callback:not_there": _l("Ahí no hay nada: nadie podría terminar de ingresar."),
    "callback:breaks": _l("Se rompe cuando alguien llega sin una respuesta. Muestre una página que lo diga."),
    "errors": _l("Cuando el ingreso no se pudo, no se rompe."),
    "errors:breaks": _l("Se rompe con error=access_denied y un «state» que no conoce. Muestre una página que lo diga."),
    "backchannel": _l("Rechaza un aviso que nadie firmó."),
    "backchannel:takes_unsigned": _l("Acepta un aviso que nadie firmó: cualquiera puede cerrar sesiones."),
    "backchannel:not_there": _l("Ahí no hay nada: los avisos de salida se pierden."),
    "backchannel:breaks": _l("Se rompe con un aviso malo. Conteste 400."),
    "backchannel:status": _l("Lo rechaza, pero no con 400, que es lo que dice la norma."),
    "backchannel:unreachable": _UNREACHABLE,
    "frontchannel": _l("Nuestra página de salida la puede abrir en un marco."),
    "frontchannel:not_framed": _l(
        "El navegador no la muestra en un marco: lo que cierra la sesión con un programa no corre. "
        "Permita este servicio en frame-ancestors."
    ),
    "frontchannel:breaks": _l("Contesta con un error."),
    "frontchannel:unreachable": _UNREACHABLE,
    "jwks": _l("Se leen, y son sanas."),
    "jwks:unreadable": _l("No es un conjunto de claves en JSON."),
    "jwks:empty": _l("No hay ninguna clave."),
    "jwks:private": _l("¡Hay una clave privada publicada! Cámbiela hoy."),
    "jwks:weak": _l("Hay una clave RSA de menos de 2048 bits."),
    "jwks:kid": _l("Póngale a cada una un «kid» distinto: sin él no se puede cambiar de clave sin parar."),
    "jwks:unreachable": _UNREACHABLE,
}


@blueprint.get("/<client_id>/doctor")
@requires(_WRITE)
def doctor(client_id: str) -> Response:
    """What would be looked at."""
    return _page(client_id)


@blueprint.post("/<client_id>/doctor")
@requires(_WRITE)
def examine_application(client_id: str) -> Response:
    """Look, and say what was seen."""
    service, client = services(), reached(client_id, _WRITE)
    check_limit(_LIMIT, "admin.rp_doctor", operator().person_id)
    now = service.clock.now()
    provider = service.idp
    found = examine(provider.outgoing, patient_of(client), issuer=provider.settings.issuer, now=now)
    with service.database.transaction() as session:
        event = Event(
            type=EventType.APPLICATION_EXAMINED,
            actor=operator().person_id,
            client_id=client_id,
            details={"failed": sorted({each.check for each in found if each.result is Result.FAILED})},
        )
        provider.journal.record(session, event, now=now)
    return _page(client_id, found=found)


def _page(client_id: str, *, found: Sequence[Finding] | None = None) -> Response:
    client = reached(client_id, _WRITE)
    patient = patient_of(client)
    addresses = (patient.home, patient.callback, patient.backchannel, patient.frontchannel, patient.jwks)
    return render(
        "admin/developer/doctor.html",
        client=client,
        addresses=[each for each in dict.fromkeys(addresses) if each],
        found=None
        if found is None
        else [(each, _NAMES[each.check], _said(each), _RESULTS[each.result]) for each in found],
        seen=found is not None and all(each.words != "reach:local" for each in found),
        good=found is not None and all(each.result is not Result.FAILED for each in found),
    )


def _said(finding: Finding) -> str:
    words = str(_SAID[finding.words])
    reason = DELIVERY_ERRORS.get(f"outgoing_{finding.detail}") if finding.why == "unreachable" else None
    return f"{words} {reason}." if reason else words
