"""``docs/apis.md``: what the descriptions of the APIs (OpenAPI 3.1) say, for reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from admin.api.description import describe_api
from admin.api.operations import OPERATIONS, PREFIX
from ca.api.description import api_description

_HEAD = """\
# APIs

Made from the APIs' own descriptions (OpenAPI 3.1) by `make docs`; a test holds this page to them. Programs read the
description itself: each API gives its own at `openapi.json`. Problems are answered as `application/problem+json` (RFC
9457), with the codes of [errors](errors.md).
"""
_ISSUER = "https://sau.example"
_VERBS = ("get", "post", "put", "patch", "delete")


def apis_page() -> str:
    """Return the page: one chapter an API, one section an operation, then the forms of what is sent."""
    return _HEAD + "".join(_api(described) for described in _described())


def _described() -> tuple[dict[str, Any], ...]:
    return api_description(_ISSUER), describe_api(OPERATIONS, issuer=_ISSUER, prefix=PREFIX)


def _api(described: dict[str, Any]) -> str:
    prefix = described["servers"][0]["url"].removeprefix(_ISSUER)
    page = f"\n## {described['info']['title']}: `{prefix}`\n"
    if text := described["info"].get("description"):
        page += f"\n{text}\n"
    for path, item in described["paths"].items():
        for verb in _VERBS:
            if verb in item:
                page += _operation(f"{verb.upper()} {prefix}{path}", item[verb], item.get("parameters", []), described)
    forms = described.get("components", {}).get("schemas", {})
    return page + "".join(_form(name, form) for name, form in sorted(forms.items()))


def _operation(title: str, said: dict[str, Any], shared: list[dict[str, Any]], described: dict[str, Any]) -> str:
    text = f"\n### `{title}`\n\n{said.get('summary', '')}"
    scopes = [scope for way in said.get("security", ()) for scopes in way.values() for scope in scopes]
    text += f" Scope: {', '.join(f'`{scope}`' for scope in scopes)}.\n" if scopes else "\n"
    if told := said.get("description"):
        text += f"\n{told}\n"
    parameters = [_resolved(each, described) for each in (*shared, *said.get("parameters", ()))]
    rows = [
        f"| `{each['name']}` | {each['in']} | {_type(each.get('schema', {}))} | {each.get('description', '')} |"
        for each in parameters
    ]
    if rows:
        text += "\n| parameter | in | form | what |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    for content in _resolved(said.get("requestBody", {}), described).get("content", {}).items():
        text += f"\nSent, `{content[0]}`: {_type(content[1].get('schema', {}))}\n"
        text += _members(content[1].get("schema", {}))
    answers = [
        f"| {status} | {_answer(_resolved(answer, described))} |" for status, answer in said["responses"].items()
    ]
    return text + "\n| answer | |\n|---|---|\n" + "\n".join(answers) + "\n"


def _answer(answer: dict[str, Any]) -> str:
    forms = [f"`{kind}` {_type(each.get('schema', {}))}".rstrip() for kind, each in answer.get("content", {}).items()]
    return "; ".join([answer.get("description", "").rstrip("."), *forms]).replace("|", "\\|").replace("\n", " ")


def _form(name: str, form: dict[str, Any]) -> str:
    described = f"{form['description']}\n" if form.get("description") else ""
    return f"\n### {name}\n\n{described}{_members(form) or _type(form) + chr(10)}"


def _members(form: dict[str, Any]) -> str:
    rows = list(_rows(form))
    return "\n| member | form | what |\n|---|---|---|\n" + "\n".join(rows) + "\n" if rows else ""


def _rows(form: dict[str, Any]) -> Iterator[str]:
    needed = form.get("required", ())
    for name, member in form.get("properties", {}).items():
        what = " ".join(filter(None, ["Needed." if name in needed else "", member.get("description", "")]))
        yield f"| `{name}` | {_type(member)} | {what.replace('|', chr(92) + '|')} |"


def _type(form: dict[str, Any]) -> str:
    if "$ref" in form:
        name = form["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in form:
        return ", ".join(f"`{value}`" for value in form["enum"])
    for word in ("oneOf", "anyOf", "allOf"):
        if word in form:
            return " or ".join(filter(None, map(_type, form[word])))
    kind = form.get("type", "")
    if kind == "array":
        return f"list of {_type(form.get('items', {}))}"
    words = "/".join(kind) if isinstance(kind, list) else kind
    return f"{words} ({form['format']})" if "format" in form else words


def _resolved(part: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference stands for; anything else as it is."""
    if "$ref" not in part:
        return part
    found: Any = described
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found if isinstance(found, dict) else {}
