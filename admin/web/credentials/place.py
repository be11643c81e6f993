"""Where the pages stand, and the words that they share."""

from __future__ import annotations

from flask import Blueprint
from flask_babel import lazy_gettext as _l

from admin.credentials import Kind
from admin.web.words import Text

blueprint = Blueprint("admin_credentials", __name__, url_prefix="/admin/credentials", template_folder="../../templates")

#: What each protocol is called, and what it is for.
KINDS: dict[Kind, tuple[str, Text]] = {
    Kind.ACME: ("ACME", _l("Servidores web que piden y renuevan solos: certbot, acme.sh, Caddy, Traefik.")),
    Kind.EST: ("EST", _l("Equipos de red, servidores y gestores de dispositivos.")),
    Kind.CMP: ("CMP", _l("Equipos industriales y de telecomunicaciones, y OpenSSL.")),
}
# (class of the tag, shape, word)
STATES: dict[str, tuple[str, str, Text]] = {
    "open": ("ok", "ok", _l("Abierta")),
    "used_up": ("info", "ok", _l("Ya usada")),
    "expired": ("none", "less", _l("Venció")),
    "withdrawn": ("none", "less", _l("Retirada")),
}
ACCOUNT_STATES: dict[str, tuple[str, str, Text]] = {
    "valid": ("ok", "ok", _l("Abierta")),
    "deactivated": ("none", "less", _l("La cerró su dueño")),
    "revoked": ("none", "less", _l("Cerrada aquí")),
}
KIND_RULE = "/<any(acme, est, cmp):kind>"
