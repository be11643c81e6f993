"""What a reader is told about an error: one table of families, and the sentences that houses register by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from flask import Flask
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from kernel.errors import (
    AlreadyConsumed,
    Conflict,
    Denied,
    Fault,
    NotFound,
    Rejected,
    ServiceError,
    Throttled,
    Unavailable,
)
from web.state import web_state

Text: TypeAlias = LazyString | str


@dataclass(frozen=True)
class ErrorText:
    """An error in the reader's words; empty parts are taken from the error's family.

    :ivar happened: what happened, and what did not (no data given, nothing saved).
    :ivar to_do: what to do now.
    :ivar title: the page's heading.
    """

    happened: Text = ""
    to_do: Text = ""
    title: Text = ""


@dataclass(frozen=True)
class Family:
    """How a family of errors is answered."""

    status: int
    text: ErrorText


FAMILIES: Mapping[type[ServiceError], Family] = {
    Rejected: Family(
        400,
        ErrorText(
            title=_l("No pudimos aceptar lo que envió"),
            happened=_l("Falta un dato, o tiene una forma que no esperábamos. No se guardó nada."),
            to_do=_l("Vuelva atrás, revise los datos y envíelos otra vez."),
        ),
    ),
    Denied: Family(
        403,
        ErrorText(
            title=_l("No tiene permiso para esto"),
            happened=_l("Su cuenta no puede abrir esta página ni hacer este cambio."),
            to_do=_l("Si lo necesita para su trabajo, pídalo a quien administra los permisos en su institución."),
        ),
    ),
    NotFound: Family(
        404,
        ErrorText(
            title=_l("Esta página no existe"),
            happened=_l("La dirección está incompleta, o lo que había aquí ya no está."),
            to_do=_l("Revise la dirección o vaya al inicio."),
        ),
    ),
    Conflict: Family(
        409,
        ErrorText(
            title=_l("Algo cambió mientras tanto"),
            happened=_l("Otra pestaña u otra persona hizo un cambio antes. El suyo no se guardó."),
            to_do=_l("Abra la página de nuevo, mire cómo quedó y decida."),
        ),
    ),
    AlreadyConsumed: Family(
        409,
        ErrorText(
            title=_l("Esto ya se usó"),
            happened=_l("Este enlace o este paso sirve una sola vez, y ya se usó."),
            to_do=_l("Empiece de nuevo desde el servicio al que quería entrar."),
        ),
    ),
    Throttled: Family(
        429,
        ErrorText(
            title=_l("Espere un momento"),
            happened=_l("Hubo demasiados intentos seguidos. La pausa cuida su cuenta de quien quiera adivinar."),
            to_do=_l("No hace falta que haga nada más: después de la pausa podrá seguir."),
        ),
    ),
    Unavailable: Family(
        503,
        ErrorText(
            title=_l("El servicio no responde en este momento"),
            happened=_l("Una parte del sistema no contesta. No se entregó ningún dato."),
            to_do=_l("Espere un momento y vuelva a intentar."),
        ),
    ),
    Fault: Family(
        500,
        ErrorText(
            title=_l("Algo falló de nuestro lado"),
            happened=_l("Usted no hizo nada malo. No se entregó ningún dato."),
            to_do=_l("Vuelva a intentar en unos minutos. Si vuelve a pasar, díganos la referencia."),
        ),
    ),
}

#: Statuses that come from the HTTP layer and belong to no family.
STATUSES: Mapping[int, ErrorText] = {
    400: FAMILIES[Rejected].text,
    403: FAMILIES[Denied].text,
    404: FAMILIES[NotFound].text,
    405: ErrorText(
        title=_l("Esta página no se abre así"),
        happened=_l("La dirección existe, pero se llega a ella desde un formulario."),
        to_do=_l("Vaya al inicio y entre desde allí."),
    ),
    413: ErrorText(
        title=_l("Lo que envió es demasiado grande"),
        happened=_l("Aceptamos hasta 1 MB por envío. No se guardó nada."),
        to_do=_l("Envíe un archivo más pequeño."),
    ),
    414: ErrorText(
        title=_l("La dirección es demasiado larga"),
        happened=_l("El servicio que lo envió aquí puso más datos de los que aceptamos."),
        to_do=_l("Vuelva a ese servicio y empiece de nuevo."),
    ),
    415: ErrorText(
        title=_l("No aceptamos ese tipo de archivo"),
        happened=_l("Lo que envió no tiene el formato que esta página espera. No se guardó nada."),
        to_do=_l("Revise el formato y envíelo otra vez."),
    ),
    421: ErrorText(
        title=_l("Este servicio tiene otra dirección"),
        happened=_l("Usted llegó con una dirección que no es la nuestra. Por seguridad no seguimos."),
        to_do=_l("Entre por la dirección verdadera."),
    ),
    429: FAMILIES[Throttled].text,
    431: ErrorText(
        title=_l("Su navegador envió demasiados datos"),
        happened=_l("Suele deberse a que guardó demasiadas «cookies» de este sitio."),
        to_do=_l("Borre los datos de este sitio en su navegador y vuelva a entrar."),
    ),
    500: FAMILIES[Fault].text,
    503: FAMILIES[Unavailable].text,
}

#: Codes of the plumbing itself.
OWN_TEXTS: Mapping[str, ErrorText] = {
    "csrf_failed": ErrorText(
        title=_l("La página caducó"),
        happened=_l("Pasó demasiado tiempo desde que la abrió, o su navegador no guarda «cookies». No se guardó nada."),
        to_do=_l("Abra la página otra vez y repita lo que estaba haciendo."),
    ),
    "bad_forwarded_address": ErrorText(
        title=_l("No pudimos saber desde dónde nos escribe"),
        happened=_l("La red que lo trajo hasta aquí nos pasó una dirección no válida. Por seguridad no seguimos."),
        to_do=_l("Intente desde otra red, y si vuelve a pasar díganos la referencia."),
    ),
    "bad_client_certificate": ErrorText(
        title=_l("No pudimos leer su certificado"),
        happened=_l("Lo que llegó en lugar del certificado no se puede leer. No se entregó ningún dato."),
        to_do=_l("Intente otra vez, y si vuelve a pasar díganos la referencia."),
    ),
    "client_certificate_not_believed": ErrorText(
        title=_l("Aquí no se presentan certificados"),
        happened=_l("La solicitud trae un certificado por un camino que no es el seguro. No se entregó ningún dato."),
        to_do=_l("Entre por la dirección del servicio. Si vuelve a pasar, díganos la referencia."),
    ),
    "overloaded": ErrorText(
        title=_l("Hay demasiada gente a la vez"),
        happened=_l("En este momento entran más personas de las que podemos atender. No se guardó nada."),
        to_do=_l("Espere unos segundos y vuelva a intentar."),
    ),
    "repeated_parameter": ErrorText(
        happened=_l("Un mismo dato llegó dos veces y no podemos saber cuál vale. No se guardó nada."),
    ),
}


def describe_errors(app: Flask, texts: Mapping[str, ErrorText | Text]) -> None:
    """Register sentences by error code (``ServiceError.code``); a plain text says what happened. Call from ``mount``.

    Give texts made by ``lazy_gettext``, so that each reader gets them in his language.
    """
    registered = web_state(app).error_texts
    for code, text in texts.items():
        registered[code] = text if isinstance(text, ErrorText) else ErrorText(happened=text)


def family_of(error: ServiceError) -> Family:
    """Return the nearest family of ``error``; an error of no family is our fault."""
    for ancestor in type(error).__mro__:
        if ancestor in FAMILIES:
            return FAMILIES[ancestor]
    return FAMILIES[Fault]


def text_of(error: ServiceError) -> ErrorText:
    """Return the words for ``error``: those registered for its code, completed by its family's."""
    family = family_of(error).text
    own = web_state().error_texts.get(error.code, ErrorText())
    return ErrorText(
        title=own.title or family.title, happened=own.happened or family.happened, to_do=own.to_do or family.to_do
    )
