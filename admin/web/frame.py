"""What every page of the console shows around its own matter: tabs by permission, who is there."""

from __future__ import annotations

from flask import Flask, g, url_for
from flask_babel import gettext as _

from admin.console_session import IDLE_LIFETIME
from admin.permissions import Permission
from admin.web import words
from admin.web.gate import Operator


def tabs(operator: Operator) -> list[tuple[str, str, str]]:
    """Return key, text and address of the tabs that the operator's roles open."""
    every = [
        ("home", _("Inicio"), "admin_home.show", Permission.CONSOLE_OPEN),
        ("desk", _("Atender"), "admin_desk.search_form", Permission.PEOPLE_OPEN),
        ("checks", _("Identidades"), "admin_identity.waiting", Permission.IDENTITIES_VERIFY),
        (
            "rectifications",
            _("Correcciones"),
            "admin_rectifications.show_all",
            Permission.RECTIFICATIONS_DECIDE,
        ),
        ("reports", _("Reportes"), "admin_reports.show_all", Permission.REPORTS_READ),
        ("recoveries", _("Recuperaciones"), "admin_recoveries.show_all", Permission.RECOVERIES_READ),
        ("requests", _("Solicitudes"), "admin_requests.show_all", Permission.REQUESTS_READ),
        ("certificates", _("Certificados"), "admin_certificates.show_all", Permission.CERTIFICATES_READ),
        ("authorities", _("Jerarquía"), "admin_authorities.show_all", Permission.AUTHORITIES_READ),
        ("clients", _("Aplicaciones"), "admin_clients.show_all", Permission.CLIENTS_READ),
        ("deliveries", _("Envíos"), "admin_deliveries.show_all", Permission.DELIVERIES_READ),
        ("notices", _("Mensajes"), "admin_notices.show_all", Permission.DELIVERIES_READ),
        ("institutions", _("Instituciones"), "admin_institutions.show_all", Permission.INSTITUTIONS_READ),
        ("directories", _("Directorios"), "admin_directories.show_all", Permission.DIRECTORIES_READ),
        ("providers", _("Proveedores"), "admin_providers.show_all", Permission.PROVIDERS_READ),
        ("people", _("Personas y roles"), "admin_roles.show_all", Permission.ROLES_READ),
        ("rights", _("Derechos"), "admin_rights.show_all", Permission.RIGHTS_READ),
        ("audit", _("Auditoría"), "admin_audit.search", Permission.AUDIT_SEARCH),
    ]
    opened = {key: (key, text, endpoint) for key, text, endpoint, needed in every if operator.powers.allow(needed)}
    if "rights" not in opened and operator.powers.allow(Permission.DECLARATIONS_READ):
        opened["rights"] = ("rights", _("Derechos"), "admin_rights.declarations")
    return [(key, text, url_for(endpoint)) for key, text, endpoint in opened.values()]


def install_frame(app: Flask) -> None:
    """Give templates the frame's values: nothing where nobody is logged in to the console."""

    app.jinja_env.globals["console_idle_minutes"] = int(IDLE_LIFETIME.total_seconds()) // 60

    @app.context_processor
    def _frame() -> dict[str, object]:
        found: Operator | None = g.get("console_operator")
        if found is None:
            return {"console_operator": None, "console_roles": [], "console_tabs": []}
        return {
            "console_operator": found,
            "console_roles": [words.ROLES[role] for role in found.powers.roles],
            "console_tabs": tabs(found),
        }
