"""Automatic issuance over HTTP (RFC 8555)."""

from __future__ import annotations

from flask import Flask

from ca.acme.known_keys import KnownKeys
from ca.services import CaServices
from ca.web.acme import accounts, orders, public, short_ways
from keys.sealing import derive_once
from web.csrf import exempt

__all__ = ["mount"]


def mount(app: Flask, services: CaServices) -> None:
    """Put the protocol's addresses on ``app``."""
    app.extensions["ca.acme.nonce"] = lambda: derive_once(services.sealing_secret, "acme-nonce")
    app.extensions["ca.acme.keys"] = KnownKeys()
    for module in (public, accounts, orders):
        app.register_blueprint(exempt(module.blueprint))
    short_ways.open_short_ways(app)
