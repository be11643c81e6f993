"""The start leads to what this process serves, and to nothing that it does not."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient


def test_the_start_shows_only_what_is_served(app: Flask, client: FlaskClient) -> None:
    """A process may serve one role of three (``SAU_ROLES``): no link may end in 404."""
    assert 'href="/account"' not in client.get("/").text
    app.url_map.add(app.url_rule_class("/account", endpoint="account", methods=["GET"]))
    page = client.get("/").text
    assert 'href="/account"' in page
    assert 'href="/admin"' not in page
    assert 'href="/ayuda"' in page
