"""Imports that wait until they are needed: of a program whose commands each need a part of it, and whose help none."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType


def import_late(name: str) -> ModuleType:
    """Return a module, imported now if it was not.

    What imports make stays: looking through it for garbage, again and again, is a fifth of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
