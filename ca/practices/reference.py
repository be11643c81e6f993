"""The page ``docs/practice-statement.md``: the program's own clauses with their tests, made from the data files."""

from __future__ import annotations

from collections.abc import Iterable

from ca.practices.statement import Clause, filled
from ca.practices.values import statement_values
from ca.profiles.registry import packaged_profiles
from kernel.settings import Settings

_HEAD = """\
# Certification practice statement

Made from `ca/practices/data/` by `make docs`; a test holds this page to it, another that every clause of the outline of
RFC 3647 §6 has its place, a third that every test that is named exists. An installation serves the statement, in
Spanish and English, with its own values, at `/pki/cps`, where its certificates point; here stand the defaults.

What no program can say is *declared by who runs the service*: `sau ca practices example > practices.yaml` writes a file
with each such clause, `SAU_PKI_PRACTICES_FILE` names the file when it is filled in, `sau ca practices open` says what
is left, and so does `sau doctor`. A declaration stands beside what the program says, never in its place.

"""
_OPEN = "*Declared by who runs the service.*"


def reference(clauses: Iterable[Clause]) -> str:
    """Return the page, in Markdown."""
    values = statement_values(Settings(issuer="https://sau.example"), packaged_profiles(), organization="ORGANIZATION")
    return _HEAD + "\n".join(_clause(clause, values) for clause in clauses)


def _clause(clause: Clause, values: dict[str, dict[str, str]]) -> str:
    parts = [f"{'#' * (clause.depth + 1)} {clause.number} {clause.title.en}\n"]
    if clause.text is not None:
        parts.append(filled(clause.text, values, "en") + "\n")
    if clause.operator:
        parts.append(_OPEN + "\n")
    if clause.tests:
        parts.append("Held by " + ", ".join(f"`{test}`" for test in clause.tests) + ".\n")
    return "\n".join(parts)
