"""The blueprint of the pages about applications, and what they share."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint(
    "admin_applications", __name__, url_prefix="/admin/applications", template_folder="../../templates"
)
