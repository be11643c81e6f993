"""What a policy means, rule by rule, in words: for ``sau client policy`` and the documentation."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

from idp.clients.auth_method import AuthMethod
from idp.clients.policy import POLICIES, ClientPolicy

_TITLES = {
    "auth_methods": "proves who it is by",
    "grant_types": "grant types",
    "response_types": "response types",
    "pkce": "PKCE",
    "pushed_requests": "authorization requests",
    "signed_requests": "request objects",
    "signed_responses": "authorization responses",
    "sender_constrained": "tokens",
    "rotates_refresh_tokens": "refresh tokens",
    "issuer_as_only_audience": "audience of its assertions",
    "signature_algorithms": "signs with",
    "code_lifetime": "an authorization code lives",
    "dpop_nonce": "DPoP proofs",
    "merges_request_objects": "beside a request object",
    "pushed_request_lifetime": "a pushed request waits",
    "key_management_algorithms": "answers are encrypted to it by",
}
_EITHER = {
    "pkce": ("every request has a challenge", "optional for a client with a secret or key"),
    "pushed_requests": ("pushed before (PAR)", "by address, or pushed"),
    "signed_requests": ("signed (JAR)", "plain, or signed"),
    "signed_responses": ("signed (JARM)", "as the request asks"),
    "sender_constrained": (
        "always bound to a key (DPoP or certificate)",
        "bound to a key if one is registered or shown",
    ),
    "rotates_refresh_tokens": ("replaced at each use, reuse ends the family", "kept, bound to a key"),
    "issuer_as_only_audience": ("the issuer, as one text", "the issuer or the endpoint"),
    "merges_request_objects": ("plain parameters fill in what it leaves out", "nothing counts"),
    "dpop_nonce": ("repeat a nonce of ours", "with or without a nonce"),
}


def policy_rules(policy: ClientPolicy) -> dict[str, str]:
    """Return each rule of the policy as title and words."""
    return {
        _TITLES.get(each.name, each.name.replace("_", " ")): _words(each.name, getattr(policy, each.name))
        for each in fields(policy)
        if each.name not in ("name", "words")
    }


def policies_table() -> str:
    """Return the page of the documentation: one chapter a policy, one line a rule."""
    chapters = []
    for policy in POLICIES.values():
        rows = "\n".join(f"| {title} | {words} |" for title, words in policy_rules(policy).items())
        chapters.append(f"## `{policy.name}`\n\n{policy.words}\n\n| rule | |\n|---|---|\n{rows}\n")
    return "\n".join(chapters)


def _words(name: str, value: object) -> str:
    if name in _EITHER:
        return _EITHER[name][0 if value else 1]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return f"{int(value.total_seconds())} seconds"
    if isinstance(value, frozenset):
        # The console's own method opens no endpoint, so nobody registers it.
        return ", ".join(sorted(str(item) for item in value - {AuthMethod.IN_PROCESS})) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "everything that is verified here"
    return str(value)
