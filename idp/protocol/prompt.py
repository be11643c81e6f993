"""``prompt``: what an application wants shown (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from idp.protocol.errors import RedirectableError

NONE, LOGIN, CONSENT = "none", "login", "consent"
PROMPTS = (NONE, LOGIN, CONSENT)


def parse_prompt(text: str | None) -> frozenset[str]:
    """Return the prompts asked for.

    :raises RedirectableError: (``invalid_request``) for a value that is not served, or ``none`` with another.
    """
    prompts = frozenset((text or "").split(" ")) - {""}
    if not prompts <= set(PROMPTS):
        raise RedirectableError("invalid_request", f"prompt is one of: {', '.join(PROMPTS)}.")
    if NONE in prompts and len(prompts) > 1:
        raise RedirectableError("invalid_request", "prompt=none stands alone.")
    return prompts
