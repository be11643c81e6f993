"""HTTP of the certificate authority."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from ca.acme.looker import Looker
from ca.cmp.server import CmpServer
from ca.register.standing import CertificateRegister
from ca.revocation.ocsp import OcspResponder
from ca.revocation.served_list import ListFiles
from ca.services import CaServices
from ca.timestamping.unit import TimeStampingUnit
from ca.web import acme, api, cmp, est, handover, log, ocsp_answers, own, public_pages, status, time_stamps
from ca.web.error_texts import ERROR_TEXTS
from ca.web.metrics import CertificateLogCollector
from ca.web.services import services
from web.csrf import exempt
from web.error_texts import describe_errors
from web.locale import add_translations, speak_only
from web.operations import add_collector
from web.state import accept_any_host, answer_on_mtls_host

__all__ = ["look_at_proofs_at_once", "mount", "services"]


def mount(app: Flask, services: CaServices) -> None:
    """Put the authority's addresses on ``app``: ``/pki`` and ``/acme`` and everything below them."""
    app.extensions["ca"] = services
    app.extensions["ca.ocsp"] = OcspResponder(services)
    app.extensions["ca.lists"] = ListFiles(services.settings.home / "lists")
    app.extensions["ca.register"] = CertificateRegister()
    add_translations(app, Path(__file__).parent / "translations")
    speak_only(app, prefix="/pki", languages=("es", "en"))
    describe_errors(app, ERROR_TEXTS)
    accept_any_host(app, cmp.PATH, cmp.WELL_KNOWN)  # OpenSSL's client sends a bare name without the port
    accept_any_host(app, *status.ADDRESSES)
    app.extensions["ca.cmp"] = CmpServer(services, app.extensions["ca.register"])
    app.extensions["ca.stamps"] = TimeStampingUnit(services)
    answer_on_mtls_host(app, est.PREFIX, api.PREFIX)
    app.register_blueprint(exempt(status.blueprint))
    app.register_blueprint(exempt(est.blueprint))
    app.register_blueprint(exempt(cmp.blueprint))
    app.register_blueprint(exempt(api.blueprint))
    app.register_blueprint(exempt(time_stamps.blueprint))
    ocsp_answers.open_short_ways(app)
    app.register_blueprint(public_pages.blueprint)
    app.register_blueprint(own.blueprint)
    app.register_blueprint(handover.blueprint)
    app.register_blueprint(log.blueprint)
    add_collector(app, CertificateLogCollector(services))
    acme.mount(app, services)


def look_at_proofs_at_once(app: Flask, services: CaServices) -> None:
    """Let this process look at a proof of control when it is told that it is there, instead of the worker after it."""
    app.extensions["ca.acme.looker"] = Looker(services)
