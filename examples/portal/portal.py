"""A small government portal that leaves logging in to the state's provider: an ordinary OpenID Connect client.

All that it needs to know stands in a registration file, a JSON list with one object a portal::

    {"name": "Ventanilla Única", "port": 8001, "issuer": "http://localhost:8000",
     "client_id": "…", "client_secret": "…"}

With ``private_key_pem`` in place of ``client_secret`` it authenticates by signed assertions (RFC 7523).

    python portal.py --registration portals.json --port 8001
"""

from __future__ import annotations

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from faces import LABELS, find_face
from flask import Flask, Response, redirect, render_template, request, session, url_for
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from leaving import EndedSessions, LogoutTokenError, UnknownSignerError, read_logout_token
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as BaseResponse

View = str | BaseResponse | tuple[str | dict[str, str], int]


def create_app(registration: dict[str, Any]) -> Flask:
    """Make the portal that ``registration`` describes (see the module)."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secrets.token_hex(32),
        # Cookies do not know ports: on one host each application's cookie needs a name of its own.
        SESSION_COOKIE_NAME=f"portal_{registration['port']}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    face = find_face(registration["name"])
    issuer = registration["issuer"]
    provider = _register(OAuth(app), registration, scope=face.scope)

    ended = EndedSessions()

    @app.before_request
    def leave_if_ended() -> None:
        if ended.holds(session):
            session.clear()

    @app.post("/salida-remota")
    def remote_logout() -> View:
        """Someone logged out elsewhere: the provider says so, signed. No cookie of a browser comes with it."""
        for fresh in (False, True):  # the provider may have changed its keys since we read them
            try:
                sid = read_logout_token(
                    request.form.get("logout_token", ""),
                    keys=KeySet.import_key_set(provider.fetch_jwk_set(force=fresh)),
                    issuer=issuer,
                    client_id=registration["client_id"],
                    now=int(time.time()),
                )
            except UnknownSignerError:
                continue
            except LogoutTokenError as error:
                app.logger.warning("logout token refused: %s", error)
                break
            ended.end(sid)
            return "", 200
        return {"error": "invalid_request"}, 400

    @app.get("/")
    def home() -> View:
        if "state" in request.args:  # back from logging out
            session.clear()
            return redirect(url_for("home"))
        return render_template("home.html", claims=session.get("claims"), labels=LABELS)

    @app.get("/ingresar")
    def login() -> View:
        answer: BaseResponse = provider.authorize_redirect(url_for("callback", _external=True), ui_locales="es")
        return answer

    @app.get("/callback")
    def callback() -> View:
        # RFC 9207: the answer must come from the provider that was asked.
        if request.args.get("iss") != issuer:
            raise OAuthError("wrong_issuer")
        token = provider.authorize_access_token()
        claims = dict(token["userinfo"]) | dict(provider.userinfo(token=token))
        session.clear()  # who was here before has nothing to do with who is here now
        session["claims"] = {name: value for name, value in claims.items() if name in LABELS}
        session["id_token"] = token["id_token"]
        session["sid"] = token["userinfo"].get("sid")
        return redirect(url_for("home"))

    @app.post("/salir")
    def logout() -> View:
        id_token = session.pop("id_token", None)
        session.clear()
        answer: BaseResponse = provider.logout_redirect(
            post_logout_redirect_uri=url_for("home", _external=True),
            id_token_hint=id_token,
            client_id=registration["client_id"],
        )
        return answer

    @app.errorhandler(OAuthError)
    def refused(error: OAuthError) -> View:
        denied = error.error == "access_denied"
        return render_template("problem.html", denied=denied, code=error.error), 200 if denied else 400

    @app.errorhandler(JoseError)
    @app.errorhandler(requests.RequestException)
    def failed(error: Exception) -> View:
        app.logger.warning("provider: %s", type(error).__name__)
        return render_template("problem.html", denied=False, code=type(error).__name__), 502

    @app.context_processor
    def common() -> dict[str, Any]:
        return {"face": face, "portal": registration["name"], "issuer": issuer}

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store" if request.endpoint != "static" else "max-age=300"
        return response

    return app


def _register(oauth: OAuth, registration: dict[str, Any], *, scope: str) -> Any:
    settings: dict[str, Any] = {"scope": scope, "code_challenge_method": "S256"}
    more: dict[str, Any] = {}
    if key_pem := registration.get("private_key_pem"):
        settings["token_endpoint_auth_method"] = "private_key_jwt"
        more["client_secret"] = ECKey.import_key(key_pem)
        header = {"kid": registration["key_id"]} if registration.get("key_id") else {}
        more["client_auth_methods"] = [_ShortLivedAssertion(alg="ES256", headers=header)]
    elif secret := registration.get("client_secret"):
        settings["token_endpoint_auth_method"] = "client_secret_basic"
        more["client_secret"] = secret
    else:
        settings["token_endpoint_auth_method"] = "none"
    return oauth.register(
        "provider",
        client_id=registration["client_id"],
        server_metadata_url=f"{registration['issuer']}/.well-known/openid-configuration",
        client_kwargs=settings,
        **more,
    )


class _ShortLivedAssertion(PrivateKeyJWT):
    """An assertion for the next minute: left alone, the library makes them for an hour, and the provider refuses."""

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        """Sign one assertion, with an identifier of its own."""
        fresh = PrivateKeyJWT(token_endpoint, {"exp": int(time.time()) + 60}, dict(self.headers or {}), self.alg)
        return PrivateKeyJWT.sign(fresh, auth, token_endpoint)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the terminal for what matters."""


def main() -> None:
    """Serve one portal until told to stop."""
    parser = argparse.ArgumentParser(description="A small portal that logs in at the provider.")
    parser.add_argument("--registration", type=Path, required=True, help="JSON file, see the module's docstring")
    parser.add_argument("--port", type=int, required=True, help="which of the file's portals")
    arguments = parser.parse_args()
    portals = {item["port"]: item for item in json.loads(arguments.registration.read_text("utf-8"))}
    if arguments.port not in portals:
        parser.error(f"{arguments.registration} has no portal on port {arguments.port}, only on {sorted(portals)}")
    app = create_app(portals[arguments.port])
    make_server("127.0.0.1", arguments.port, app, threaded=True, request_handler=_Quiet).serve_forever()


if __name__ == "__main__":
    main()
