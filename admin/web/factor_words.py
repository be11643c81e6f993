"""What the console says of events about codes that are sent and printed cards."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from audit.vocabulary import EventType

_E = EventType

FACTOR_EVENTS: dict[EventType, LazyString] = {
    _E.LOGIN_CODE_SENT: _l("Se envió un código para ingresar"),
    _E.SMS_CODE_ENROLLED: _l("Agregó códigos por mensaje de texto"),
    _E.SMS_CODE_REMOVED: _l("Quitó los códigos por mensaje de texto"),
    _E.SMS_CODE_VERIFIED: _l("Escribió el código del mensaje de texto"),
    _E.EMAIL_CODE_ENROLLED: _l("Pidió un código por correo en equipos nuevos"),
    _E.EMAIL_CODE_REMOVED: _l("Quitó el código por correo en equipos nuevos"),
    _E.EMAIL_CODE_VERIFIED: _l("Escribió el código del correo"),
    _E.GRID_CARD_ENROLLED: _l("Agregó una tarjeta de números"),
    _E.GRID_CARD_REMOVED: _l("Quitó su tarjeta de números"),
    _E.GRID_CARD_VERIFIED: _l("Escribió los números de su tarjeta"),
}
