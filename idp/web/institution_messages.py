"""Pages for what can go wrong when an institution says who somebody is: its directory, or its own provider."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from web.error_texts import ErrorText

_ASK_SYSTEMS = _l("Pida al área de sistemas de su institución que lo corrija. Mientras tanto, ingrese de otra forma.")

INSTITUTION_TEXTS = {
    "upstream_state_unknown": ErrorText(
        title=_l("Este ingreso ya no existe"),
        happened=_l("Pasaron más de 10 minutos, o la respuesta de su institución ya se usó."),
        to_do=_l("Empiece otra vez y termine en la misma ventana."),
    ),
    "upstream_foreign": ErrorText(
        title=_l("Este ingreso empezó en otro navegador"),
        happened=_l("Por seguridad solo se puede terminar donde empezó. Si alguien le envió este enlace, no siga."),
        to_do=_l("Empiece otra vez y termine en la misma ventana."),
    ),
    "upstream_mixed_up": ErrorText(
        title=_l("Respondió otra institución"),
        happened=_l("La respuesta que llegó no es de la institución que usted eligió. Por seguridad no seguimos."),
        to_do=_l("Empiece otra vez. Si se repite, avísenos."),
    ),
    "upstream_refused": ErrorText(
        title=_l("Su institución no lo dejó ingresar"),
        happened=_l("Eligió cancelar, o su institución no permite este ingreso. No se entregó ningún dato."),
        to_do=_l("Ingrese de otra forma, o hable con el área de sistemas de su institución."),
    ),
    "upstream_unavailable": ErrorText(
        title=_l("El ingreso de su institución no responde"),
        happened=_l("No pudimos comprobar con ella quién es usted. No es culpa suya."),
        to_do=_l("Espere unos minutos y vuelva a intentar, o ingrese de otra forma."),
    ),
    "upstream_answer_wrong": ErrorText(
        title=_l("La respuesta de su institución no prueba quién es usted"),
        happened=_l("Está mal firmada, es antigua o es para otro. Por seguridad no seguimos."),
        to_do=_ASK_SYSTEMS,
    ),
    "upstream_not_linked": ErrorText(
        title=_l("Su cuenta de la institución todavía no está unida a su cuenta SAU"),
        happened=_l("Su institución dijo quién es usted allí, pero eso no basta para abrir su cuenta SAU."),
        to_do=_l("Ingrese una vez con su cédula y su contraseña, y una las dos cuentas en «Mi institución»."),
    ),
    "upstream_person_unknown": ErrorText(
        title=_l("No podemos abrir una cuenta SAU con eso"),
        happened=_l("Su institución dijo quién es usted, pero no hay una cuenta SAU activa con su cédula."),
        to_do=_l("Cree su cuenta con su cédula, o acérquese a una oficina de atención."),
    ),
    "upstream_cedula_differs": ErrorText(
        title=_l("Esa cuenta de la institución es de otra persona"),
        happened=_l("La cédula que dice la institución no es la suya. Por seguridad no seguimos."),
        to_do=_ASK_SYSTEMS,
    ),
    "upstream_linked_elsewhere": ErrorText(
        title=_l("Esa cuenta ya está unida a otra"),
        happened=_l("Cada cuenta de una institución se une a una sola cuenta SAU, y al revés."),
        to_do=_l("Quite primero la que está unida, en «Mi institución»."),
    ),
    "directory_without_cedula": ErrorText(
        title=_l("Su institución no nos dijo quién es usted"),
        happened=_l("Su contraseña es correcta, pero en el directorio de su institución falta su cédula o su nombre."),
        to_do=_ASK_SYSTEMS,
    ),
    "directory_cedula_differs": ErrorText(
        title=_l("Esa cuenta de su institución es de otra persona"),
        happened=_l("La cédula que dice el directorio no es la de antes. Por seguridad no seguimos."),
        to_do=_ASK_SYSTEMS,
    ),
    "directory_person_unknown": ErrorText(
        title=_l("Todavía no tiene una cuenta SAU"),
        happened=_l("Su contraseña es correcta, pero su institución pide que primero cree su cuenta."),
        to_do=_l("Cree su cuenta con su cédula. Después podrá ingresar con la contraseña de su institución."),
    ),
    "directory_level_too_low": ErrorText(
        title=_l("Ingrese con su propia contraseña"),
        happened=_l(
            "Su identidad se comprobó mejor de lo que la comprueba su institución. "
            "Por eso su contraseña de allí no basta para esta cuenta."
        ),
        to_do=_l("Ingrese con su cédula y la contraseña de su cuenta SAU."),
    ),
}
