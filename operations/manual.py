"""The manual page of the program, made from its commands: one page with every command, in the form of man(7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import click

_EXIT = (("0", "Done."), ("1", "Refused or failed; standard error says why, with a code."), ("2", "Wrong usage."))
_SEE = "docs/commands.md, docs/settings.md and docs/operations.md of the program; the same help stands behind --help."


def manual_page(program: click.Group, *, name: str, version: str, day: date) -> str:
    """Return the page as roff source.

    :param day: what stands at the foot of the page.
    """
    lines = [f'.TH {name.upper()} 1 "{day.isoformat()}" "{name} {version}" "User Commands"', ".SH NAME"]
    lines += [
        f"{name} \\- {_plain(_first(program.help).removeprefix(f'{name.upper()}: ')).rstrip('.')}",
        ".SH SYNOPSIS",
        f".B {name}",
    ]
    lines += [r"\fICOMMAND\fR [\fIARGUMENT\fR]... [\fIOPTION\fR]...", ".SH DESCRIPTION", *_text(program.help)]
    lines += [".PP", "Every command that prints data has", ".BR \\-\\-json ;", "every one has", ".BR \\-\\-help ."]
    lines.append(".SH COMMANDS")
    for path, command in leaves(program, (name,)):
        lines += _command(path, command)
    lines += [".SH EXIT STATUS"]
    for status, meaning in _EXIT:
        lines += [".TP", f".B {status}", _plain(meaning)]
    lines += [".SH ENVIRONMENT", "Settings are variables that begin with", ".BR SAU_ ;", ".B SAU_CONFIG"]
    lines += ["names a file with more of them.", "Colours are left out where", ".B NO_COLOR", "is set."]
    lines += [".SH SEE ALSO", _plain(_SEE)]
    return "\n".join(lines) + "\n"


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield path and command of everything under ``command`` that can be run."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, child in sorted(command.commands.items()):
        if not child.hidden:
            yield from leaves(child, (*path, name))


def _command(path: tuple[str, ...], command: click.Command) -> list[str]:
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    called = [rf"\fB{_plain(' '.join(path))}\fR"]
    for argument in arguments:
        shown = _plain(argument.make_metavar(click.Context(command)).strip("[]"))
        called.append(rf"\fI{shown}\fR" if argument.required else rf"[\fI{shown}\fR]")
    if options:
        called.append(r"[\fIOPTION\fR]...")
    lines = [f'.SS "{_plain(" ".join(path[1:]))}"', " ".join(called), ".PP", *_text(command.help)]
    for option in options:
        names = ", ".join(rf"\fB{_plain(each)}\fR" for each in (*option.opts, *option.secondary_opts))
        value = "" if option.is_flag else rf" \fI{_plain(option.make_metavar(click.Context(command)))}\fR"
        more = "".join(
            (
                " May be repeated." if option.multiple and "epeat" not in (option.help or "") else "",
                " Required." if option.required else "",
            )
        )
        lines += [".TP", f"{names}{value}", _plain(f"{option.help or 'See the description.'}{more}")]
    return lines


def _text(text: str | None) -> list[str]:
    """Return help as roff: paragraphs apart; a paragraph that click keeps as it is written (``\\b``) stays so."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", (text or "").replace("\f", "").strip()):
        rows = [row.strip() for row in paragraph.splitlines()]
        if lines:
            lines.append(".PP")
        if rows and rows[0] == "\b":
            lines += [".nf", *map(_plain, rows[1:]), ".fi"]
        else:
            lines.append(_plain(" ".join(rows)))
    return lines


def _first(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _plain(text: str) -> str:
    """Return text that roff takes as it is."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    escaped = escaped.replace("`", r"\(ga").replace("…", "...").replace("’", "'")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
