"""The ways through the console: a few sections, each with its pages, of which everybody sees what his roles open.

A page is added by a line in ``SECTIONS``; its template sets ``tab`` to the key of that line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import url_for
from flask_babel import lazy_gettext as _l

from admin.permissions import Permission
from admin.web.gate import Operator
from admin.web.words import Text

_P = Permission


@dataclass(frozen=True)
class Way:
    """A page that stands in the navigation.

    :ivar key: what the page's template says in ``tab``.
    :ivar permissions: any of them opens it.
    """

    key: str
    text: Text
    endpoint: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class Section:
    """Pages that belong together. :ivar letter: what opens it by keyboard, after a ``g``."""

    key: str
    letter: str
    text: Text
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class OpenSection:
    """A section as somebody sees it.

    :ivar pages: key, text and address of those that he may open. :ivar waits: by key, how much waits for him there.
    """

    key: str
    letter: str
    text: str
    pages: tuple[tuple[str, str, str], ...]
    waits: Mapping[str, int] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """How much waits for him in the whole section."""
        return sum(self.waits.values())

    @property
    def href(self) -> str:
        """Where the section begins."""
        return self.pages[0][2]

    def holds(self, tab: str) -> bool:
        """Whether the page named ``tab`` is one of this section."""
        return any(key == tab for key, _, _ in self.pages)


def _way(key: str, text: Text, endpoint: str, *permissions: Permission) -> Way:
    return Way(key, text, endpoint, permissions)


SECTIONS = (
    Section("home", "i", _l("Inicio"), (_way("home", _l("Inicio"), "admin_home.show", _P.CONSOLE_OPEN),)),
    Section(
        "people",
        "p",
        _l("Personas"),
        (
            _way("desk", _l("Atender"), "admin_desk.search_form", _P.PEOPLE_OPEN),
            _way("checks", _l("Identidades"), "admin_identity.waiting", _P.IDENTITIES_VERIFY),
            _way("rectifications", _l("Correcciones"), "admin_rectifications.show_all", _P.RECTIFICATIONS_DECIDE),
            _way("reports", _l("Reportes"), "admin_reports.show_all", _P.REPORTS_READ),
            _way("recoveries", _l("Recuperaciones"), "admin_recoveries.show_all", _P.RECOVERIES_READ),
            _way("people", _l("Personas y roles"), "admin_roles.show_all", _P.ROLES_READ),
        ),
    ),
    Section(
        "certificates",
        "c",
        _l("Certificados"),
        (
            _way("requests", _l("Solicitudes"), "admin_requests.show_all", _P.REQUESTS_READ),
            _way("certificates", _l("Certificados"), "admin_certificates.show_all", _P.CERTIFICATES_READ),
            _way("handovers", _l("Entregas"), "admin_handovers.show_all", _P.REQUESTS_READ),
            _way("credentials", _l("Credenciales"), "admin_credentials.show_all", _P.CREDENTIALS_READ),
            _way("profiles", _l("Perfiles"), "admin_profiles.show_all", _P.PROFILES_READ),
            _way("authorities", _l("Jerarquía"), "admin_authorities.show_all", _P.AUTHORITIES_READ),
            _way("ceremonies", _l("Ceremonias"), "admin_ceremonies.show_all", _P.AUTHORITIES_READ),
        ),
    ),
    Section(
        "applications",
        "a",
        _l("Aplicaciones"),
        (
            _way("clients", _l("Aplicaciones"), "admin_applications.show_all", _P.CLIENTS_READ),
            _way("deliveries", _l("Envíos"), "admin_deliveries.show_all", _P.DELIVERIES_READ),
        ),
    ),
    Section(
        "institutions",
        "n",
        _l("Instituciones"),
        (
            _way("institutions", _l("Instituciones"), "admin_institutions.show_all", _P.INSTITUTIONS_READ),
            _way("directories", _l("Directorios"), "admin_directories.show_all", _P.DIRECTORIES_READ),
            _way("providers", _l("Proveedores"), "admin_providers.show_all", _P.PROVIDERS_READ),
            _way("rights", _l("Derechos"), "admin_rights.show_all", _P.RIGHTS_READ),
            # Whoever only declares roles begins there.
            _way("rights", _l("Derechos"), "admin_rights.declarations", _P.DECLARATIONS_READ),
        ),
    ),
    Section(
        "evidence",
        "e",
        _l("Evidencia"),
        (
            _way("audit", _l("Auditoría"), "admin_audit.search", _P.AUDIT_SEARCH),
            _way("anomalies", _l("Fuera de lo usual"), "admin_anomalies.show", _P.AUDIT_SEARCH),
        ),
    ),
    Section(
        "service",
        "s",
        _l("Servicio"),
        (_way("notices", _l("Mensajes"), "admin_notices.show_all", _P.DELIVERIES_READ),),
    ),
)


def open_sections(operator: Operator, counters: Mapping[str, int] | None = None) -> list[OpenSection]:
    """Return what the operator's roles open; a section of which they open one page has that page's name.

    :param counters: how much waits, by the key of a page.
    """
    found = []
    for section in SECTIONS:
        pages: dict[str, tuple[str, str, str]] = {}
        for way in section.ways:
            if way.key not in pages and any(map(operator.powers.allow, way.permissions)):
                pages[way.key] = (way.key, str(way.text), url_for(way.endpoint))
        if pages:
            shown = tuple(pages.values())
            text = shown[0][1] if len(shown) == 1 else str(section.text)
            waits = {key: number for key, number in (counters or {}).items() if key in pages}
            found.append(OpenSection(section.key, section.letter, text, shown, waits))
    return found
