"""Credentials of ACME, EST and CMP: given to institutions, shown once, listed with what came of them, withdrawn."""

from __future__ import annotations

from admin.web.credentials import issuing, listing, withdrawing
from admin.web.credentials.place import blueprint

__all__ = ["blueprint", "issuing", "listing", "withdrawing"]
