"""The errors of OAuth and OpenID Connect that this service answers: the source of the dictionary and of the docs.

Sources: RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8628 §3.5,
RFC 8707 §2, RFC 9101 §6.2, RFC 9396 §5, RFC 9449, RFC 9470, CIBA Core §13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from web.error_texts import Text

#: Where an error comes, and how its example looks: in the address, as JSON, or in a header.
REDIRECT, TOKEN, RESOURCE, REGISTRATION, PAGE = "redirect", "token", "resource", "registration", "page"


@dataclass(frozen=True)
class Meaning:
    """One error. :ivar places: where it comes. :ivar status: of the JSON answers, where there are any."""

    places: tuple[str, ...]
    status: int
    why: Text
    to_do: Text


MEANINGS: Mapping[str, Meaning] = {
    "access_denied": Meaning(
        (REDIRECT, TOKEN),
        400,
        _l("La persona no dio su permiso, volvió sin ingresar, o esta aplicación no es para ella."),
        _l("Respételo. Explique para qué pide los datos y deje que lo intente otra vez cuando quiera."),
    ),
    "account_selection_required": Meaning(
        (REDIRECT,),
        0,
        _l("Con prompt=none: la persona trabaja en varias instituciones y no ha elegido con cuál entra."),
        _l("Envíela sin prompt=none, o nombre la institución con el parámetro «institution»."),
    ),
    "authorization_pending": Meaning(
        (TOKEN,),
        400,
        _l("Nadie ha decidido todavía en el otro dispositivo."),
        _l("Pregunte otra vez después de los segundos de «interval»."),
    ),
    "consent_required": Meaning(
        (REDIRECT,),
        0,
        _l("Con prompt=none: la persona no ha permitido todavía lo que se pide."),
        _l("Envíela sin prompt=none."),
    ),
    "expired_token": Meaning(
        (TOKEN,),
        400,
        _l("Nadie decidió a tiempo en el otro dispositivo."),
        _l("Empiece de nuevo, si la persona todavía quiere."),
    ),
    "insufficient_scope": Meaning(
        (RESOURCE,),
        403,
        _l("El token vale, pero no permite esto."),
        _l("Pida el alcance que falta en un ingreso nuevo."),
    ),
    "insufficient_user_authentication": Meaning(
        (RESOURCE,),
        401,
        _l("El ingreso del que viene el token es más débil o más viejo de lo que se exige aquí."),
        _l("Envíe a la persona a ingresar con los «acr_values» o el «max_age» que dice la respuesta."),
    ),
    "interaction_required": Meaning(
        (REDIRECT,),
        0,
        _l("Con prompt=none: hace falta mostrar una página a la persona."),
        _l("Envíela sin prompt=none."),
    ),
    "invalid_authorization_details": Meaning(
        (REDIRECT, TOKEN),
        400,
        _l("Un detalle de la autorización no está declarado por la API, o no es de esta aplicación."),
        _l("Compare el tipo y sus miembros con los que la API declaró."),
    ),
    "invalid_binding_message": Meaning(
        (TOKEN,),
        400,
        _l("El mensaje que la persona lee en su teléfono es muy largo o tiene letras que no se admiten."),
        _l("Hasta 64 letras, cifras y signos comunes."),
    ),
    "invalid_client": Meaning(
        (TOKEN,),
        401,
        _l(
            "La aplicación no probó quién es: no existe o está cerrada, el secreto es otro, usó un método que no "
            "registró, o la prueba firmada venció o ya se usó."
        ),
        _l(
            "Compare el método con el registrado. Con client_secret_basic, codifique antes el client_id y el secreto. "
            "Con una clave, firme una prueba nueva por solicitud, con «aud» igual al emisor y un minuto de vida."
        ),
    ),
    "invalid_client_metadata": Meaning(
        (REGISTRATION,),
        400,
        _l("Un dato del registro no se acepta, o no cuadra con la política de la aplicación."),
        _l("Lea «error_description»: nombra el dato."),
    ),
    "invalid_dpop_proof": Meaning(
        (TOKEN, RESOURCE),
        400,
        _l("La prueba DPoP no corresponde a esta solicitud, es vieja, o llegó dos veces."),
        _l("Firme una nueva por solicitud, con el método y la dirección exactos, y revise el reloj del servidor."),
    ),
    "invalid_grant": Meaning(
        (TOKEN,),
        400,
        _l(
            "El código o el token de renovación no existe, venció, ya se usó, es de otra aplicación, de otra dirección "
            "de regreso o de otro «code_verifier»; o terminó aquello en lo que se apoya."
        ),
        _l(
            "Envíe a la persona a ingresar otra vez. Si pasa siempre: canjee el código una sola vez, antes de un "
            "minuto, con la misma dirección y el mismo «code_verifier»."
        ),
    ),
    "invalid_request": Meaning(
        (REDIRECT, TOKEN, RESOURCE, PAGE),
        400,
        _l("Falta un parámetro, está mal escrito, es muy largo o llegó dos veces; o falta PKCE."),
        _l("Lea «error_description»: nombra el parámetro."),
    ),
    "invalid_request_object": Meaning(
        (REDIRECT,),
        400,
        _l("La solicitud firmada no lleva la firma de su clave, no es para este servicio, o ya venció."),
        _l("Firme una nueva; el inspector de tokens de la consola dice qué falla."),
    ),
    "invalid_request_uri": Meaning(
        (REDIRECT,),
        400,
        _l("La referencia a la solicitud no existe, venció, ya se usó, o no está registrada."),
        _l("Envíe la solicitud otra vez por /par y use la referencia nueva una sola vez."),
    ),
    "invalid_redirect_uri": Meaning(
        (PAGE, REGISTRATION),
        400,
        _l("La dirección de regreso no es, letra por letra, una de las registradas."),
        _l("Compare el protocolo, el puerto y la barra del final; registre la que usa."),
    ),
    "invalid_scope": Meaning(
        (REDIRECT, TOKEN),
        400,
        _l("Falta «openid», o se pide un alcance que la aplicación no tiene."),
        _l("Pida menos, o haga registrar el alcance."),
    ),
    "invalid_target": Meaning(
        (REDIRECT, TOKEN),
        400,
        _l("Se pide un token para una API que no se registró o no se concedió, para varias, o de otro ambiente."),
        _l("Nombre en «resource» una sola API de las registradas. Desde pruebas no se llama a producción."),
    ),
    "invalid_token": Meaning(
        (RESOURCE,),
        401,
        _l("El token venció, se revocó, es para otra API, o lo muestra quien no tiene su clave."),
        _l("Renuévelo o envíe a la persona a ingresar. Compare «aud» con la dirección de la API."),
    ),
    "login_required": Meaning(
        (REDIRECT,),
        0,
        _l("Con prompt=none: nadie ha ingresado con esa seguridad y tan hace poco, o es otra persona."),
        _l("Envíela sin prompt=none."),
    ),
    "rate_limited": Meaning(
        (TOKEN,),
        429,
        _l("Desde esta red hubo demasiados intentos con credenciales malas, o demasiadas solicitudes."),
        _l("Espere lo que dice «Retry-After» y corrija las credenciales antes de seguir."),
    ),
    "registration_not_supported": Meaning(
        (REDIRECT,),
        0,
        _l("El parámetro «registration» no se atiende."),
        _l("No lo envíe: registre la aplicación antes."),
    ),
    "server_error": Meaning(
        (REDIRECT, TOKEN, RESOURCE),
        500,
        _l("Fallamos nosotros."),
        _l("Intente en unos minutos. Si se repite, díganos la referencia que viene en la respuesta."),
    ),
    "slow_down": Meaning(
        (TOKEN,),
        400,
        _l("Se preguntó antes de que pasara «interval»."),
        _l("Sume cinco segundos al intervalo, para esta vez y las siguientes."),
    ),
    "temporarily_unavailable": Meaning(
        (REDIRECT, TOKEN, RESOURCE),
        503,
        _l("Una parte del servicio no contesta."),
        _l("Espere lo que dice «Retry-After». El código puede haberse gastado: empiece de nuevo."),
    ),
    "too_many_tries": Meaning(
        (TOKEN,),
        429,
        _l("Cinco solicitudes sobre la misma persona en cinco minutos."),
        _l("Espere lo que dice «Retry-After»."),
    ),
    "unauthorized_client": Meaning(
        (REDIRECT, TOKEN),
        400,
        _l("La aplicación no registró esta forma de pedir tokens, o su política no la permite."),
        _l("Cambie el registro, o pida un código («code»)."),
    ),
    "unknown_client": Meaning(
        (PAGE,),
        404,
        _l("Ninguna aplicación tiene ese «client_id»."),
        _l("Cópielo de la consola, y mire que sea el de este ambiente."),
    ),
    "unmet_authentication_requirements": Meaning(
        (REDIRECT,),
        0,
        _l("El ingreso no alcanza la seguridad que se exige, o ninguna de las que se piden se atiende aquí."),
        _l("Pida una de «acr_values_supported». Si la persona no la alcanza, dígale cómo subir de nivel."),
    ),
    "unsupported_grant_type": Meaning(
        (TOKEN,),
        400,
        _l("Esta forma de pedir tokens no se atiende, como «password»."),
        _l("Use «authorization_code»."),
    ),
    "unsupported_response_type": Meaning(
        (REDIRECT,),
        0,
        _l("Se pide un tipo de respuesta que nadie atiende."),
        _l("Use «code»."),
    ),
    "use_dpop_nonce": Meaning(
        (TOKEN, RESOURCE),
        400,
        _l("La prueba DPoP no repite el «nonce» que está vigente. Es parte del protocolo, no una falla."),
        _l("Repita la solicitud con el valor de la cabecera «DPoP-Nonce»."),
    ),
}
