"""Which civil registry is asked, by the settings."""

from __future__ import annotations

from idp.levels.registry import CivilRegistry
from idp.levels.registry_file import DEMO_FILE, RegistryFile
from idp.levels.registry_http import RegistryServer
from kernel.clock import Clock
from kernel.settings import Settings
from outgoing.client import OutgoingClient


def open_registry(settings: Settings, *, outgoing: OutgoingClient, clock: Clock) -> CivilRegistry | None:
    """Return the registry that the settings name; the demonstration's where they name none; or nothing."""
    if settings.registry_url:
        return RegistryServer(settings.registry_url, settings.registry_credentials_file, outgoing, clock)
    if settings.registry_file is not None:
        return RegistryFile(settings.registry_file)
    return RegistryFile(DEMO_FILE) if settings.demo else None
