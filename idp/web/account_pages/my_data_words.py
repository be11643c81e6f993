"""The words of "my data": a title and an explanation for each section, a name for each key.

A section that a room adds needs its lines here; a test says which are missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from idp.accounts.my_data import Entry, Plain
from web.moments import moment_text

#: Lines of one section on paper; the JSON file has all.
MOST_ON_PAPER = 500

SECTIONS: dict[str, tuple[LazyString, LazyString]] = {
    "person": (_l("Su cuenta"), _l("Quién es usted y cómo le escribimos.")),
    "waiting_contacts": (_l("Contactos sin confirmar"), _l("Esperan el código que les enviamos.")),
    "sent_codes": (_l("Códigos enviados"), _l("Cuándo le enviamos códigos y si se usaron; nunca el código.")),
    "rectifications": (_l("Correcciones que pidió"), _l("Qué dato, cómo debía decir, y qué se respondió.")),
    "wishes": (_l("Lo que pidió sobre su cuenta"), _l("Borrarla, o copias de sus datos.")),
    "levels": (_l("Su nivel de identidad"), _l("En qué se basa, y lo que dejó de valer.")),
    "identity_checks": (_l("Comprobaciones de su identidad"), _l("En ventanilla, con su documento.")),
    "desk_recoveries": (_l("Cuenta devuelta en ventanilla"), _l("Cuando perdió con qué ingresar.")),
    "reports": (_l("Sus reportes"), _l("Lo que dijo que no hizo, y qué se encontró.")),
    "factors": (_l("Lo que usa para ingresar"), _l("Sin claves: esas no las puede leer nadie.")),
    "sessions": (_l("Sesiones"), _l("Las abiertas, y las que se cerraron hace poco.")),
    "devices": (_l("Equipos que recordamos"), _l("Para no avisarle cada vez que ingresa desde ellos.")),
    "places": (_l("Lugar del último ingreso"), _l("Para notar si otro ingresa desde muy lejos.")),
    "consents": (_l("Permisos a servicios"), _l("Qué les permitió ver, también los retirados.")),
    "authorizations": (_l("Accesos de servicios"), _l("Con qué pueden preguntarnos por usted, y hasta cuándo.")),
    "requests": (_l("Solicitudes que le hicieron"), _l("De servicios o de otros equipos.")),
    "messages": (_l("Mensajes guardados aquí"), _l("Solo si esta instalación no los envía.")),
    "certificates": (_l("Certificados"), _l("Los que la autoridad emitió a su nombre. La ley obliga a conservarlos.")),
    "certificate_requests": (
        _l("Solicitudes de certificados"),
        _l("Hechas a su nombre, y qué se decidió."),
    ),
    "duties": (_l("Funciones en el servicio"), _l("Lo que hace aquí como funcionario.")),
    "belongings": (_l("Instituciones donde trabaja"), _l("Lo que ellas dicen de su puesto.")),
    "linked_accounts": (_l("Cuentas en otros sistemas"), _l("Por las que puede ingresar aquí.")),
    "institutions": (_l("Cuentas en instituciones"), _l("Con las que ingresa aquí con la contraseña de allá.")),
    "rights": (_l("Lo que puede hacer en servicios"), _l("Los roles que le dio su institución.")),
    "rest": (_l("Lo demás"), _l("Que hay algo, y de cuándo es.")),
    "looks": (_l("Quién consultó sus datos"), _l("Funcionarios que buscaron o leyeron algo sobre usted.")),
    "activity": (_l("Actividad"), _l("Todo lo que quedó registrado sobre usted, lo más nuevo primero.")),
}

KEYS: dict[str, LazyString] = {
    "account_id": _l("Número interno"),
    "address": _l("Dirección de red"),
    "allowed": _l("Permitido"),
    "answer": _l("Respuesta"),
    "application": _l("Servicio"),
    "asked": _l("Pedido"),
    "birth_date": _l("Fecha de nacimiento"),
    "browser": _l("Navegador"),
    "cedula": _l("Cédula"),
    "changed_at": _l("Cambió"),
    "client_id": _l("Número del servicio"),
    "created_at": _l("Desde"),
    "decided_at": _l("Se decidió"),
    "decision": _l("Decisión"),
    "desk": _l("Ventanilla"),
    "device": _l("Equipo"),
    "document": _l("Documento"),
    "due_at": _l("Fecha límite"),
    "email": _l("Correo"),
    "email_verified_at": _l("Correo confirmado"),
    "end_reason": _l("Por qué terminó"),
    "ended_at": _l("Terminó"),
    "expires_at": _l("Vence"),
    "given_names": _l("Nombres"),
    "goes_on_without_session": _l("Sigue sin su sesión"),
    "granted_at": _l("Lo permitió"),
    "groups": _l("Grupos"),
    "id": _l("Número de registro"),
    "identity_level": _l("Nivel de identidad"),
    "institution": _l("Institución"),
    "institution_ruc": _l("RUC de la institución"),
    "key": _l("Clave"),
    "kind": _l("Clase"),
    "language": _l("Idioma"),
    "last_seen_at": _l("Usada por última vez"),
    "last_used_at": _l("Usado por última vez"),
    "left": _l("Quedan"),
    "message": _l("Mensaje"),
    "method": _l("Manera"),
    "methods": _l("Maneras"),
    "moments": _l("Momentos"),
    "more": _l("Además"),
    "name": _l("Nombre"),
    "occurred_at": _l("Cuándo"),
    "outcome": _l("Resultado"),
    "report_number": _l("Número de reporte"),
    "own": _l("Lo pidió usted"),
    "passport": _l("Pasaporte"),
    "phone": _l("Celular"),
    "phone_verified_at": _l("Celular confirmado"),
    "place": _l("Lugar"),
    "post": _l("Puesto"),
    "reason": _l("Motivo"),
    "revoked_at": _l("Revocado"),
    "serial": _l("Número de serie"),
    "state": _l("Estado"),
    "status": _l("Estado"),
    "subject": _l("Asunto"),
    "surnames": _l("Apellidos"),
    "suspended_at": _l("Suspendido"),
    "to": _l("Para"),
    "way": _l("Medio"),
    "what": _l("Qué"),
    "who": _l("Quién"),
    "why": _l("Por qué"),
    "datum": _l("Dato"),
    "number": _l("Número"),
    "value": _l("Cómo debe decir"),
    "sent_at": _l("Enviado"),
    "times_sent": _l("Veces que se envió"),
    "tries": _l("Intentos"),
    "used_at": _l("Usado"),
    "withdrawn_at": _l("Retirado"),
}


@dataclass(frozen=True)
class SectionWords:
    """A section on paper.

    :ivar entries: pairs of words and text, what is empty left out. :ivar left_out: how many more the JSON file has.
    """

    title: str
    about: str
    entries: Sequence[Sequence[tuple[str, str]]] = ()
    left_out: int = 0


def words_of_section(name: str) -> SectionWords:
    """Return what the section is called and about; its bare name where nobody wrote words yet."""
    title, about = SECTIONS.get(name, (name, ""))
    return SectionWords(str(title), str(about))


def told_in_words(found: Mapping[str, Sequence[Entry]]) -> list[SectionWords]:
    """Return all sections as they are read on paper."""
    told = []
    for name, entries in found.items():
        words = words_of_section(name)
        shown = [_entry(entry) for entry in entries[:MOST_ON_PAPER]]
        told.append(SectionWords(words.title, words.about, shown, max(0, len(entries) - MOST_ON_PAPER)))
    return told


def _entry(entry: Entry) -> list[tuple[str, str]]:
    return [(str(KEYS.get(key, key)), text) for key, value in entry.items() if (text := _text(value))]


def _text(value: Plain) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(_("Sí") if value else _("No"))
        case datetime():
            return moment_text(value)
        case str() | int():
            return str(value)
        case Mapping():
            return ", ".join(f"{KEYS.get(key, key)}: {_text(part)}" for key, part in value.items() if _text(part))
        case _:
            return ", ".join(filter(None, (_text(part) for part in value)))
