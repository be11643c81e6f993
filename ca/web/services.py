"""What the authority's views work with."""

from __future__ import annotations

from typing import cast

from flask import current_app

from ca.revocation.ocsp import OcspResponder
from ca.services import CaServices


def services() -> CaServices:
    """Return the authority's services of the application in progress."""
    return cast(CaServices, current_app.extensions["ca"])


def ocsp_responder() -> OcspResponder:
    """Return this process's OCSP responder."""
    return cast(OcspResponder, current_app.extensions["ca.ocsp"])
