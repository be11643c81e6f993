"""What is said beside a field when a use case refuses what was typed into it."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from admin.web.words import Text
from kernel.errors import ServiceError

PROBLEMS: Mapping[str, Text] = {
    "cedula_missing": _l("Escriba la cédula"),
    "cedula_invalid": _l("Esa cédula no existe: revise los 10 dígitos"),
    "cedula_length": _l("La cédula debe tener 10 dígitos"),
    "unknown_person": _l("Nadie con esa cédula tiene una cuenta. La búsqueda quedó registrada"),
    "reason_missing": _l("Escriba el motivo"),
    "reason_short": _l("El motivo es muy corto: escriba al menos 10 letras"),
    "reason_long": _l("El motivo es muy largo: hasta 300 letras"),
    "own_role": _l("Nadie se da un rol a sí mismo. Pídalo a otra persona de administración"),
    "role_already_held": _l("La persona ya tiene este rol"),
    "role_not_institutional": _l("Ese rol alcanza a todo el servicio: elija «Todas»"),
    "last_administrator": _l("Es la última persona de administración: dé antes el rol a otra"),
    "unknown_institution": _l("Elija una institución de la lista"),
    "bad_ruc": _l("El RUC tiene 13 dígitos y termina en 001 o más"),
    "bad_institution_name": _l("Escriba el nombre oficial, hasta 200 letras"),
    "institution_exists": _l("Ya hay una institución con ese RUC"),
    "ruc_taken": _l("Ya hay una institución con ese RUC"),
    "domain_taken": _l("Uno de esos dominios ya es de otra institución"),
    "bad_domain": _l("Un dominio no está bien escrito o es de todos, como gob.ec"),
    "revocation_reason_missing": _l("Elija el motivo"),
    "unknown_revocation_reason": _l("Elija un motivo de la lista"),
    "reason_for_authorities_only": _l("Ese motivo es para autoridades: elija «Clave comprometida»"),
    "reason_not_for_authorities": _l("Para una autoridad elija «Autoridad comprometida»"),
    "compromise_date_without_compromise": _l("La fecha solo va con una clave comprometida: bórrela o cambie el motivo"),
    "compromise_in_future": _l("La fecha está en el futuro"),
    "bad_date_since": _l("Escriba una fecha"),
    "bad_date_until": _l("Escriba una fecha"),
    "bad_moment": _l("Escriba fecha y hora"),
    "certificate_expired": _l("Ya venció: un certificado vencido no se revoca"),
    "already_revoked": _l("Ya está revocado; solo puede cambiar a clave comprometida"),
    "root_is_withdrawn_by_hand": _l("Una raíz no se revoca: se retira de los almacenes de confianza"),
    "bad_serial": _l("Un número de serie tiene de 1 a 40 cifras hexadecimales"),
}


def problem(error: ServiceError) -> str:
    """Return the sentence for ``error``."""
    if error.code in PROBLEMS:
        return str(PROBLEMS[error.code])
    text: str = gettext("No se pudo: %(detail)s", detail=error.public_detail or error.code)
    return text
