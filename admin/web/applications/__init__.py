"""Relying applications: registering them, what they are, who changes them."""

from __future__ import annotations

from types import ModuleType

from admin.web.applications import (
    changing,
    closing,
    going_live,
    history,
    keys,
    listing,
    page,
    people,
    proposals,
    registering,
    usage,
)
from admin.web.applications.place import blueprint

#: Their views are on the one blueprint.
MODULES: tuple[ModuleType, ...] = (
    listing,
    registering,
    people,
    page,
    changing,
    proposals,
    history,
    keys,
    usage,
    closing,
    going_live,
)
BLUEPRINTS = (blueprint,)
