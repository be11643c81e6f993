"""What the console's refusals are called on the page that they end in."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from web.error_texts import ErrorText

ERROR_TEXTS: Mapping[str, ErrorText] = {
    "nothing_to_prove": ErrorText(
        title=_l("No hay nada que probar"),
        happened=_l("Ningún registro sellado coincide con esa búsqueda."),
        to_do=_l("Quite un filtro, o espere un segundo: el sello llega poco después del registro."),
    ),
    "no_console_role": ErrorText(
        title=_l("Su cuenta no tiene un rol en la consola"),
        happened=_l("Ingresó bien, pero nadie le ha dado un rol aquí. El intento quedó registrado."),
        to_do=_l("Si lo necesita para su trabajo, pídalo a una persona de administración de SAU."),
    ),
    "missing_permission": ErrorText(
        title=_l("Su rol no incluye esta página"),
        happened=_l("La página existe, pero es de otro rol. El intento quedó registrado."),
        to_do=_l("Vuelva al inicio de la consola. Si le hace falta, pida el rol a una persona de administración."),
    ),
    "sign_in_refused": ErrorText(
        title=_l("No terminó de ingresar"),
        happened=_l("El ingreso se detuvo antes del final. La consola sigue cerrada."),
        to_do=_l("Empiece de nuevo cuando quiera."),
    ),
    "unknown_sign_in": ErrorText(
        title=_l("Este ingreso no empezó aquí"),
        happened=_l("Empezó en otro navegador o hace más de media hora. La consola sigue cerrada."),
        to_do=_l("Empiece de nuevo."),
    ),
    "wrong_issuer": ErrorText(
        title=_l("La respuesta no vino de nuestro servicio"),
        happened=_l("Alguien pudo mezclar dos ingresos. La consola sigue cerrada."),
        to_do=_l("Empiece de nuevo desde la consola."),
    ),
    "no_case": ErrorText(
        title=_l("La ficha se cerró"),
        happened=_l("Una ficha se abre con un motivo y dura media hora. Pasó ese tiempo, o la abrió otra persona."),
        to_do=_l("Busque otra vez a la persona."),
    ),
    "unknown_report": ErrorText(
        title=_l("Ese reporte no está"),
        happened=_l("La dirección está incompleta, o la cuenta se borró."),
        to_do=_l("Mire la lista de reportes."),
    ),
    "unknown_recovery": ErrorText(
        title=_l("Esa recuperación no está"),
        happened=_l("No existe, o es de otra institución."),
        to_do=_l("Mire la lista de recuperaciones."),
    ),
    "unknown_check": ErrorText(
        title=_l("Esa comprobación no está"),
        happened=_l("No existe, o es de otra institución."),
        to_do=_l("Mire la lista de identidades por aprobar."),
    ),
    "unknown_task": ErrorText(
        title=_l("Ese envío ya no está pendiente"),
        happened=_l("Llegó, o ya no había nada que enviar."),
        to_do=_l("Mire la lista de envíos."),
    ),
    "task_in_progress": ErrorText(
        title=_l("Ese envío está en camino"),
        happened=_l("El servicio lo está intentando en este momento."),
        to_do=_l("Espere unos segundos y mire la lista de envíos."),
    ),
    "role_not_held": ErrorText(
        title=_l("La persona no tiene ese rol"),
        happened=_l("Otra persona ya se lo quitó, o nunca lo tuvo."),
        to_do=_l("Mire la lista de roles."),
    ),
}
