"""The dictionary of errors: public, complete, of one source with the docs."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from composition import Composition
from wsgi import create_app


@pytest.fixture
def visitor(composition: Composition) -> FlaskClient:
    """Somebody without an account."""
    return create_app(composition).test_client()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_code_has_a_page_that_anybody_reads(visitor: FlaskClient) -> None:
    """Why, what to do and how it looks, in both languages; what there is no such code of is not found."""
    listed = visitor.get("/errors").text
    for code in ("invalid_grant", "csrf_failed", "unknown_scope"):
        assert f'href="/errors/{code}"' in listed
    page = visitor.get("/errors/invalid_grant").text
    for said in ("Por qué pasa", "code_verifier", "HTTP/1.1 400", "&#34;error&#34;: &#34;invalid_grant&#34;"):
        assert said in page
    assert "the person to log in again" in visitor.get("/errors/invalid_grant?lang=en").text
    assert "error=login_required" in visitor.get("/errors/login_required").text
    assert "urn:sau:error:already_live" in visitor.get("/errors/already_live").text
    assert "HTTP 409" in visitor.get("/errors/interaction_expired").text
    assert visitor.get("/errors/nothing").status_code == 404
