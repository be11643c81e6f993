"""The component sheet: every part and state, sample pages and errors. On loopback and ``.test`` issuers only.

Its texts are samples, so they are not translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from flask import Blueprint, Response

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
from web.csrf import ForgedRequestError
from web.pages import render
from web.plots import BarPlot, Column, bar_plot

blueprint = Blueprint("sheet", __name__)

_SAMPLES: Mapping[str, Callable[[], ServiceError]] = {
    "rechazado": lambda: Rejected(),
    "sin-permiso": lambda: Denied(),
    "no-existe": lambda: NotFound(),
    "cambio": lambda: Conflict(),
    "ya-usado": lambda: AlreadyConsumed(),
    "pausa": lambda: Throttled(retry_after=timedelta(minutes=15)),
    "no-responde": lambda: Unavailable(),
    "falla": lambda: Fault(),
    "caduco": lambda: ForgedRequestError(),
}
_USUAL = (90, 60, 40, 30, 30, 60, 180, 460, 820, 960, 980, 920, 740, 620, 780, 840, 800, 660, 480, 400, 360, 300, 220)
_TODAY = (80, 60, 40, 30, 40, 60, 190, 450, 840, 990, 610)
_ERRORS = [("correo", "Escriba su correo con arroba, por ejemplo nombre@correo.example"), ("clave", "Escriba su clave")]


@blueprint.get("/muestrario")
def sheet() -> Response:
    """Every component and state."""
    return render("web/sheet.html", samples=list(_SAMPLES), errors=_ERRORS, plot=_plot(), diff=_diff())


@blueprint.get("/muestrario/consola")
def console() -> Response:
    """The same parts as the console wears them."""
    return render("web/sheet_console.html", plot=_plot(), diff=_diff())


@blueprint.get("/muestrario/ingreso")
def sign_in() -> Response:
    """A sample of the heaviest page that everyone opens."""
    return render("web/sheet_sign_in.html", errors=[])


@blueprint.get("/muestrario/ingreso-con-errores")
def sign_in_with_errors() -> Response:
    """The same, as it comes back."""
    errors = [("username", "La cédula tiene 9 dígitos y deben ser 10"), ("password", "Escriba su contraseña")]
    return render("web/sheet_sign_in.html", errors=errors)


@blueprint.get("/muestrario/confirmar")
def confirm() -> Response:
    """A page that asks before doing."""
    return render("web/sheet_confirm.html")


@blueprint.get("/muestrario/error/<name>")
def error(name: str) -> Response:
    """The error page called ``name``."""
    raise _SAMPLES.get(name, NotFound)()


def _plot() -> BarPlot:
    columns = [
        Column(f"{hour} h", _TODAY[hour] if hour < len(_TODAY) else 0, usual) for hour, usual in enumerate(_USUAL)
    ]
    return bar_plot(
        columns,
        title="Ingresos por hora: igual a lo habitual hasta las 9 h; a las 10 h, 610 contra 980 habituales",
        label_name="Hora",
        value_name="Hoy",
        usual_name="Lo habitual",
        label_every=6,
    )


def _diff() -> list[dict[str, object]]:
    names = ["ventanilla.gob.example", "vu-interno"]
    return [
        {
            "field": "Otros nombres",
            "asked": names,
            "granted": names[:1],
            "change": "less",
            "change_text": "Se quita 1",
        },
        {
            "field": "Vigencia",
            "asked": ["825 días"],
            "granted": ["180 días"],
            "change": "edit",
            "change_text": "Se reduce",
        },
        {
            "field": "Uso extendido",
            "asked": [],
            "granted": ["Servidor TLS"],
            "change": "more",
            "change_text": "Se pone 1",
        },
        {
            "field": "Nombre común",
            "asked": names[:1],
            "granted": names[:1],
            "change": "same",
            "change_text": "Igual",
        },
    ]
