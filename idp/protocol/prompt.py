"""``prompt``: what an application wants shown (OpenID Connect Core §3.1.2.1, Initiating User Registration 1.0)."""

from __future__ import annotations

from idp.protocol.errors import RedirectableError

NONE, LOGIN, CONSENT = "none", "login", "consent"
SELECT_ACCOUNT, CREATE = "select_account", "create"
PROMPTS = (NONE, LOGIN, CONSENT, SELECT_ACCOUNT, CREATE)

# `none` shows nothing; `create` makes the account that others would ask about.
_ALONE = (NONE, CREATE)


def parse_prompt(text: str | None) -> frozenset[str]:
    """Return the prompts asked for.

    :raises RedirectableError: (``invalid_request``) for a value not served, or ``none`` or ``create`` with another.
    """
    prompts = frozenset((text or "").split(" ")) - {""}
    if not prompts <= set(PROMPTS):
        raise RedirectableError("invalid_request", f"prompt is one of: {', '.join(PROMPTS)}.")
    for alone in _ALONE:
        if alone in prompts and len(prompts) > 1:
            raise RedirectableError("invalid_request", f"prompt={alone} stands alone.")
    return prompts
