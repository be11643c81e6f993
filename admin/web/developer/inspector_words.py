"""What the token inspector says: kinds, members of header and claims, how each check ended and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from admin.web.words import Text
from idp.developer.token_checks import Check
from idp.developer.token_reading import TokenKind

KINDS: Mapping[TokenKind, Text] = {
    TokenKind.ID_TOKEN: _l("Token de identidad (ID token)"),
    TokenKind.ACCESS_TOKEN: _l("Token de acceso"),
    TokenKind.LOGOUT_TOKEN: _l("Aviso de salida (logout token)"),
    TokenKind.AUTHORIZATION_RESPONSE: _l("Respuesta de autorización firmada (JARM)"),
    TokenKind.USERINFO: _l("Respuesta firmada de UserInfo"),
    TokenKind.REQUEST_OBJECT: _l("Solicitud firmada por la aplicación"),
    TokenKind.CLIENT_ASSERTION: _l("Prueba de la aplicación (client assertion)"),
}
HEADERS: Mapping[str, Text] = {
    "alg": _l("Con qué se firmó o cifró."),
    "kid": _l("Qué clave de quien firma hay que usar."),
    "typ": _l("Para qué es: así un token no pasa por otro."),
    "enc": _l("Con qué se cifró el contenido."),
    "cty": _l("Qué hay dentro: JWT es un token firmado."),
    "epk": _l("Clave de un solo uso de quien cifró."),
}
CLAIMS: Mapping[str, Text] = {
    "iss": _l("Quién lo hizo."),
    "sub": _l("La persona, con el nombre que su aplicación conoce. Guárdelo como clave de su cuenta."),
    "aud": _l("Para quién es. Debe ser su aplicación."),
    "exp": _l("Hasta cuándo vale."),
    "nbf": _l("Desde cuándo vale."),
    "iat": _l("Cuándo se hizo."),
    "jti": _l("Su nombre: sirve para notar una repetición."),
    "auth_time": _l("Cuándo ingresó la persona."),
    "acr": _l("Con qué seguridad ingresó."),
    "amr": _l("Con qué medios ingresó."),
    "azp": _l("Para qué aplicación se hizo."),
    "nonce": _l("El valor que su aplicación mandó al empezar: debe ser el mismo."),
    "at_hash": _l("Ata este token al token de acceso que vino con él."),
    "c_hash": _l("Ata este token al código que vino con él."),
    "s_hash": _l("Ata este token al «state» de la solicitud."),
    "sid": _l("La sesión, con el nombre que su aplicación conoce: la usan los avisos de salida."),
    "txn": _l("El recibo de este ingreso en el registro de auditoría."),
    "client_id": _l("La aplicación a la que se le dio."),
    "scope": _l("Lo que permite."),
    "cnf": _l("La clave a la que está atado: sin ella no sirve."),
    "act": _l("Quién actúa por la persona."),
    "events": _l("Qué pasó."),
    "state": _l("El valor que su aplicación mandó al empezar: debe ser el mismo."),
    "code": _l("El código que se canjea por los tokens, una vez."),
    "error": _l("Por qué no se pudo."),
    "name": _l("Nombre completo."),
    "given_name": _l("Nombres."),
    "family_name": _l("Apellidos."),
    "email": _l("Correo."),
    "email_verified": _l("Si se comprobó el correo."),
    "phone_number": _l("Celular."),
    "cedula": _l("Cédula."),
    "birthdate": _l("Fecha de nacimiento."),
    "updated_at": _l("Cuándo cambiaron los datos por última vez."),
    "locale": _l("Idioma que prefiere."),
    "roles": _l("Roles de la persona en su aplicación."),
    "institution": _l("Institución por la que actúa."),
    "verified_claims": _l("Datos comprobados, y cómo."),
    "redirect_uri": _l("A dónde vuelve la respuesta."),
    "response_type": _l("Qué se pide."),
    "code_challenge": _l("El compromiso de PKCE."),
}
STANDINGS: Mapping[str, tuple[str, Text]] = {
    "alive": ("ok", _l("Este servicio lo acepta ahora.")),
    "expired": ("bad", _l("Este servicio ya no lo acepta: venció.")),
    "revoked": ("bad", _l("Este servicio ya no lo acepta: se revocó.")),
    "session_ended": ("bad", _l("Este servicio ya no lo acepta: la persona salió.")),
    "consent_withdrawn": ("bad", _l("Este servicio ya no lo acepta: la persona retiró su permiso.")),
    "bad_signature": ("bad", _l("Este servicio no lo acepta: no lo firmó.")),
    "other": ("bad", _l("Este servicio no lo acepta ahora. Pida otro.")),
}
_ABSENT = _l("Falta. Rechace el token.")
#: By ``name`` or ``name:why``: what was checked, and what it means or what to do.
_CHECKS: Mapping[str, Text] = {
    "alg": _l("Está firmado con el algoritmo que su aplicación registró."),
    "alg:none": _l("«none» no es una firma: cualquiera pudo escribir este token. Su biblioteca nunca debe aceptarlo."),
    "alg:other": _l("No es el algoritmo registrado. Acepte solo los que espera; no elija por lo que diga el token."),
    "signature": _l("La firma es de una clave publicada por quien debía firmar."),
    "signature:absent": _l("No lleva firma. Rechace el token."),
    "signature:no_keys": _l("La aplicación no tiene claves registradas, o su dirección no contesta."),
    "signature:unknown_key": _l(
        "Ninguna clave publicada lleva ese «kid». Vuelva a leer las claves una vez; si sigue sin estar, rechácelo."
    ),
    "signature:bad_signature": _l("La firma no corresponde: alguien lo cambió, o no lo firmó quien dice. Rechácelo."),
    "signature:bad_alg": _l("Con ese algoritmo no se puede comprobar nada aquí. Rechácelo."),
    "signature:header_not_allowed": _l("La cabecera trae su propia clave, o algo que no se acepta. Rechácelo."),
    "signature:malformed": _l("No se puede leer como token firmado."),
    "signature:oversized": _l("Es demasiado largo."),
    "typ": _l("Es de la clase que se esperaba."),
    "typ:other": _l("Es de otra clase. Un token de acceso o un aviso de salida no sirven como identidad."),
    "iss": _l("Lo hizo quien debía."),
    "iss:other": _l("Lo hizo otro. Compare con el «issuer» de la configuración, letra por letra."),
    "iss:absent": _ABSENT,
    "aud": _l("Es para su aplicación."),
    "aud:other": _l("Es para otra aplicación. Aceptarlo dejaría entrar a cualquiera que tenga el de otra."),
    "aud:further": _l("Es también para otras aplicaciones que usted no conoce. Rechácelo."),
    "aud:absent": _ABSENT,
    "exp": _l("Todavía vale."),
    "exp:past": _l("Venció. Revise también el reloj de su servidor."),
    "exp:absent": _ABSENT,
    "exp:malformed": _l("No es una hora en segundos."),
    "nbf": _l("Ya vale."),
    "nbf:future": _l("Todavía no vale. Revise el reloj de su servidor."),
    "nbf:malformed": _l("No es una hora en segundos."),
    "iat": _l("Se hizo antes de ahora."),
    "iat:future": _l("Dice que se hará más tarde. Revise el reloj de su servidor."),
    "iat:present": _l("Dice cuándo se hizo."),
    "iat:malformed": _l("No es una hora en segundos."),
    "iat:absent": _ABSENT,
    "sub:present": _l("Dice de quién es."),
    "sub:absent": _ABSENT,
    "jti:present": _l("Tiene nombre: acéptelo una sola vez."),
    "jti:absent": _ABSENT,
    "client_id:present": _l("Dice a qué aplicación se le dio."),
    "client_id:absent": _ABSENT,
    "nonce": _l("Es el que su aplicación mandó en este ingreso."),
    "nonce:other": _l("No es el que se mandó: el token es de otro ingreso. Rechácelo."),
    "nonce:absent": _l("Su aplicación mandó uno y el token no lo trae. Rechácelo."),
    "nonce:not_given": _l("Escriba abajo el que su aplicación mandó, para compararlo."),
    "nonce:none": _l("No lo trae: la solicitud no mandó ninguno. Mándelo siempre."),
    "at_hash": _l("El token de acceso es el que vino con este."),
    "at_hash:other": _l("El token de acceso no es el que vino con este. Rechace los dos."),
    "at_hash:absent": _ABSENT,
    "at_hash:not_given": _l("Escriba abajo el token de acceso, para compararlo."),
    "c_hash": _l("El código es el que vino con este."),
    "c_hash:other": _l("El código no es el que vino con este. No lo canjee."),
    "c_hash:absent": _ABSENT,
    "c_hash:not_given": _l("Escriba abajo el código, para compararlo."),
    "events": _l("Dice que es una salida."),
    "events:other": _l("No dice que sea una salida. Conteste 400 y no cierre nada."),
    "sub_or_sid": _l("Dice de quién o de qué sesión es la salida."),
    "sub_or_sid:absent": _l("No dice de quién ni de qué sesión es. Conteste 400."),
    "no_nonce": _l("No trae «nonce», así que no puede pasar por un token de identidad."),
    "no_nonce:there": _l("Trae «nonce»: no es un aviso de salida. Conteste 400."),
}
_NAMES: Mapping[str, Text] = {
    "signature": _l("Firma"),
    "sub_or_sid": _l("sub o sid"),
    "no_nonce": _l("sin nonce"),
}


def check_words(check: Check) -> tuple[Text, Text]:
    """Return what the check is called, and what its result means."""
    return _NAMES.get(check.name, check.name), _CHECKS[check.words]
