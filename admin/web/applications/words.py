"""What applications are called on the console's pages."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from admin.web.words import Text
from idp.clients.auth_method import AuthMethod
from idp.clients.environment import Environment

METHODS: Mapping[AuthMethod, Text] = {
    AuthMethod.NONE: _l("Pública: no guarda secretos, usa PKCE"),
    AuthMethod.CLIENT_SECRET_BASIC: _l("Secreto, en la cabecera"),
    AuthMethod.CLIENT_SECRET_POST: _l("Secreto, en el cuerpo"),
    AuthMethod.CLIENT_SECRET_JWT: _l("Secreto, con el que firma"),
    AuthMethod.PRIVATE_KEY_JWT: _l("Clave privada"),
    AuthMethod.TLS_CLIENT_AUTH: _l("Certificado de esta autoridad"),
    AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: _l("Certificado propio, registrado"),
    AuthMethod.IN_PROCESS: _l("Esta consola: dentro del mismo proceso"),
}
POLICIES: Mapping[str, Text] = {
    "web": _l("Aplicación web con servidor propio"),
    "classic": _l("Biblioteca antigua: reglas más flojas"),
    "public": _l("Aplicación en un teléfono, computador o navegador: no guarda secretos"),
    "service": _l("Servicio sin personas"),
    "fapi2": _l("Alto riesgo (FAPI 2.0): solicitudes enviadas antes, claves, tokens atados a una clave"),
    "fapi2-message-signing": _l("Alto riesgo con solicitudes y respuestas firmadas (FAPI 2.0 Message Signing)"),
    "fapi-ciba": _l("La persona aprueba en otro dispositivo (FAPI-CIBA)"),
}
# What is shown elsewhere on the page in words of its own.
SHOWN = frozenset(
    {
        "client_name",
        "policy",
        "redirect_uris",
        "post_logout_redirect_uris",
        "token_endpoint_auth_method",
        "scope",
        "optional_scope",
        "default_acr_values",
        "jwks",
        "id_token_signed_response_alg",
    }
)
SCOPES: Mapping[str, Text] = {
    "openid": _l("Identificador"),
    "profile": _l("Nombres y apellidos"),
    "email": _l("Correo"),
    "phone": _l("Celular"),
    "birthdate": _l("Fecha de nacimiento"),
    "cedula": _l("Cédula"),
    "institution": _l("Institución"),
    "roles": _l("Roles en la aplicación"),
    "permissions": _l("Permisos en la aplicación"),
    "offline_access": _l("Acceso sin la persona presente"),
}


# (class of the tag, shape, word)
ENVIRONMENTS: Mapping[Environment, tuple[str, str, Text]] = {
    Environment.SANDBOX: ("info", "wait", _l("De prueba")),
    Environment.PRODUCTION: ("ok", "ok", _l("En producción")),
}

#: Kinds of :data:`admin.applications.kinds.KINDS`: what it is, and what that means.
KIND_WORDS: Mapping[str, tuple[Text, Text]] = {
    "web": (_l("Sitio web con servidor"), _l("Guarda un secreto en su servidor. Lo más común.")),
    "page": (_l("Página que funciona sola en el navegador"), _l("No guarda secretos; usa PKCE.")),
    "native": (
        _l("Aplicación de teléfono o computador"),
        _l("No guarda secretos; usa PKCE y puede volver a una dirección propia."),
    ),
    "service": (_l("Servicio sin personas"), _l("Un sistema que llama a una API en su propio nombre.")),
    "classic": (
        _l("Sistema con una biblioteca antigua"),
        _l("Reglas más flojas: solo si la biblioteca no puede con PKCE."),
    ),
    "high": (
        _l("Alto riesgo"),
        _l("Pagos, salud, firmas: claves en lugar de secretos y solicitudes enviadas antes (FAPI 2.0)."),
    ),
}
CHOSEN_METHODS: Mapping[str, Text] = {
    "": _l("Lo recomendado para lo que es"),
    "client_secret_basic": _l("Secreto, en la cabecera"),
    "client_secret_post": _l("Secreto, en el cuerpo"),
    "private_key_jwt": _l("Clave privada: nadie más la tiene"),
}
#: What a scope gives, as the one who chooses it reads it.
OFFERED_SCOPES: Mapping[str, tuple[Text, Text]] = {
    "profile": (_l("Nombres y apellidos"), _l("Y el idioma que prefiere.")),
    "email": (_l("Correo"), _l("Y si está comprobado.")),
    "phone": (_l("Celular"), _l("Y si está comprobado.")),
    "cedula": (_l("Cédula"), _l("De quien no la tiene, el pasaporte. Pídala solo si la ley o el trámite la exigen.")),
    "birthdate": (_l("Fecha de nacimiento"), _l("Del Registro Civil o de una ventanilla.")),
    "roles": (_l("Roles en la aplicación"), _l("Los que declara su institución.")),
    "institution": (_l("Institución"), _l("Para cuál trabaja la persona en este ingreso.")),
    "offline_access": (
        _l("Acceso sin la persona presente"),
        _l("Una ficha que se renueva cuando la persona ya se fue."),
    ),
}
#: Why an address cannot be registered, by the end of what the rule says.
ADDRESS_PROBLEMS: Mapping[str, Text] = {
    "has a character that is not allowed, or is too long": _l("tiene un signo que no se admite, o es demasiado larga"),
    "is not an address": _l("no es una dirección"),
    "has a fragment": _l("tiene un #: quite desde ahí hasta el final"),
    "has a wildcard": _l("tiene un *: escriba cada dirección completa"),
    "has a user name": _l("tiene un nombre de usuario antes de la @"),
    "has a dot segment": _l("tiene /../ o /./ en el camino"),
    "has no host": _l("no dice el servidor"),
    "has a host with capital letters, which browsers would change": _l("tiene mayúsculas en el nombre del servidor"),
    "has a host that is no name": _l("tiene un nombre de servidor que no existe en Internet"),
    "must begin with https://": _l("debe empezar con https:// (http:// solo para localhost)"),
}
#: Members of the registration that a form's field is behind: the field, and what to do there.
METADATA_PROBLEMS: Mapping[str, tuple[str, Text]] = {
    "client_name": ("name", _l("Escriba el nombre, de 1 a 100 letras: lo leen las personas")),
    "redirect_uris": ("redirect_uris", _l("Escriba al menos una dirección, y hasta 20")),
    "post_logout_redirect_uris": ("post_logout_redirect_uris", _l("Hasta 20 direcciones")),
    "token_endpoint_auth_method": ("method", _l("Lo que es no puede identificarse así: elija lo recomendado")),
    "jwks": ("jwks_uri", _l("Escriba la dirección https donde publica sus claves")),
    "jwks_uri": ("jwks_uri", _l("Escriba una dirección https, sin #")),
    "resources": (
        "resources",
        _l("Escriba la API a la que llama el servicio, por ejemplo https://api.institucion.gob.ec"),
    ),
    "scope": ("api_scopes", _l("Escriba los permisos de esa API, con un espacio entre ellos")),
    "contacts": ("contacts", _l("Hasta 10 correos")),
    "backchannel_logout_uri": ("backchannel_logout_uri", _l("Escriba una dirección https, sin #")),
    "policy": ("policy", _l("Elija una política de la lista")),
    "policy_uri": ("policy_uri", _l("Escriba una dirección https, sin #")),
}
#: The checklist's lines: what is checked, and what to do if it is not so.
CHECKS: Mapping[str, tuple[Text, Text]] = {
    "addresses": (_l("Las direcciones son https y están en Internet"), _l("Cambie las de localhost y las de prueba.")),
    "leaving": (_l("Hay una dirección para la salida"), _l("Registre adónde vuelve la persona al salir.")),
    "contacts": (
        _l("Alguien lee el correo de contacto"),
        _l("Regístrelo en «Cambiar» y confírmelo aquí con el código que le llega."),
    ),
    "policy": (_l("Hay una política de datos publicada"), _l("Registre la dirección https de su política.")),
    "institution": (_l("Es de una institución"), _l("Regístrela otra vez, en su institución.")),
    "tried": (_l("Alguien ingresó en la prueba en estos 30 días"), _l("Ingrese con una persona de prueba.")),
    "left": (
        _l("Alguien salió desde la aplicación en estos 30 días"),
        _l("Ingrese con una persona de prueba y salga: la aplicación la manda a /logout."),
    ),
    "renewed": (
        _l("El acceso sin la persona se usó en estos 30 días"),
        _l("Renueve una ficha en la prueba; si no hace falta, quite «Acceso sin la persona presente»."),
    ),
}
#: Why keys cannot be registered, by what the rule says.
KEY_PROBLEMS: Mapping[str, Text] = {
    "jwks holds public keys only.": _l(
        "Ahí hay una clave privada o un secreto: ya viajó, así que haga otra clave. Aquí va solo la parte pública"
    ),
    "jwks is a JSON Web Key Set with 1 to 10 keys.": _l("Pegue un conjunto de claves (JWKS), de 1 a 10 claves"),
    "Each key of jwks needs a kid of its own.": _l("Dos claves tienen el mismo kid: cada una lleva el suyo"),
    "jwks holds RSA, EC or OKP keys for signatures or encryption.": _l(
        "Solo claves RSA, EC u OKP, para firmar (sig) o cifrar (enc)"
    ),
    "The curve of a key in jwks is P-256, P-384, Ed25519 or X25519.": _l(
        "La curva de una clave es P-256, P-384, Ed25519 o X25519"
    ),
    "A kid is a text of 1 to 128 characters.": _l("Un kid tiene de 1 a 128 letras"),
    "A key in jwks cannot be read.": _l("Una clave está dañada: cópiela entera"),
    "An RSA key has 2048 bits or more.": _l("Una clave RSA tiene 2048 bits o más"),
    "x5c holds certificates, the key's own first.": _l("En x5c va el certificado de esa clave, el suyo primero"),
    "The first certificate of x5c is another key's.": _l("El primer certificado de x5c es de otra clave"),
    "jwks holds no key that can be used.": _l("Ninguna de esas claves se puede usar"),
    "This is not JSON.": _l("Esto no es JSON: cópielo entero, con sus llaves"),
}
AFFIRMATIONS: Mapping[str, Text] = {
    "minimum": _l("Pedimos solo los datos que el trámite necesita."),
    "secrets": _l("Los secretos y las claves no están en el código ni en correos."),
    "support": _l("Hay alguien que atiende a las personas cuando la aplicación falla."),
}
