"""The authority's errors in the reader's words."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from web.error_texts import ErrorText

ERROR_TEXTS = {
    "unknown_list": ErrorText(
        title=_l("Esa lista de revocación no existe"),
        happened=_l("No hay una lista publicada con ese nombre."),
        to_do=_l("Las listas que hay están en la página de la autoridad de certificación."),
    ),
    "list_expired": ErrorText(
        title=_l("La lista de revocación está por renovarse"),
        happened=_l("La última lista pasó de su fecha de renovación, y una lista vencida no se entrega."),
        to_do=_l("Vuelva a pedirla en unos minutos."),
    ),
    "unknown_handover": ErrorText(
        title=_l("Aquí no hay nada que recibir"),
        happened=_l("El enlace no está completo, venció, o la clave se destruyó porque nadie la recibió a tiempo."),
        to_do=_l("Copie el enlace completo del correo. Si ya venció, pida un certificado nuevo en su institución."),
    ),
    "handover_opened": ErrorText(
        title=_l("La contraseña ya se mostró"),
        happened=_l("Se muestra una sola vez y no queda guardada en ninguna parte."),
        to_do=_l(
            "Si la anotó, descargue el archivo en la página donde la vio. Si no fue usted, o la perdió, avise a su "
            "institución para que revoque el certificado y pida uno nuevo."
        ),
    ),
    "handover_collected": ErrorText(
        title=_l("Este certificado ya se recibió"),
        happened=_l("El archivo se entrega una sola vez, y aquí ya no queda copia."),
        to_do=_l("Si no fue usted quien lo recibió, avise hoy mismo a su institución para que lo revoque."),
    ),
    "unknown_certificate": ErrorText(
        title=_l("No encontramos ese certificado"),
        happened=_l(
            "No hay un certificado público con ese número de serie. "
            "Los certificados de personas no se muestran aquí, aunque existan."
        ),
        to_do=_l("Revise el número, o busque por el nombre o el RUC de la institución."),
    ),
    "unknown_authority": ErrorText(
        title=_l("Esa autoridad no existe"),
        happened=_l("No hay una autoridad de certificación con ese nombre."),
        to_do=_l("Las autoridades que hay están en la página de la autoridad de certificación."),
    ),
}
