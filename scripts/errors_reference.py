"""The dictionary of errors, made from the code: what is raised, with which status, in whose words."""

from __future__ import annotations

import ast
import gettext
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from admin.web.error_words import ERROR_TEXTS as CONSOLE
from ca.web.error_texts import ERROR_TEXTS as AUTHORITY
from idp.web.error_dictionary.oauth import MEANINGS, REDIRECT
from idp.web.institution_messages import INSTITUTION_TEXTS as INSTITUTIONS
from idp.web.messages import PAGE_TEXTS as PEOPLE
from idp.web.protocol import PROTOCOL_TEXTS as PROTOCOL
from web.error_texts import FAMILIES, OWN_TEXTS, STATUSES, ErrorText, Family, Text

ROOT = Path(__file__).resolve().parent.parent
#: Words of their own, by code, and the house whose catalog translates them.
REGISTERED: Mapping[str, tuple[str, ErrorText]] = {
    code: (house, text if isinstance(text, ErrorText) else ErrorText(happened=text))
    for house, texts in (
        ("web", OWN_TEXTS),
        ("idp", PROTOCOL),
        ("idp", PEOPLE),
        ("idp", INSTITUTIONS),
        ("ca", AUTHORITY),
        ("admin", CONSOLE),
    )
    for code, text in texts.items()
}
_HOUSES = ("kernel", "keys", "outgoing", "audit", "web", "idp", "ca", "admin", "operations")
_BY_NAME = {family.__name__: family for family in FAMILIES}
_CATALOGS = {
    house: ROOT / house / folder
    for house, folder in (
        ("web", "translations"),
        ("idp", "web/translations"),
        ("ca", "web/translations"),
        ("admin", "translations"),
    )
}
_COLUMNS = "what people read | what they are told to do"
# Raised with a sentence that is only known when it happens.
_MEANINGS = {
    "bad_ceremony_file": "The ceremony's file is not as it must be; the sentence names the line.",
    "bad_discovery": "The institution's description of its provider is not as it must be; the sentence says why.",
    "bad_jwks": "The registered keys are no valid key set; the sentence says why.",
    "cedula_length": "A cédula has ten digits; the sentence says how many there were.",
}
_HEAD = """\
# Errors

Made from the code by `make docs`; a test holds this page to it.

A page that refuses says what happened, what to do now, and a reference like `7K2M-94QX` to quote; the cause stands in
the log under it. A program that asks for JSON gets problem details (RFC 9457) with the same reference and one of these
codes as `code` and at the end of `type` (`urn:sau:error:CODE`). OAuth's own endpoints answer with OAuth's codes:
[relying-applications.md](relying-applications.md).

Each code has a page of its own, `/errors/CODE`, in Spanish and English, with an example; anybody may read it, and its
address stays. OAuth's answers carry no `error_uri` (RFC 6749 §5.2 leaves it open): the address follows from the code.

The status comes from the family of the error, and so do the words where a code has none of its own.

## Families

| family | status | what people read | what they are told to do |
|---|---|---|---|
"""


@dataclass
class Raised:
    """A code as the code raises it."""

    families: set[str] = field(default_factory=set)
    details: list[str] = field(default_factory=list)
    rooms: set[str] = field(default_factory=set)


def raised() -> dict[str, Raised]:
    """Return every code that the program raises by name."""
    found: dict[str, Raised] = {}
    for house in _HOUSES:
        for path in sorted((ROOT / house).rglob("*.py")):
            for code, family, detail in _calls(ast.parse(path.read_text("utf-8"))):
                entry = found.setdefault(code, Raised())
                entry.families.add(family)
                entry.rooms.add(".".join(path.relative_to(ROOT).parts[:2]).removesuffix(".py"))
                detail = detail or _MEANINGS.get(code, "")
                if detail and detail not in entry.details:
                    entry.details.append(detail)
    return found


def english(house: str, text: Text) -> str:
    """Return ``text`` in English, as the catalog of ``house`` has it; what it lacks comes back in Spanish."""
    return translated(house, "en", text)


def translated(house: str, language: str, text: Text) -> str:
    """Return ``text`` in ``language``; empty stays empty."""
    if not str(text):
        return ""
    return gettext.translation("messages", _CATALOGS[house], [language]).gettext(str(text))


def errors_page() -> str:
    """Return ``docs/errors.md``."""
    rows = [_family_row(name, FAMILIES[family]) for name, family in _BY_NAME.items()]
    page = _HEAD + "\n".join(rows) + "\n"
    page += (
        "\nStatuses that no family has:\n\n| status | what people read | what they are told to do |\n|---|---|---|\n"
    )
    known = {family.status for family in FAMILIES.values()}
    for status, text in sorted(STATUSES.items()):
        if status not in known:
            page += f"| {status} | {_said('web', text)} | {english('web', text.to_do)} |\n"
    codes = raised()
    page += "\n## Errors of OAuth and OpenID Connect\n\n| code | status | why | what to do |\n|---|---|---|---|\n"
    for code, meaning in MEANINGS.items():
        statuses = " / ".join(
            [*(["redirect"] if REDIRECT in meaning.places else []), *([str(meaning.status)] if meaning.status else [])]
        )
        page += f"| `{code}` | {statuses} | {english('idp', meaning.why)} | {english('idp', meaning.to_do)} |\n"
    page += f"\n## Codes with words of their own\n\n| code | status | {_COLUMNS} |\n|---|---|---|---|\n"
    for code, (house, text) in sorted(REGISTERED.items()):
        statuses = ", ".join(sorted({_status(each) for each in codes.get(code, Raised()).families})) or "–"
        page += f"| `{code}` | {statuses} | {_said(house, text)} | {english(house, text.to_do) or 'as the family'} |\n"
    page += "\n## All other codes\n\n| code | status | what it means | raised in |\n|---|---|---|---|\n"
    for code, entry in sorted(codes.items()):
        if code not in REGISTERED:
            statuses = ", ".join(sorted({_status(each) for each in entry.families}))
            meaning = " / ".join(entry.details[:3]) or "as the family"
            page += (
                f"| `{code}` | {statuses} | {meaning} | {', '.join(f'`{each}`' for each in sorted(entry.rooms))} |\n"
            )
    return page


def raised_file() -> str:
    """Return the same for the pages of the dictionary: one line a code, so that changes of two codes do not meet."""
    lines = [
        f"{json.dumps(code)}: {json.dumps({'families': sorted(entry.families), 'details': entry.details[:3]})}"
        for code, entry in sorted(raised().items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in _BY_NAME:
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        code = named.get("code")
        if isinstance(code, ast.Constant) and isinstance(code.value, str):
            words = _words(node.args[0] if node.args else None)
            yield code.value, node.func.id, words.replace("|", "\\|")


def _words(detail: ast.expr | None) -> str:
    if isinstance(detail, ast.Constant) and isinstance(detail.value, str):
        return detail.value
    if isinstance(detail, ast.JoinedStr):
        return "".join(_words(part) if isinstance(part, ast.Constant) else "…" for part in detail.values)
    return ""


def _status(family: str) -> str:
    return str(FAMILIES[_BY_NAME[family]].status)


def _family_row(name: str, family: Family) -> str:
    return f"| {name} | {family.status} | {_said('web', family.text)} | {english('web', family.text.to_do)} |"


def _said(house: str, text: ErrorText) -> str:
    title, happened = english(house, text.title), english(house, text.happened)
    return ". ".join(part for part in ((f"**{title}**" if title else ""), happened) if part)
