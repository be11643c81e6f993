"""``verified_claims``: claims about a person with how they were verified (OpenID Connect for Identity Assurance 1.0).

What is asked for stands in the ``claims`` parameter, what is given beside the other claims. A requirement that is not
met leaves the whole element out, without an error (§6): nobody learns from it more than he asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NAME = "verified_claims"
#: Rules of this service, docs/levels.md: no other framework is claimed.
TRUST_FRAMEWORK = "ec_sau"
#: What can be verified here. A birth date is not among them yet.
VERIFIABLE = ("name", "given_name", "family_name", "cedula", "passport")
_MOST_ELEMENTS = 5


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How a person's identity was verified. :ivar evidence: what it rests on, in the members of §5.4.4."""

    assurance_level: str
    verified_at: datetime
    evidence: tuple[Mapping[str, Any], ...]


def checked_request(value: object) -> list[dict[str, Any]]:
    """Return the elements that are asked for. :raises ValueError: if one has no ``claims``, or not this form (§6.1)."""
    elements = value if isinstance(value, list) else [value]
    if not 0 < len(elements) <= _MOST_ELEMENTS:
        raise ValueError("an element or a few")
    return [_checked_element(element) for element in elements]


def within(elements: Sequence[Mapping[str, Any]], allowed: Collection[str]) -> list[dict[str, Any]]:
    """Return the elements with the claims of ``allowed`` alone; one without any is left out."""
    kept = [(item, {name: rule for name, rule in item["claims"].items() if name in allowed}) for item in elements]
    return [{**item, "claims": claims} for item, claims in kept if claims]


def names_asked(elements: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the claims that the elements ask for."""
    return tuple(dict.fromkeys(name for item in elements for name in item["claims"]))


def answered(
    elements: Sequence[Mapping[str, Any]],
    *,
    verification: Verification | None,
    values: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Return the elements that can be answered, one alone as an object, or None.

    :param verification: None: the person's identity is not verified.
    :param values: the person's claims, as they were verified.
    """
    if verification is None:
        return None
    found = [told for item in elements if (told := _answer(item, verification, values, now)) is not None]
    return (found[0] if len(found) == 1 else found) if found else None


def _checked_element(element: object) -> dict[str, Any]:
    if not isinstance(element, dict):
        raise ValueError("an object")
    verification, claims = element.get("verification"), element.get("claims")
    if not isinstance(verification, dict) or not isinstance(claims, dict) or not claims:
        raise ValueError("verification and claims")
    if not all(rule is None or isinstance(rule, dict) for rule in (*claims.values(), *_rules(verification))):
        raise ValueError("a rule is null or an object")
    evidence = verification.get("evidence")
    if evidence is not None and not (isinstance(evidence, list) and all(isinstance(one, dict) for one in evidence)):
        raise ValueError("evidence is a list")
    return {"verification": verification, "claims": {name: rule for name, rule in claims.items() if name in VERIFIABLE}}


def _rules(verification: Mapping[str, Any]) -> list[Any]:
    return [verification.get(name) for name in ("trust_framework", "assurance_level", "time")]


def _answer(
    item: Mapping[str, Any], verification: Verification, values: Mapping[str, Any], now: datetime
) -> dict[str, Any] | None:
    asked = item["verification"]
    told = {
        "trust_framework": TRUST_FRAMEWORK,
        "assurance_level": verification.assurance_level,
        "time": verification.verified_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if not all(_fits(asked.get(name), value) for name, value in told.items()):
        return None
    age = (asked.get("time") or {}).get("max_age")
    if age is not None and (not isinstance(age, int) or (now - verification.verified_at).total_seconds() > age):
        return None
    evidence = [one for one in verification.evidence if _is_asked_for(one, asked.get("evidence") or [])]
    if asked.get("evidence") and not evidence:
        return None
    claims = {
        name: values[name]
        for name, rule in item["claims"].items()
        if values.get(name) not in (None, "") and _fits(rule, values[name])
    }
    if not claims:
        return None
    # §6.2: of what describes the verification only what was asked for is given; the framework always.
    given: dict[str, Any] = {name: told[name] for name in told if name == "trust_framework" or name in asked}
    return {"verification": given | ({"evidence": evidence} if evidence else {}), "claims": claims}


def _fits(rule: object, value: object) -> bool:
    if not isinstance(rule, dict):
        return True
    if "value" in rule:
        return bool(rule["value"] == value)
    values = rule.get("values")
    return not isinstance(values, list) or value in values


def _is_asked_for(evidence: Mapping[str, Any], asked: Sequence[Mapping[str, Any]]) -> bool:
    return any(_fits(one.get("type"), evidence["type"]) for one in asked)
