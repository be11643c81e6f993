"""An application with nothing mounted but a few views that misbehave on request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient

from kernel.clock import ManualClock
from kernel.errors import (
    AlreadyConsumed,
    Conflict,
    Denied,
    Fault,
    NotFound,
    Rejected,
    ServiceError,
    Throttled,
    Unavailable,
)
from kernel.origin import current_origin
from kernel.settings import Settings, load_settings
from web.application import create_app
from web.csrf import exempt
from web.headers import allow_form_redirect_to
from web.rate_limit import limit

ERRORS: dict[str, Callable[[], Exception]] = {
    "rejected": lambda: Rejected("A field is missing.", code="bad_field"),
    "denied": lambda: Denied(),
    "not_found": lambda: NotFound(),
    "conflict": lambda: Conflict(),
    "already_consumed": lambda: AlreadyConsumed(),
    "throttled": lambda: Throttled(retry_after=timedelta(minutes=2)),
    "unavailable": lambda: Unavailable(),
    "fault": lambda: Fault("the ledger does not add up"),
    "unmapped": lambda: RuntimeError("connection to db-7 with password hunter2 failed"),
    "plain": lambda: ServiceError(),
}

MakeApp = Callable[..., Flask]


class Refusals(list[tuple[str, dict[str, Any]]]):
    """What the plumbing reported."""

    def __call__(self, reason: str, details: dict[str, Any]) -> None:
        self.append((reason, details))


@pytest.fixture
def refusals() -> Refusals:
    """Refusals reported by the application under test."""
    return Refusals()


@pytest.fixture
def make_app(clock: ManualClock, refusals: Refusals) -> MakeApp:
    """Make an application from ``SAU_`` settings given in lower case without the prefix."""

    def make(**values: str) -> Flask:
        environ = {f"SAU_{key.upper()}": value for key, value in values.items()}
        settings: Settings = load_settings(environ)
        app = create_app(settings=settings, clock=clock, secret_key=b"k" * 32, on_refusal=refusals)
        add_views(app)
        return app

    return make


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The application of a service at http://localhost:8000."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser at that service."""
    return app.test_client()


def add_views(app: Flask) -> None:
    """Mount the views of the tests."""

    @app.get("/error/<name>")
    def raise_error(name: str) -> Response:
        raise ERRORS[name]()

    @app.get("/origin")
    def origin() -> dict[str, str]:
        seen = current_origin()
        return {"request_id": seen.request_id, "address": seen.address, "channel": seen.channel}

    @app.route("/form", methods=["GET", "POST"])
    def form() -> str:
        if request.method == "POST":
            return "saved " + request.form["word"]
        return app.jinja_env.from_string(
            '{% import "components.html" as c %}<form method="post">{{ c.csrf() }}</form>'
        ).render()

    @app.post("/only-post")
    def only_post() -> str:
        return "saved"

    @app.post("/machine")
    @exempt
    def machine() -> str:
        return "machine " + request.form.get("word", "")

    @app.get("/consent")
    def consent() -> str:
        allow_form_redirect_to(request.args["to"])
        return "consent"

    @app.get("/link")
    def link() -> str:
        from flask import url_for

        return url_for("link", _external=True)

    @app.route("/limited", methods=["GET", "POST"])
    @exempt
    @limit("2 per minute")
    def limited() -> str:
        return "limited"

    @app.get("/cached")
    def cached() -> Response:
        return Response("list", headers={"Cache-Control": "public, max-age=60"})
