"""The smallest application that lets people log in with SAU: Flask and Authlib, one file.

SAU=http://localhost:8000 CLIENT_ID=… CLIENT_SECRET=… python app.py      then http://localhost:8010
"""

from __future__ import annotations

import os
import secrets
from html import escape

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, request, session, url_for
from werkzeug.wrappers import Response

PORT = 8010


def create_app(issuer: str, client_id: str, client_secret: str) -> Flask:
    """Make the application that is registered at ``issuer`` as ``client_id``."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secrets.token_hex(32), SESSION_COOKIE_NAME="minimal", SESSION_COOKIE_SAMESITE="Lax")
    sau = OAuth(app).register(
        "sau",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile cedula", "code_challenge_method": "S256"},
    )

    @app.get("/")
    def home() -> str:
        if "person" not in session:
            return '<h1>Mi aplicación</h1><p><a id="login" href="/login">Ingresar</a></p>'
        person = session["person"]
        return (
            f'<h1>Hola, {escape(person["name"])}</h1><p id="sub">{escape(person["sub"])}</p><a href="/logout">Salir</a>'
        )

    @app.get("/login")
    def login() -> Response:
        answer: Response = sau.authorize_redirect(url_for("callback", _external=True))
        return answer

    @app.get("/callback")
    def callback() -> Response:
        if request.args.get("iss") != issuer:  # the answer must come from the provider that was asked (RFC 9207)
            return Response("wrong issuer", 400)
        token = sau.authorize_access_token()  # checks state, signature, issuer, audience and nonce
        claims = token["userinfo"] | sau.userinfo(token=token)
        session["person"] = {"sub": claims["sub"], "name": claims["name"]}
        session["id_token"] = token["id_token"]
        return redirect(url_for("home"))

    @app.get("/logout")
    def logout() -> Response:
        id_token = session.pop("id_token", None)
        session.clear()
        there = url_for("home", _external=True)
        answer: Response = sau.logout_redirect(post_logout_redirect_uri=there, id_token_hint=id_token)
        return answer

    return app


if __name__ == "__main__":
    create_app(os.environ["SAU"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]).run(port=PORT)
