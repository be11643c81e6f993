"""Logging in with a passkey: what the page's script asks for, and the browser's answer."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from audit.vocabulary import EventType
from idp.authentication.steps import Step
from idp.passkeys.ceremony import LONGEST_ANSWER, PasskeyRefusedError, RelyingParty, read_claim
from idp.passkeys.login import ask_for_passkey, log_in_with_passkey
from idp.web.access import present, services
from idp.web.cookies import browser_secret, device_secret, session_secret
from idp.web.forms import Form
from idp.web.login import look_at, open_in_browser, show_password, throttled
from idp.web.refused_steps import journey_named, note_step_not_due, record_refusals
from kernel.errors import Throttled
from kernel.identifiers import b64url
from web.rate_limit import limit

blueprint = Blueprint("passkey_login", __name__, template_folder="../templates")
record_refusals(blueprint, EventType.INTERACTION_REFUSED, journey_named("interaction_id"))


@blueprint.post("/login/<interaction_id>/passkey/options")
@limit("60 per minute")
def options(interaction_id: str) -> AnyResponse:
    """Say what the browser shall ask its authenticators for; the same for everybody."""
    with services().database.transaction() as session:
        asked = ask_for_passkey(
            session,
            services=services(),
            interaction_id=interaction_id,
            browser_secret=browser_secret(),
            session_secret=session_secret(),
            now=present(),
        )
    return jsonify(asked)


@blueprint.post("/login/<interaction_id>/passkey")
@limit("60 per minute")
def take(interaction_id: str) -> AnyResponse:
    """Take the browser's answer and go on."""
    situation = look_at(interaction_id)
    if isinstance(situation, AnyResponse):
        return situation
    address = url_for("login.step", interaction_id=interaction_id)
    if situation.step is not Step.PASSWORD:
        note_step_not_due()
        return redirect(address, 303)
    form, answer = Form(), request.form.get("code", "")[: LONGEST_ANSWER + 1]
    try:
        with services().database.transaction() as session:
            opened = log_in_with_passkey(
                session,
                services=services(),
                interaction_id=interaction_id,
                browser_secret=browser_secret(),
                session_secret=session_secret(),
                device_secret=device_secret(),
                answer=answer,
                now=present(),
            )
    except PasskeyRefusedError as error:
        form.refuse("passkey", error)
        return show_password(situation, form, 422, unknown_passkey=_unknown(answer, error))
    except Throttled as error:
        form.refuse("passkey", error)
        return throttled(show_password(situation, form, 429), error)
    open_in_browser(opened)
    return redirect(address, 303)


def _unknown(answer: str, error: PasskeyRefusedError) -> dict[str, str] | None:
    """A key that was removed here: its authenticator may forget it (WebAuthn §5.1.10). Only its holder learns of it."""
    if error.why != "unknown":
        return None
    party = RelyingParty.of(services().settings.issuer)
    return {"rpId": party.id, "credentialId": b64url(read_claim(answer).credential)}
