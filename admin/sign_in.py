"""The console logs in as a relying application of this very provider (OpenID Connect Core §3.1, RFC 9700 §2.1).

This half knows what a careful application knows: state, nonce and PKCE, each bound to the browser that began. What
comes back is redeemed in process; see ``admin.redemption``.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from admin.console_session import FRESH_LIFETIME
from admin.model import SignInAttempt
from kernel.errors import AlreadyConsumed, Rejected
from kernel.identifiers import b64url, new_id, new_secret, sha256, sha256_hex

CLIENT_ID = "sau-console"
SCOPE = "openid profile"
REQUIRED_ACR = "urn:sau:acr:2fa"
ATTEMPT_LIFETIME = timedelta(minutes=30)
_KEPT_TEXT_LIMIT = 2000


@dataclass(frozen=True)
class SignIn:
    """A login on its way.

    :ivar id: names it in the page that gets its typed values back.
    :ivar return_to: local path to show afterwards.
    :ivar nonce: what the ID token must repeat.
    :ivar code_verifier: PKCE (RFC 7636 §4.1).
    :ivar person_id: the person who was asked to log in again, if one was logged in.
    """

    id: str
    return_to: str
    nonce: str
    code_verifier: str
    person_id: str | None


def begin_sign_in(
    session: Session,
    *,
    issuer: str,
    browser_secret: str,
    return_to: str,
    fresh: bool = False,
    kept: Mapping[str, str] | None = None,
    person_id: str | None = None,
    now: datetime,
) -> str:
    """Note a login and return the address at the provider to send the browser to.

    :param browser_secret: the secret in this browser's sign-in cookie.
    :param fresh: ask for a login not older than what signing and revoking want (``max_age``).
    :param kept: what was typed into the page that needs the fresh login; given back to the same person alone.
    """
    state = new_secret()
    session.add(
        SignInAttempt(
            state_sha256=sha256_hex(state),
            id=new_id(),
            browser_sha256=sha256_hex(browser_secret),
            return_to=local_path(return_to),
            kept={name: value[:_KEPT_TEXT_LIMIT] for name, value in (kept or {}).items()},
            person_id=person_id,
            started_at=now,
        )
    )
    parameters = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri(issuer),
        "scope": SCOPE,
        "state": state,
        "nonce": _derive(browser_secret, "nonce", state),
        "code_challenge": b64url(sha256(_derive(browser_secret, "verifier", state))),
        "code_challenge_method": "S256",
        "acr_values": REQUIRED_ACR,
    }
    if fresh:
        parameters["max_age"] = str(int(FRESH_LIFETIME.total_seconds()))
    return f"{issuer}/authorize?{urlencode(parameters)}"


def take_sign_in(session: Session, *, state: str, browser_secret: str | None, now: datetime) -> SignIn:
    """Take the login that ``state`` names, once.

    :raises Rejected: (``unknown_sign_in``) no such login in this browser, or begun more than half an hour ago.
    :raises AlreadyConsumed: (``sign_in_finished``) it came back before: a reload, or the back button.
    """
    row = session.get(SignInAttempt, sha256_hex(state))
    if (
        row is None
        or not browser_secret
        or not hmac.compare_digest(row.browser_sha256, sha256_hex(browser_secret))
        or row.started_at < now - ATTEMPT_LIFETIME
    ):
        raise Rejected("This login was not begun in this browser, or too long ago.", code="unknown_sign_in")
    taken = session.execute(
        update(SignInAttempt)
        .where(SignInAttempt.state_sha256 == row.state_sha256, SignInAttempt.redeemed_at.is_(None))
        .values(redeemed_at=now)
        .returning(SignInAttempt.id)
    ).one_or_none()
    if taken is None:
        raise AlreadyConsumed("This login is finished already.", code="sign_in_finished")
    return SignIn(
        id=row.id,
        return_to=row.return_to,
        nonce=_derive(browser_secret, "nonce", state),
        code_verifier=_derive(browser_secret, "verifier", state),
        person_id=row.person_id,
    )


def kept_values(session: Session, *, sign_in_id: str, person_id: str, path: str) -> dict[str, Any]:
    """Return what ``person_id`` had typed into the page at ``path`` before logging in again; empty if nothing was."""
    row = session.scalar(select(SignInAttempt).where(SignInAttempt.id == sign_in_id))
    if row is None or row.person_id != person_id or urlsplit(row.return_to).path != path:
        return {}
    return dict(row.kept)


def redirect_uri(issuer: str) -> str:
    """Return the console's one redirect URI."""
    return f"{issuer}/admin/callback"


def local_path(path: str) -> str:
    """Return ``path`` if it is a path of the console, else its front page: ``//evil`` and ``/\\evil`` go nowhere."""
    parts = urlsplit(path)
    inside = parts.path == "/admin" or parts.path.startswith("/admin/")
    safe = not parts.scheme and not parts.netloc and "\\" not in path and path.isprintable() and len(path) <= 500
    return path if inside and safe else "/admin"


def _derive(secret: str, purpose: str, state: str) -> str:
    # One secret in the cookie serves any number of tabs: each login has its own state, so its own nonce and verifier.
    return b64url(hmac.digest(secret.encode(), f"sau-console:{purpose}:{state}".encode(), "sha256"))
