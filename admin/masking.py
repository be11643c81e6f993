"""How a document stands in lists, rows and exports: never in full."""

from __future__ import annotations


def mask_document(document: str) -> str:
    """Return a cédula or a passport (``COL-AB123456`` becomes ``COL…456``) with its middle hidden."""
    state, hyphen, number = document.partition("-")
    return f"{state}…{number[-3:]}" if hyphen else mask_cedula(document)


def mask_cedula(cedula: str) -> str:
    """Return ``cedula`` with its middle hidden: ``1710034065`` becomes ``17…4065``; a short one is hidden whole."""
    return f"{cedula[:2]}…{cedula[-4:]}" if len(cedula) >= 9 else "…"


def mask_email(email: str) -> str:
    """Return ``email`` with its mailbox hidden but for the first letter; empty for none."""
    mailbox, _at, domain = email.partition("@")
    return f"{mailbox[:1]}…@{domain}" if domain else ""


def mask_phone(phone: str) -> str:
    """Return ``phone`` with all but its last two digits hidden; empty for none."""
    return f"…{phone[-2:]}" if len(phone) >= 6 else ""


def mask_name(name: str) -> str:
    """Return the first letter of each word of ``name``: ``María Quispe`` becomes ``M… Q…``."""
    return " ".join(f"{word[0]}…" for word in name.split())
