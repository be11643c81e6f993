"""Whose people log in with what their institution knows of them: directories and other providers."""

from __future__ import annotations

from admin.web.federation import directories, providers

BLUEPRINTS = (directories.blueprint, providers.blueprint)
