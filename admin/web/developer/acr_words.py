"""What each assurance is called where a developer chooses one."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from admin.web.words import Text
from idp.authentication.assurance import (
    ACR_1FA,
    ACR_2FA,
    ACR_CERTIFICATE,
    ACR_LEVEL_1,
    ACR_LEVEL_2,
    ACR_LEVEL_3,
)

ACR: Mapping[str, Text] = {
    ACR_1FA: _l("1fa: contraseña"),
    ACR_2FA: _l("2fa: contraseña y segundo paso"),
    ACR_CERTIFICATE: _l("certificate: certificado personal"),
    ACR_LEVEL_1: _l("Nivel 1: correo o celular comprobado"),
    ACR_LEVEL_2: _l("Nivel 2: identidad comprobada"),
    ACR_LEVEL_3: _l("Nivel 3: identidad comprobada y certificado"),
}
