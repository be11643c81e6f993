"""Two versions of a profile side by side: every part of the certificate, and the rules around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ca.profiles.explain import explain
from ca.profiles.profile import NameRules, Profile
from ca.profiles.sentences import RULES, VALUES, Words


@dataclass(frozen=True)
class Compared:
    """One part in both versions.

    :ivar part: its name in the standards; empty for a rule that is no part of the certificate.
    :ivar words: what it is. :ivar before: its values in the older version, none: it was not there. :ivar after: now.
    """

    part: str
    words: Words
    before: tuple[Words, ...]
    after: tuple[Words, ...]

    @property
    def changed(self) -> bool:
        """Whether the versions differ here."""
        return self.before != self.after


def compare(before: Profile, after: Profile, *, private_arc: str) -> tuple[Compared, ...]:
    """Return every part in the order of the certificate, and then every rule."""
    old, new = _facts(before, private_arc), _facts(after, private_arc)
    found = []
    for key in dict.fromkeys((*new, *old)):
        words = (new.get(key) or old[key])[0]
        values = [facts[key][1] if key in facts else () for facts in (old, new)]
        found.append(Compared(key if key not in RULES else "", words, values[0], values[1]))
    return tuple(found)


def _facts(profile: Profile, private_arc: str) -> dict[str, tuple[Words, tuple[Words, ...]]]:
    facts: dict[str, tuple[Words, tuple[Words, ...]]] = {}
    for item in explain(profile, private_arc=private_arc):
        said = _same(item.value + (" (critical)" if item.critical else ""))
        words, values = facts.get(item.part, (item.words, ()))
        facts[item.part] = (words, (*values, said))
    for name, values in _rules(profile):
        facts[name] = (RULES[name], values)
    return facts


def _rules(profile: Profile) -> Iterator[tuple[str, tuple[Words, ...]]]:
    yield "title", (_same(profile.title),)
    yield "explanation", (_same(profile.explanation),)
    yield "people", (_same(str(profile.people)),)
    how = "by_hand" if profile.by_hand else "by_protocol" if profile.requestable else "own"
    yield "asked", (VALUES[how],)
    yield (
        "inputs",
        tuple(_same(f"{field.label} ({field.name}{'' if field.required else '?'})") for field in profile.inputs),
    )
    yield "names", tuple(_names(profile.names))
    yield "dropped", tuple(_same(usage.value) for usage in profile.dropped_key_usage)
    yield "keys_made_here", (_yes(profile.keys_made_here),)
    yield "may_be_held", (_yes(profile.may_be_held),)
    yield "needs_person", (_yes(profile.needs_person),)
    yield "lint", (_same(f"{profile.lint.suite} {profile.lint.type}".strip()),)
    yield "accepted", tuple(_same(item.code) for item in profile.lint.accepted)


def _names(rules: NameRules) -> Iterator[Words]:
    yield VALUES[f"dns_{rules.dns}"]
    if rules.dns != "refused":
        yield VALUES[f"proof_{rules.proof}"]
    if rules.wildcards:
        yield VALUES["wildcards"]
    if rules.addresses:
        yield VALUES["addresses"]


def _yes(value: bool) -> Words:
    return VALUES["yes" if value else "no"]


def _same(text: str) -> Words:
    return Words(text, text)
