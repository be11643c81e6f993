"""A module whose tables take long to read is read when something of it is first used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _LateModule(ModuleType):
    """Stands for the module of its name in whoever imported it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


@contextmanager
def imported_late(name: str) -> Iterator[None]:
    """Let what is imported meanwhile have a stand-in for a module that it names by ``import NAME``."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = _LateModule(name)
    try:
        yield
    finally:
        del sys.modules[name]
