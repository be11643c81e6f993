"""The ``claims`` parameter: single claims by name, for UserInfo and for the ID token (OpenID Connect Core §5.5)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any

from idp.protocol.errors import RedirectableError
from idp.protocol.scope import CLAIMS_BY_SCOPE, IDENTITY_SCOPES, OPENID
from idp.protocol.verified_claims import NAME as VERIFIED_CLAIMS
from idp.protocol.verified_claims import checked_request, names_asked, within

USERINFO, ID_TOKEN = "userinfo", "id_token"  # nosec B105 - names of members
SIZE_LIMIT = 4_000
VALUES_LIMIT = 20

# What stands in an ID token beside what scopes open (§2); asking for it by name may say which value.
LOGIN_CLAIMS = frozenset({"acr", "amr", "auth_time"})
_SCOPE_OF = {name: scope for scope, names in CLAIMS_BY_SCOPE.items() for name in names}


def parse_claims_request(text: str | None) -> dict[str, Any]:
    """Return the ``claims`` parameter as checked, for :attr:`idp.protocol.terms.Terms.claims`; empty without one.

    ``{"userinfo": {name: {…}}, "id_token": {name: {…}}}`` with the members ``essential``, ``value`` and ``values`` of
    §5.5.1. What nobody here understands, members and claims, is left out, as §5.5 says.

    :raises RedirectableError: (``invalid_request``) if it is no JSON object of this form, or too long.
    """
    if text is None:
        return {}
    try:
        document = json.loads(text) if len(text) <= SIZE_LIMIT else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _bad("claims must be a JSON object of a few kilobytes at most.")
    checked = {place: _checked(document.get(place)) for place in (USERINFO, ID_TOKEN)}
    return {place: rules for place, rules in checked.items() if rules}


def scopes_behind(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the scopes, in reading order, that open what ``claims`` names: what the person is asked about.

    ``sub`` and what is said of the login belong to ``openid``.
    """
    verified = (name for place in claims for name in names_asked(verified_in(claims, place)))
    named = (name for rules in claims.values() for name in rules)
    wanted = {_SCOPE_OF.get(name, OPENID) for name in (*named, *verified)}
    return tuple(scope for scope in IDENTITY_SCOPES if scope in wanted)


def within_scopes(claims: Mapping[str, Any], scopes: Collection[str]) -> dict[str, Any]:
    """Return the part of ``claims`` that ``scopes`` open: what the application may have and the person allowed.

    A claim that is not there is no error, essential or not (§5.5.1).
    """
    opened = {name for name, scope in _SCOPE_OF.items() if scope in scopes}
    kept = {}
    for place, rules in claims.items():
        kept[place] = {name: rule for name, rule in rules.items() if _SCOPE_OF.get(name, OPENID) in scopes}
        if VERIFIED_CLAIMS in rules:
            kept[place][VERIFIED_CLAIMS] = within(rules[VERIFIED_CLAIMS], opened)
            if not kept[place][VERIFIED_CLAIMS]:
                del kept[place][VERIFIED_CLAIMS]
    return {place: rules for place, rules in kept.items() if rules}


def verified_in(claims: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    """Return the elements of ``verified_claims`` that are asked for in ``place``."""
    elements: list[dict[str, Any]] = claims.get(place, {}).get(VERIFIED_CLAIMS, [])
    return elements


def names_in(claims: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """Return the claims about the person that are asked for in ``place``, ``userinfo`` or ``id_token``."""
    return tuple(name for name in claims.get(place, {}) if name in _SCOPE_OF)


def required_subject(claims: Mapping[str, Any]) -> str | None:
    """Return the one ``sub`` that the ID token must be about (§5.5.1), or None.

    An answer about anybody else is an error, essential or not.
    """
    value = claims.get(ID_TOKEN, {}).get("sub", {}).get("value")
    return value if isinstance(value, str) else None


def requested_acr(claims: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Return the values of ``acr`` that the ID token may have, best first, and whether one of them is essential.

    An essential one that cannot be met is an error (§5.5.1.1); otherwise the values are a wish, like ``acr_values``.
    """
    rule = claims.get(ID_TOKEN, {}).get("acr", {})
    values = rule.get("values", [rule["value"]] if "value" in rule else [])
    return tuple(value for value in values if isinstance(value, str)), rule.get("essential", False)


def _checked(rules: object) -> dict[str, Any]:
    if rules is None:
        return {}
    if not isinstance(rules, dict):
        raise _bad("userinfo and id_token in claims are JSON objects.")
    checked: dict[str, Any] = {
        name: _checked_rule(name, rule) for name, rule in rules.items() if name in _SCOPE_OF or name in LOGIN_CLAIMS
    }
    if rules.get(VERIFIED_CLAIMS) is not None:
        try:
            checked[VERIFIED_CLAIMS] = checked_request(rules[VERIFIED_CLAIMS])
        except ValueError as error:
            raise _bad("verified_claims needs verification and claims (OpenID Identity Assurance 1.0 §6).") from error
    return checked


def _checked_rule(name: str, rule: object) -> dict[str, Any]:
    if rule is None:
        return {}
    if not isinstance(rule, dict):
        raise _bad("A claim in claims is null or a JSON object.")
    essential, values = rule.get("essential", False), rule.get("values")
    if not isinstance(essential, bool):
        raise _bad("essential is true or false.")
    if values is not None and not (isinstance(values, list) and 0 < len(values) <= VALUES_LIMIT):
        raise _bad("values is a list.")
    if not all(map(_is_plain, (rule.get("value"), *(values or ())))):
        raise _bad("A value in claims is a text, a number, true or false.")
    if name == "sub" and not isinstance(rule.get("value", ""), str):
        raise _bad("The value of sub is a text.")
    checked: dict[str, Any] = {"essential": True} if essential else {}
    return checked | {member: rule[member] for member in ("value", "values") if rule.get(member) is not None}


def _is_plain(value: object) -> bool:
    """Tell whether it is a value that a claim of ours can have. JSON has no NaN, and no infinity (RFC 8259 §6)."""
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))


def _bad(detail: str) -> RedirectableError:
    return RedirectableError("invalid_request", detail)
