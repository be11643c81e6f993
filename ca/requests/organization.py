"""An institution's name and place as a subject carries them."""

from __future__ import annotations

import re
from functools import lru_cache

from ca.ports import InstitutionRecord
from ca.requests.text import require_plain_text
from kernel.errors import Rejected

LIMIT = 64  # ub-organization-name, RFC 5280 appendix A.1
# BR §7.1.2.7.4 lets a name be shortened by abbreviations that are usual in the country. Longest gain first; a word is
# shortened only while the name is still too long, and the approver sees both forms.
_ABBREVIATIONS = (
    ("Gobierno Autónomo Descentralizado", "GAD"),
    ("Telecomunicaciones", "Telecom."),
    ("Administración", "Adm."),
    ("Ministerio", "Min."),
    ("Secretaría", "Sec."),
    ("Instituto", "Inst."),
    ("Dirección", "Dir."),
    ("Información", "Inf."),
    ("Municipal", "Mun."),
    ("Provincial", "Prov."),
    ("Nacional", "Nac."),
    ("República", "Rep."),
    ("Superintendencia", "Superint."),
    ("Coordinación", "Coord."),
    ("Subsecretaría", "Subsec."),
    ("Universidad", "Univ."),
)
_PROVINCES = (
    "Azuay", "Bolívar", "Cañar", "Carchi", "Cotopaxi", "Chimborazo", "El Oro", "Esmeraldas", "Guayas", "Imbabura",
    "Loja", "Los Ríos", "Manabí", "Morona Santiago", "Napo", "Pastaza", "Pichincha", "Tungurahua", "Zamora Chinchipe",
    "Galápagos", "Sucumbíos", "Orellana", "Santo Domingo de los Tsáchilas", "Santa Elena",
)  # fmt: skip


@lru_cache(maxsize=1024)  # a batch is of few institutions
def organization_name(legal_name: str) -> str:
    """Return the name for organizationName, shortened if it must be.

    :raises Rejected: ``name_too_long`` if usual abbreviations do not suffice, and what text raises.
    """
    name = require_plain_text(legal_name, what="The institution's name", limit=250)
    for word, short in _ABBREVIATIONS:
        if len(name) <= LIMIT:
            break
        name = re.sub(rf"\b{word}\b", short, name)
    if len(name) > LIMIT:
        raise Rejected(
            f"The institution's name has more than {LIMIT} characters even when abbreviated; register a shorter form.",
            code="name_too_long",
        )
    return name


def province_of(institution: InstitutionRecord) -> str:
    """Return the province: registered, or where the tax administration enrolled it (a RUC's first two digits)."""
    if institution.province:
        return institution.province
    number = int(institution.ruc[:2]) if institution.ruc[:2].isdigit() else 0
    return _PROVINCES[number - 1] if 1 <= number <= len(_PROVINCES) else ""


def institution_values(institution: InstitutionRecord) -> dict[str, str]:
    """Return the parts of a profile's templates that the register knows."""
    return {
        "country": "EC",
        "organization": organization_name(institution.name),
        "legal_name": institution.name,
        "ruc": institution.ruc,
        "province": province_of(institution),
    }
