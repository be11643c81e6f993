"""The provider's protocol on the test client."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from composition import Composition
from idp.web import mount
from keys.sealing import derive_secret
from tests.idp.relying_party import RelyingParty, Visitor, add_visitor, register
from tests.idp.signing import make_signing_keys
from web.application import create_app


@pytest.fixture
def app(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The provider with signing keys."""
    make_signing_keys(composition, monkeypatch)
    app = create_app(
        settings=composition.settings,
        clock=composition.clock,
        secret_key=derive_secret(composition.sealing_secret, "flask-session"),
    )
    mount(app, composition.idp)
    return app


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """An application's server: no cookies of anyone."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def party(composition: Composition, app: Flask) -> RelyingParty:
    """A confidential application."""
    return register(composition)


@pytest.fixture
def visitor(composition: Composition, app: Flask) -> Visitor:
    """A person who is logged in with two factors."""
    visitor = add_visitor(composition, app)
    visitor.log_in()
    return visitor


@pytest.fixture
def live(app: Flask) -> Iterator[str]:
    """The provider on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
