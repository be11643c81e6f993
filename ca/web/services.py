"""What the authority's views work with."""

from __future__ import annotations

from typing import cast

from ca.cmp.server import CmpServer
from ca.register.standing import CertificateRegister
from ca.revocation.ocsp import OcspResponder
from ca.revocation.served_list import ListFiles
from ca.services import CaServices
from ca.timestamping.unit import TimeStampingUnit
from web.in_progress import application


def services() -> CaServices:
    """Return the authority's services of the application in progress."""
    return cast(CaServices, application().extensions["ca"])


def ocsp_responder() -> OcspResponder:
    """Return this process's OCSP responder."""
    return cast(OcspResponder, application().extensions["ca.ocsp"])


def list_files() -> ListFiles:
    """Return where this machine keeps long revocation lists."""
    return cast(ListFiles, application().extensions["ca.lists"])


def register() -> CertificateRegister:
    """Return this process's register of certificates that may be shown."""
    return cast(CertificateRegister, application().extensions["ca.register"])


def stamping_unit() -> TimeStampingUnit:
    """Return this process's time-stamping unit."""
    return cast(TimeStampingUnit, application().extensions["ca.stamps"])


def cmp_server() -> CmpServer:
    """Return this process's CMP server."""
    return cast(CmpServer, application().extensions["ca.cmp"])
