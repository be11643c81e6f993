"""What the events of help in person are called on the screen; part of ``words.EVENTS``."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from audit.vocabulary import EventType

_E = EventType
DESK_EVENTS: dict[EventType, LazyString] = {
    _E.DESK_ADDED: _l("Registró una oficina de atención"),
    _E.DESK_REMOVED: _l("Cerró una oficina de atención"),
    _E.IDENTITY_CHECK_PROPOSED: _l("Propuso dar por comprobada una identidad"),
    _E.IDENTITY_CHECK_REFUSED: _l("No se dio por comprobada una identidad"),
    _E.DESK_RECOVERY_OPENED: _l("Abrió la recuperación de una cuenta en una ventanilla"),
    _E.DESK_RECOVERY_APPROVED: _l("Estuvo de acuerdo con recuperar una cuenta"),
    _E.DESK_RECOVERY_REFUSED: _l("No se aceptó un paso de una recuperación"),
    _E.DESK_RECOVERY_STOPPED: _l("Detuvo la recuperación de una cuenta"),
    _E.DESK_RECOVERY_ENTERED: _l("Escribió el código de la ventanilla"),
    _E.DESK_RECOVERY_FINISHED: _l("Recuperó su cuenta con el código de la ventanilla"),
    _E.DESK_RECOVERY_EXPIRED: _l("Venció la recuperación de una cuenta"),
    _E.RECTIFICATION_ASKED: _l("Pidió corregir un dato"),
    _E.RECTIFICATION_DECIDED: _l("Decidió una corrección de datos"),
    _E.RECTIFICATION_WITHDRAWN: _l("Retiró su pedido de corrección"),
    _E.REPORT_OPENED: _l("Reportó algo que no hizo"),
    _E.REPORT_RECHECKED: _l("Revisó todo lo que abre su cuenta"),
    _E.REPORT_SEEN: _l("Empezó a mirar un reporte"),
    _E.REPORT_CLOSED: _l("Cerró un reporte"),
    _E.PERSON_OPENED: _l("Abrió la ficha de una persona"),
}
