"""`sau config`: the settings; what stands in the register as a file, to be kept, compared and applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from admin.as_code.apply import apply_configuration
from admin.as_code.configuration import read_configuration
from admin.as_code.difference import ADDED, CHANGED, REMOVED
from admin.as_code.document import configuration_digest, configuration_text, export_configuration
from composition import Composition
from kernel.command_line import counted, json_option, may_be_coloured, print_record, print_records
from kernel.settings import Settings, load_settings

Load = Callable[[], Composition]
_COLOURS: Mapping[str, str] = {ADDED: "green", REMOVED: "red", CHANGED: "yellow"}


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@json_option
@click.pass_obj
def export(load: Load, file: Path | None, as_json: bool) -> None:
    """Write institutions, applications, declared roles, roles of the console, directories and providers, as YAML.

    Into FILE, else to the terminal. No secret is in it: where there is one, it says 'kept'.
    """
    composition = load()
    with composition.database.reading() as session:
        document = export_configuration(session, now=composition.clock.now())
    digest = configuration_digest(document)
    if file is not None:
        try:
            file.write_text(configuration_text(document), "utf-8")
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
        print_record({"file": str(file), "digest": digest}, as_json=as_json)
    elif as_json:
        print_record({"digest": digest, "configuration": document}, as_json=True)
    else:
        click.echo(configuration_text(document), nl=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--prune", is_flag=True, help="Close what stands and is not in its section of FILE. Nothing is deleted.")
@click.option("--expect", metavar="DIGEST", help="Do nothing unless what stands has this digest (see config export).")
@click.option("--approved-by", metavar="ACCOUNT", help="Who agrees to what goes from the sandbox to production.")
@json_option
@click.pass_obj
def apply(
    load: Load, file: Path, dry_run: bool, prune: bool, expect: str | None, approved_by: str | None, as_json: bool
) -> None:
    """Make what stands what FILE says: all of it or nothing. A second time changes nothing.

    What FILE does not name stays as it is. Each field that changes is shown: + new, - gone, ~ other.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} cannot be read as text.") from error
    configuration = read_configuration(text, folder=file.parent)
    applied = apply_configuration(
        load().admin, configuration, dry_run=dry_run, prune=prune, expect=expect, approved_by=approved_by
    )
    if as_json:
        changes = [each.as_record() for each in applied.changes]
        digests = {"before": applied.before, "after": applied.after}
        print_record({"changed": bool(changes), "dry_run": dry_run, **digests, "changes": changes}, as_json=True)
        return
    colours = may_be_coloured()
    for each in applied.changes:
        click.secho(each.as_text(), fg=_COLOURS[each.mark] if colours else None)
    told = counted(len(applied.changes), "change", "changes") if applied.changes else "Nothing changes"
    click.echo(f"{told}{' (a dry run: none was made)' if dry_run and applied.changes else ''}.")


@click.group()
def config() -> None:
    """The service's settings, and what stands in its register as a file."""


@config.command()
@json_option
def check(as_json: bool) -> None:
    """Check every setting and show where each stands. Secrets are not shown."""
    settings = load_settings()
    rows = [
        {"setting": f"SAU_{name.upper()}", "value": _shown(settings, name), "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]
    print_records(rows, as_json=as_json)


def _shown(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if name in ("database_url", "redis_url", "smtp_url", "sms_url") and "@" in str(value):
        scheme, _, rest = str(value).partition("://")
        return f"{scheme}://…@{rest.rpartition('@')[2]}"
    return ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


config.add_command(export)
config.add_command(apply)


def commands(_load: Load) -> list[click.Command]:
    """Return the command, with all that it has."""
    return [config]
