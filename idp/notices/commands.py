"""``sau notices``: how the messages to people look, before anybody gets one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from idp.notices.catalogue import describe, find_message, list_messages, preview
from idp.notices.texts import LANGUAGES
from idp.services import IdpServices
from kernel.command_line import json_option, print_record, print_records


def notices_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``notices``."""

    @click.group()
    def notices() -> None:
        """Mails and short messages to people, with made-up values."""

    @notices.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List every message: its name, its channel, its languages, when it is sent."""
        records = [
            {
                "name": message.name,
                "channel": message.channel,
                "languages": message.languages,
                "when": describe(message, "en").when,
            }
            for message in list_messages()
        ]
        print_records(records, as_json=as_json)

    @notices.command("preview")
    @click.argument("name")
    @click.option("--channel", type=click.Choice(["mail", "sms"]), help="Where two messages have one name.")
    @click.option("--locale", type=click.Choice(LANGUAGES), default="es", show_default=True, help="Language.")
    @click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the HTML here.")
    @json_option
    def preview_(name: str, channel: str | None, locale: str, html_file: Path | None, as_json: bool) -> None:
        """Show the message NAME as a person gets it."""
        services, message = load(), find_message(name, channel)
        shown = preview(message, language=locale, issuer=services.settings.issuer, now=services.clock.now())
        if html_file is not None:
            if not shown.html:
                raise click.UsageError("A short message has no HTML form.")
            html_file.write_text(shown.html, "utf-8")
        if as_json:
            print_record(
                {"name": name, "language": shown.language, "subject": shown.subject, "text": shown.body}, as_json=True
            )
            return
        click.echo("\n\n".join(part for part in (shown.subject, shown.body.rstrip("\n")) if part))

    return notices
