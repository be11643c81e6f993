"""What a telephone with keys shows: 160 places of the alphabet of short messages a screen, no accents that it lacks.

Spanish, and Kichwa as a draft: no screen has room for two languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idp.notices.gsm import PLACES, places_of, written_in_gsm
from kernel.errors import Fault

_DATA: Mapping[str, Mapping[str, str]] = {
    "es": {
        "openid": "un codigo suyo",
        "cedula": "cedula",
        "profile": "nombres",
        "email": "correo",
        "phone": "celular",
        "birthdate": "fecha de nacimiento",
        "roles": "roles",
        "permissions": "permisos",
        "institution": "institucion",
        "offline_access": "acceso por 90 dias",
    },
    "qu": {
        "openid": "shuk yupay",
        "cedula": "cedula",
        "profile": "shutikuna",
        "email": "correo",
        "phone": "celular",
        "birthdate": "wacharishka puncha",
        "roles": "rolkuna",
        "permissions": "permisokuna",
        "institution": "institucion",
        "offline_access": "90 puncha yaykuna",
    },
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "es": {
        "nothing": "SAU: no hay pedidos para este celular.",
        "asks": "SAU {who}: {client} pide su aprobacion.\n{binding}\n1 Seguir\n2 No\n3 No fui yo",
        "data": "Recibira: {data}.\nEscriba su PIN para permitir, o 0 para no.",
        "allowed": "SAU: listo, usted permitio a {client}.",
        "denied": "SAU: usted dijo que no. No se entrego ningun dato.",
        "disowned": "SAU: dijo que no fue usted. No se entrego nada y {client} no podra pedirle nada por un dia.",
        "wrong_pin": "PIN equivocado. Le quedan {left}. Escriba su PIN, o 0 para no.",
        "locked": "SAU: demasiados PIN equivocados. Espere un dia, o apruebe en su cuenta.",
        "over": "SAU: ese pedido ya se decidio o vencio.",
        "stronger": "SAU: {client} pide un ingreso mas seguro. Apruebelo en su cuenta, no por aqui.",
        "elsewhere": "SAU: {client} pide mas de lo que cabe aqui. Revise el pedido en su cuenta.",
    },
    "qu": {
        "nothing": "SAU: kay celularpak mañay illan.",
        "asks": "SAU {who}: {client} mañan.\n{binding}\n1 Katina\n2 Mana\n3 Mana ñukachu",
        "data": "Chaskinka: {data}.\nAri ninkapak PINta killkay, 0 mana.",
        "allowed": "SAU: ñami, {client} ari nirkanki.",
        "denied": "SAU: mana nirkanki. Ima datopash mana kurirkachu.",
        "disowned": "SAU: mana kikinchu karka. {client} shuk punchata mana mañankachu.",
        "wrong_pin": "Mana chay PINchu. {left} kutin tiyan. PINta killkay, 0 mana.",
        "locked": "SAU: PINka pantarirka. Shuk punchata shuyay, cuentapi ari niy.",
        "over": "SAU: chay mañayka ña tukurirka.",
        "stronger": "SAU: {client} ashtawan alli yaykuyta mañan. Cuentapi ari niy.",
        "elsewhere": "SAU: {client} ashtakata mañan. Cuentapi rikuy.",
    },
}
_CLIENT, _NAME, _SHOWN_DATA = 28, 14, 80


@dataclass(frozen=True)
class Screen:
    """A screen. :ivar ends: the dialogue is over; else a key is waited for."""

    text: str
    ends: bool


def screen(name: str, *, locale: str, ends: bool = True, **values: object) -> Screen:
    """Return the screen ``name`` with ``values``. :raises Fault: (``bad_ussd_screen``) if it takes more than one."""
    words = _WORDS.get(locale, _WORDS["es"])
    known = {key: _short(key, str(value)) for key, value in values.items()}
    text = written_in_gsm(words[name].format(**known))
    if places_of(text) > PLACES:
        raise Fault("A screen is too long.", code="bad_ussd_screen")
    return Screen(text, ends)


def data_words(scopes: Sequence[str], *, locale: str) -> str | None:
    """Return what the application will get in words, or None if this is no place to say it: an API, or too much."""
    words = _DATA.get(locale, _DATA["es"])
    if not set(scopes) <= set(words):
        return None
    more = [scope for scope in scopes if scope != "openid"] or ["openid"]
    told = ", ".join(words[scope] for scope in more)
    return told if len(told) <= _SHOWN_DATA else None


def _short(key: str, value: str) -> str:
    longest = {"client": _CLIENT, "who": _NAME}.get(key)
    # A sign that takes two places is none that a screen has room for.
    plain = "".join(letter if places_of(letter) == 1 else "?" for letter in written_in_gsm(" ".join(value.split())))
    return plain if longest is None or len(plain) <= longest else plain[: longest - 2] + ".."
