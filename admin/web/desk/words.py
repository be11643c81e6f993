"""What the desk's codes are called on the screen."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l

from admin.web.words import Text
from idp.desk.recovery_record import Recovery
from idp.web.account_pages.factor_words import WORDS

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
    """Return what the person's own pages call the kind of factor; its own name for one without words."""
    return next((words.title for words in WORDS if words.name == kind), kind)


_OUTCOMES: dict[str, tuple[str, Text]] = {
    "finished": ("ok", _l("La persona recuperó su cuenta")),
    "stopped": ("bad", _l("Detenida")),
    "expired": ("none", _l("Venció sin usarse")),
    "ended": ("none", _l("Terminó: la cuenta se desactivó")),
}


def recovery_state(recovery: Recovery, *, now: datetime) -> tuple[str, Text]:
    """Return class and words of where a recovery stands."""
    if recovery.outcome:
        return _OUTCOMES[recovery.outcome]
    if recovery.expires_at <= now:
        return _OUTCOMES["expired"]
    if recovery.ready_at is None:
        return "warn", _l("Espera a otra persona de ventanilla")
    if recovery.entered_at:
        return "info", _l("Escribieron el código")
    return ("info", _l("El código ya sirve")) if recovery.ready_at <= now else ("warn", _l("Corre el plazo"))
