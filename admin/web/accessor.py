"""The console's services, from the application in progress."""

from __future__ import annotations

from typing import cast

from flask import current_app

from admin.services import AdminServices


def services() -> AdminServices:
    """Return what the composition root gave the console."""
    return cast(AdminServices, current_app.extensions["admin"])
