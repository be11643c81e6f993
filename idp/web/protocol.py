"""The provider's protocol on HTTP: its blueprints, what is free of form tokens, its errors in words."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext as _l

from idp.web import (
    authorize,
    check_session,
    discovery,
    logout,
    protected_resource,
    register,
    shared_signals,
    token,
)
from idp.web.rights import decisions, scim
from idp.web.short_ways import open_short_ways
from web.csrf import exempt
from web.error_texts import ErrorText, describe_errors
from web.state import answer_on_mtls_host

_BACK = _l("Vuelva al servicio y empiece de nuevo. Si se repite, avise a la institución que lo ofrece.")
_NOTHING_GIVEN = _l("El servicio del que viene envió una solicitud que no podemos aceptar. No se entregó ningún dato.")

PROTOCOL_TEXTS = {
    "invalid_redirect_uri": ErrorText(
        title=_l("No podemos volver a ese servicio"),
        happened=_l("La dirección a la que el servicio quiere volver no está registrada. No se entregó ningún dato."),
        to_do=_BACK,
    ),
    "unknown_client": ErrorText(
        title=_l("No conocemos ese servicio"),
        happened=_l("El servicio del que viene no está registrado. No se entregó ningún dato."),
        to_do=_l("Compruebe la dirección del servicio. Las del Estado ecuatoriano terminan en gob.ec."),
    ),
    "invalid_client_id": ErrorText(happened=_NOTHING_GIVEN, to_do=_BACK),
    "client_disabled": ErrorText(
        title=_l("Ese servicio está cerrado"),
        happened=_l("La institución cerró este servicio o cambió lo que puede pedir. No se entregó ningún dato."),
        to_do=_l("Consulte con la institución que lo ofrece."),
    ),
    "test_person_outside": ErrorText(
        title=_l("Esta persona es de prueba"),
        happened=_l("Las personas de prueba entran solo en aplicaciones de prueba. No se entregó ningún dato."),
        to_do=_l("Cierre la sesión e ingrese con una cuenta suya."),
    ),
    "real_person_in_sandbox": ErrorText(
        title=_l("Esta aplicación es de prueba"),
        happened=_l("Todavía está en desarrollo, y solo entran en ella personas de prueba. No se entregó ningún dato."),
        to_do=_l("Vuelva al servicio verdadero. Si usted desarrolla la aplicación, use una persona de prueba."),
    ),
    "invalid_request": ErrorText(happened=_NOTHING_GIVEN, to_do=_BACK),
    "invalid_id_token_hint": ErrorText(
        title=_l("No pudimos cerrar la sesión así"),
        happened=_l("El servicio envió una solicitud de cierre que no es válida. Su sesión sigue abierta."),
        to_do=_l("Cierre la sesión desde su cuenta."),
    ),
    "client_mismatch": ErrorText(
        title=_l("No pudimos cerrar la sesión así"),
        happened=_l("El servicio envió una solicitud de cierre que no es válida. Su sesión sigue abierta."),
        to_do=_l("Cierre la sesión desde su cuenta."),
    ),
    "invalid_post_logout_redirect_uri": ErrorText(
        title=_l("No pudimos cerrar la sesión así"),
        happened=_l("La dirección a la que el servicio quiere volver no está registrada. Su sesión sigue abierta."),
        to_do=_l("Cierre la sesión desde su cuenta."),
    ),
}


def mount_protocol(app: Flask) -> None:
    """Put the protocol's views on ``app``."""
    for blueprint in (
        token.blueprint,
        register.blueprint,
        decisions.blueprint,
        scim.blueprint,
        authorize.entrance,
        logout.entrance,
    ):
        # Callers from other sites and servers: none of these acts on a cookie alone, see each.
        exempt(blueprint)
    for blueprint in (
        token.blueprint,
        register.blueprint,
        authorize.entrance,
        logout.entrance,
        discovery.blueprint,
        decisions.blueprint,
        scim.blueprint,
        protected_resource.blueprint,
        authorize.blueprint,
        logout.blueprint,
        check_session.blueprint,
        shared_signals.blueprint,
    ):
        app.register_blueprint(blueprint)
    open_short_ways(app)
    answer_on_mtls_host(app, *discovery.MTLS_ENDPOINTS.values())
    describe_errors(app, PROTOCOL_TEXTS)
