"""The whole configuration as one document, and its digest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from admin.as_code.applications import export_applications
from admin.as_code.console_roles import export_console_roles
from admin.as_code.federation import export_directories, export_providers
from admin.as_code.institutions import export_institutions
from admin.as_code.rights import export_rights
from admin.as_code.yaml_text import write_yaml
from audit.event import canonical_json
from kernel.identifiers import sha256_hex

VERSION = 1


def export_configuration(session: Session, *, now: datetime) -> dict[str, Any]:
    """Return everything that a configuration says, always in the same order. No secret is in it, and no cédula."""
    return {
        "version": VERSION,
        "institutions": export_institutions(session),
        "applications": export_applications(session, now=now),
        "rights": export_rights(session),
        "console_roles": export_console_roles(session),
        "directories": export_directories(session),
        "providers": export_providers(session),
    }


def configuration_digest(document: dict[str, Any]) -> str:
    """Return the digest by which the same configuration is known again, whatever its layout."""
    return sha256_hex(canonical_json(document))


def configuration_text(document: dict[str, Any]) -> str:
    """Return the document as YAML, with its digest in the first line."""
    return f"# {configuration_digest(document)}\n{write_yaml(document)}"
