"""Why an application was refused, in words, with what to do: by the reason that the record has."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app, url_for
from flask_babel import lazy_gettext as _l

from admin.web.words import Text
from idp.web.error_dictionary.entries import codes

_PAGE, _ALL = "error_dictionary.show", "error_dictionary.show_all"

#: (what happened, what to do)
REASONS: Mapping[str, tuple[Text, Text]] = {
    "invalid_redirect_uri": (
        _l("La dirección de retorno no es una de las registradas"),
        _l("Se comparan letra por letra: registre la que envía, o envíe la registrada."),
    ),
    "invalid_request": (
        _l("Al pedido le falta algo, o algo está dos veces"),
        _l("Compare los parámetros con el código de ejemplo."),
    ),
    "invalid_request_uri": (
        _l("El pedido que se envió antes no existe o venció"),
        _l("Envíe uno nuevo a /par para cada ingreso."),
    ),
    "invalid_scope": (_l("Pidió un dato que no tiene registrado"), _l("Regístrelo en «Cambiar», o deje de pedirlo.")),
    "invalid_grant": (
        _l("El código o la ficha de renovación ya se usó, venció o es de otra aplicación"),
        _l("Canjee cada código una vez, antes de un minuto, con el mismo code_verifier y la misma dirección."),
    ),
    "code_reused": (_l("El código se usó dos veces"), _l("Canjee cada código una sola vez: no repita el envío.")),
    "refresh_token_reused": (
        _l("Una ficha de renovación se usó dos veces"),
        _l("Guarde la nueva en cada renovación y no use la anterior."),
    ),
    "wrong_secret": (
        _l("El secreto no es el suyo"),
        _l("Revise el que tiene su servidor; si se perdió, haga otro en «Secretos y claves»."),
    ),
    "no_credentials": (_l("No dijo quién es"), _l("Envíe el secreto o la clave al pedir la ficha.")),
    "wrong_method": (
        _l("Se identificó de otra forma que la registrada"),
        _l("Use la forma que dice la página de la aplicación."),
    ),
    "unknown_certificate": (_l("Su certificado no es el registrado"), _l("Revise qué certificado envía su servidor.")),
    "certificate_expired": (_l("Su certificado venció"), _l("Pida otro en «Secretos y claves».")),
    "assertion_replayed": (
        _l("La misma afirmación firmada llegó dos veces"),
        _l("Firme una nueva, con otro jti, para cada pedido."),
    ),
    "client_disabled": (_l("La aplicación está desactivada"), _l("Reábrala, o pregunte al proveedor por qué.")),
    "unauthorized_client": (
        _l("La aplicación no está registrada para pedir eso"),
        _l("Compare lo que pide con «Todo lo registrado»."),
    ),
    "unsupported_response_type": (_l("Pidió una respuesta que no está registrada"), _l("Use response_type=code.")),
    "access_denied": (_l("La persona dijo que no"), _l("No es un error: ofrézcale seguir de otra manera.")),
    "login_required": (
        _l("Se pidió sin preguntar, y la persona no había ingresado"),
        _l("Con prompt=none esto es normal: mande a la persona a ingresar."),
    ),
    "consent_required": (
        _l("Se pidió sin preguntar, y la persona no había dado permiso"),
        _l("Con prompt=none esto es normal: pídalo otra vez sin prompt."),
    ),
    "unmet_authentication_requirements": (
        _l("La persona no tiene la fuerza que se pide"),
        _l("Explíquele qué necesita, o pida menos si el trámite lo permite."),
    ),
    "test_person_outside": (
        _l("Una persona de prueba quiso entrar en producción"),
        _l("Las personas de prueba entran solo en aplicaciones de prueba."),
    ),
    "real_person_in_sandbox": (
        _l("Una persona real quiso entrar en la prueba"),
        _l("Use una persona de prueba, o salga a producción."),
    ),
    "invalid_target": (_l("Pidió una ficha para una API que no tiene registrada"), _l("Revise «resources».")),
    "expired_token": (_l("La ficha venció"), _l("Renuévela o pida otra antes de usarla.")),
    "expired": (_l("La ficha venció"), _l("Renuévela o pida otra antes de usarla.")),
    "revoked": (_l("La ficha se anuló"), _l("La persona salió o retiró el permiso: que ingrese otra vez.")),
    "other_key": (_l("La prueba de posesión es de otra clave"), _l("Firme con la clave con la que pidió la ficha.")),
    "invalid_post_logout_redirect_uri": (
        _l("La dirección a la que volver al salir no está registrada"),
        _l("Regístrela en «Cambiar», o envíe la registrada."),
    ),
    "invalid_id_token_hint": (
        _l("Al salir envió una ficha de identidad que no es nuestra"),
        _l("Envíe la que recibió en este ingreso, sin cambiarla."),
    ),
    "insufficient_scope": (_l("La ficha no alcanza para eso"), _l("Pida el dato al ingresar.")),
}


def reason_text(reason: str) -> tuple[str, str]:
    """Return what happened and what to do; of a reason without words its code, and nothing."""
    if reason in REASONS:
        happened, to_do = REASONS[reason]
        return str(happened), str(to_do)
    return reason, ""


def errors_address() -> str | None:
    """Return the address of the dictionary of errors, where this process has it."""
    return url_for(_ALL) if _ALL in current_app.view_functions else None


def error_page(reason: str) -> str | None:
    """Return the address where more is said about it, if the dictionary of errors has it."""
    if _PAGE not in current_app.view_functions or reason not in codes():
        return None
    return url_for(_PAGE, code=reason)
