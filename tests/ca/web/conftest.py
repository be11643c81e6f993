"""The authority's addresses on an application, in process and served on a port."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from ca.revocation.ocsp_signer import renew_ocsp_signers
from ca.services import CaServices
from ca.web import mount
from tests.ca.hierarchy import Hierarchy
from tests.servers.process import free_port
from web.application import create_app


@pytest.fixture
def app(hierarchy: Hierarchy) -> Flask:
    """An application with the authority mounted and an OCSP signer made."""
    services = hierarchy.services
    renew_ocsp_signers(services, now=services.clock.now())
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    app.extensions["ca.ocsp"].watch.look_every = 0.0  # a test does not wait
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a past."""
    return app.test_client()


@pytest.fixture
def port() -> int:
    """The port that the served application will have."""
    return free_port()


@pytest.fixture
def served(app: Flask, port: int) -> Iterator[str]:
    """The application on a port; its address."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def ca_app_without_hierarchy(ca: CaServices) -> FlaskClient:
    """A browser at an installation without any authority."""
    app = create_app(settings=ca.settings, clock=ca.clock, secret_key=b"k" * 32)
    mount(app, ca)
    return app.test_client()
