"""The reference pages that are made from the code: settings, commands, events, errors, APIs, metrics, permissions.

usage: .venv/bin/python scripts/reference.py      (`make docs`; a test holds the pages to it)
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import sau  # noqa: E402
from audit import vocabulary_reference  # noqa: E402
from ca.practices.reference import reference as practices_reference  # noqa: E402
from ca.practices.statement import packaged_statement  # noqa: E402
from ca.profiles.reference import reference as profiles_reference  # noqa: E402
from ca.profiles.registry import packaged_profiles  # noqa: E402
from idp.clients.policy_words import policies_table  # noqa: E402
from idp.web.error_dictionary.entries import RAISED_FILE  # noqa: E402
from kernel.settings import Settings  # noqa: E402
from operations.manual import leaves  # noqa: E402
from scripts.api_reference import apis_page  # noqa: E402
from scripts.errors_reference import errors_page, raised_file  # noqa: E402
from scripts.metrics_reference import metrics_page  # noqa: E402
from scripts.permissions_reference import permissions_page  # noqa: E402

_SETTINGS_HEAD = """\
# Settings

Made from `kernel/settings.py` by `make docs`; a test holds this page to it.

A setting is an environment variable, or a line `SAU_KEY=value` of the file that `SAU_CONFIG` names; the environment
wins. An unknown key or a wrong value stops the program and is named. `sau config check` shows where each stands, but
no secret.

| variable | default | what |
|---|---|---|
| `SAU_CONFIG` | none | File of further settings, one `SAU_KEY=value` a line; `#` begins a comment line. |
"""

_POLICIES_HEAD = """\
# Policies of applications

Made from `idp/clients/policy.py` by `make docs`; a test holds this page to it.

A policy is a named set of rules. An administrator picks one when an application is registered
(`sau client add --policy NAME`) or lets applications register themselves under it (`sau client token issue --policy
NAME`); `sau client policy show NAME` prints what stands here. Without a choice the one that fits what is registered is
taken: `public` for an application without a secret, `service` for one without people, else `web`.
"""

_COMMANDS_HEAD = """\
# Commands

Made from the program itself by `make docs`; a test holds this page to it. `sau … --help` says the same.

From the project's folder the program is `.venv/bin/sau`. It reads its [settings](settings.md) from the environment.
With `--json` a command prints one JSON value, made for programs. Exit status: 0 done, 1 refused or failed (one line on
standard error, with the error's code in brackets), 2 wrong usage. `sau doctor` and `sau audit` have meanings of their
own, told there.
"""


def settings_page() -> str:
    """Return ``docs/settings.md``: one row a field of :class:`Settings`."""
    rows = [
        f"| `SAU_{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _SETTINGS_HEAD + "\n".join(rows) + "\n"


def policies_page() -> str:
    """Return ``docs/client-policies.md``: one chapter a policy."""
    return _POLICIES_HEAD + "\n" + policies_table()


def commands_page() -> str:
    """Return ``docs/commands.md``: one section a command, one chapter a group."""
    groups: dict[str, list[str]] = {}
    alone = []
    for path, command in leaves(sau.every_command(), ("sau",)):
        section = _section(path, command)
        if len(path) == 2:
            alone.append(section)
        else:
            groups.setdefault(path[1], []).append(section)
    page = _COMMANDS_HEAD + "\n## The service\n\n" + "\n".join(alone)
    for name, sections in sorted(groups.items()):
        group = sau.every_command().commands[name]
        page += f"\n## `sau {name}`\n\n{_paragraphs(group.help)}\n\n" + "\n".join(sections)
    return page


def pages() -> dict[Path, str]:
    """Return every page that is made, by its place."""
    return {
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / "docs" / "commands.md": commands_page(),
        ROOT / "docs" / "client-policies.md": policies_page(),
        ROOT / "docs" / "profiles.md": profiles_reference(packaged_profiles().list()),
        ROOT / "docs" / "practice-statement.md": practices_reference(packaged_statement()),
        ROOT / "docs" / "errors.md": errors_page(),
        RAISED_FILE: raised_file(),
        ROOT / "docs" / "apis.md": apis_page(),
        ROOT / "docs" / "metrics.md": metrics_page(),
        ROOT / "docs" / "permissions.md": permissions_page(),
        ROOT / "docs" / "events.md": vocabulary_reference.reference(),
    }


def _default(value: Any) -> str:
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _section(path: tuple[str, ...], command: click.Command) -> str:
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    usage = [" ".join(path)]
    usage += [f"{'/'.join(each.opts)} {_metavar(each)}".rstrip() for each in options if each.required]
    usage += ["[options]"] if any(not each.required and each.name != "as_json" for each in options) else []
    usage += [each.make_metavar(click.Context(command)) for each in arguments]
    usage += ["[--json]"] if any(each.name == "as_json" for each in options) else []
    text = f"### {' '.join(path)}\n\n```\n{' '.join(usage)}\n```\n\n{_paragraphs(command.help)}\n"
    rows = [_row(each) for each in options if each.name != "as_json"]
    return text + ("\n| option | what |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else "")


def _row(option: click.Option) -> str:
    values = "" if option.is_flag else f" {_metavar(option)}".replace("|", "\\|")
    notes = [option.help or ""]
    if option.multiple and "repeat" not in notes[0]:
        notes.append("May be repeated.")
    if isinstance(option.default, (str, int)) and not option.is_flag and str(option.default) not in notes[0]:
        notes.append(f"Default: {option.default}.")
    return f"| `{', '.join((*option.opts, *option.secondary_opts))}{values}` | {' '.join(filter(None, notes))} |"


def _metavar(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.DateTime):
        return "MOMENT"
    if isinstance(option.type, click.IntRange) and option.metavar is None:
        return f"{option.type.min}-{option.type.max}" if option.type.max else "NUMBER"
    return option.make_metavar(click.Context(click.Command("sau"))).strip("[]")


def _paragraphs(text: str | None) -> str:
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc((text or "").partition("\f")[0]))
    shown = []
    for paragraph in paragraphs:
        if paragraph.startswith("\b"):
            shown.append("```\n" + inspect.cleandoc(paragraph.removeprefix("\b").strip("\n")) + "\n```")
        else:
            shown.append(" ".join(paragraph.split()))
    return "\n\n".join(shown)


if __name__ == "__main__":
    for place, page in pages().items():
        place.write_text(page, "utf-8")
