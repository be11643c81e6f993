"""How a cédula stands in lists, rows and exports: never in full."""

from __future__ import annotations


def mask_cedula(cedula: str) -> str:
    """Return ``cedula`` with its middle hidden: ``1710034065`` becomes ``17…4065``; a short one is hidden whole."""
    return f"{cedula[:2]}…{cedula[-4:]}" if len(cedula) >= 9 else "…"
