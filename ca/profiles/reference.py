"""The page ``docs/profiles.md``: every profile, part by part, made from the data files."""

from __future__ import annotations

from collections.abc import Iterable

from ca.profiles.explain import Explained, explain
from ca.profiles.profile import Profile

_HEAD = """\
# Certificate profiles

Made from `ca/profiles/data/` by `make docs`; a test holds this page to it. `sau ca profile show NAME` says the same,
and so do the pages under `/pki/profiles`.

A profile is a reviewed file that decides every field of a certificate; a request proposes and never decides. Who
changes one raises its version, says under `changes` what that brings, and adds a line to
`tests/ca/profiles/versions.txt`: without that a test fails. A request remembers the version that it was built by, and
an approval of an older one no longer counts.

Our own identifiers stand under the arc that `SAU_PKI_ARC` names, shown as *ARC*: policies under *ARC*.2, the common
fields of the country under *ARC*.3. No identifier is a prefix of another, and no arc of another authority is ever
used. Set `SAU_PKI_ARC` to an arc of your own and `SAU_PKI_DOMICILE` to the authority's legal domicile before the first
certificate: both stand in every one. QC statements (ETSI EN 319 412-5) are in no profile: they declare a qualification
under the law of the European Union.

## Policies

| policy | profile | public policy | how its holder is known |
|---|---|---|---|
"""
_TAIL = """\
`ARC.2.2` is kept for members of private companies, which this authority does not serve yet.

## What no profile decides

Checks of every request, whatever its profile: the signature over it; the key (kind, size, exponent, ROCA, close primes,
small factors, small private exponent, shared primes, the list of publicly known keys, keys reported as compromised,
keys of this authority or of another holder); names (LDH, IDNA, look-alikes, public suffixes, internal names, registered
domains and networks); then the lints, one a clause, and pkilint, on exactly the bytes that will be signed. Where the
issuing authority has name constraints, a path validation that is not ours must accept the certificate as well.
"""


def reference(profiles: Iterable[Profile]) -> str:
    """Return the page, in Markdown."""
    every = list(profiles)
    with_policy = sorted((item for item in every if item.policy), key=lambda item: _number(item))
    page = _HEAD + "".join(_policy_row(item) for item in with_policy) + "\n" + _TAIL
    return page + "".join(_chapter(item) for item in every)


def _number(profile: Profile) -> tuple[int, ...]:
    return tuple(int(part) for part in (profile.policy.suffix if profile.policy else "0").split("."))


def _policy_row(profile: Profile) -> str:
    assert profile.policy is not None
    reserved = ", ".join(profile.policy.reserved) or "none"
    known = {
        True: "a person, by document; an institution besides, where the profile names one, by its RUC",
        False: "an institution, by its RUC",
    }[profile.is_personal]
    if not profile.requestable:
        known = "the service itself"
    elif profile.names.proof == "control":
        known = "control of each name, proved anew; the institution by its RUC"
    return f"| `ARC.{profile.policy.suffix}` | [{profile.name}](#{profile.name}) | {reserved} | {known} |\n"


def _chapter(profile: Profile) -> str:
    how = "asked for by hand" if profile.by_hand else "by a protocol" if profile.requestable else "the service's own"
    people = "one person decides" if profile.people == 1 else f"{profile.people} people agree"
    suite = f"{profile.lint.suite} {profile.lint.type}".strip()
    lines = [
        f"\n## {profile.name}\n",
        f"*{profile.title}*, version {profile.version}; {how}; {people}; checked by pkilint's suite `{suite}`.\n",
        f"> {profile.explanation}\n",
    ]
    if profile.inputs:
        lines.append(_inputs(profile))
    lines.append("| part | value | critical | what it says | clause |\n|---|---|---|---|---|")
    lines += [_row(item) for item in explain(profile, private_arc="ARC")]
    if profile.lint.accepted:
        lines.append("\nFindings of the outside linter that do not block, and why:\n")
        lines += [f"- `{item.code}`: {item.reason}" for item in profile.lint.accepted]
    lines.append("\nVersions: " + " ".join(f"**{number}** {text}" for number, text in sorted(profile.changes.items())))
    return "\n".join(lines) + "\n"


def _inputs(profile: Profile) -> str:
    rows = ["| field | needed | what the operator is told |", "|---|---|---|"]
    for field in profile.inputs:
        needed = "one of them" if field.name in profile.exactly_one_of else "yes" if field.required else "no"
        rows.append(f"| `{field.name}` | {needed} | *{field.label}.* {field.hint} |")
    return "\n".join(rows) + "\n"


def _row(item: Explained) -> str:
    critical = {True: "yes", False: "no", None: ""}[item.critical]
    value = item.value.replace("|", "\\|")
    return f"| {item.part} | `{value}` | {critical} | {item.words.en} | {item.clause} |"
