"""What the desk's codes are called on the screen."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from admin.web.words import Text

DOCUMENTS: dict[str, Text] = {
    "cedula": _l("Cédula de identidad"),
    "passport": _l("Pasaporte"),
    "refugee_card": _l("Carné de refugiado"),
}
METHODS: dict[str, Text] = {
    "registry": _l("Consultado al Registro Civil"),
    "chip": _l("Leído el chip o la franja"),
    "by_eye": _l("Mirado a la luz y comparado a ojo"),
}
FACTORS: dict[str, Text] = {
    "password": _l("Contraseña"),
    "totp": _l("Celular de códigos"),
    "recovery_code": _l("Códigos de respaldo"),
}
LEVELS: dict[int, Text] = {
    1: _l("Nivel 1: solo el contacto está comprobado"),
    2: _l("Nivel 2: la identidad está comprobada"),
    3: _l("Nivel 3: con certificado"),
}
STATUSES: dict[str, tuple[str, Text]] = {
    "active": ("ok", _l("Cuenta activa")),
    "disabled": ("warn", _l("Cuenta desactivada")),
    "erased": ("none", _l("Cuenta borrada")),
}


def factor_words(kind: str) -> Text | str:
    """Return what the kind of factor is called; its own name for one without words."""
    return FACTORS.get(kind, kind)
