"""The whole tree of commands: ``--json``, ``--dry-run``, and parity with what the console and its API do."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from flask import Flask

import sau
from admin.api.operations import OPERATIONS
from admin.web.gate import declaration_of
from audit.declared.commands import COMMANDS
from composition import Composition
from operations.manual import leaves
from wsgi import create_app

#: Commands that print no data of the service, or in a form of its own.
_NO_JSON = {
    "ca practices example": "a file to fill in",
    "completion": "a program for a shell",
    "man": "a manual page",
    "serve": "runs until it is stopped, and logs",
    "witness serve": "the same",
    "worker": "the same",
}
#: Commands that write events and need no rehearsal, by the reason.
_NO_DRY_RUN = {
    "changes one thing that it names, and a sister command undoes it": (
        *("client disable", "client enable", "client key add", "client key remove"),
        *("directory disable", "directory enable", "directory map", "institution change", "institution contact"),
        *("institution networks", "institution people change", "provider disable", "provider enable", "provider map"),
        *("role delegate", "role grant", "role undelegate", "role withdraw", "user disable", "user enable"),
        *("role service grant", "role service withdraw"),
        *("user link", "user verify", "ca profile move"),
    ),
    "adds one thing, and refuses what is wrong with it": (
        *("client add", "client token issue", "client rotate-secret", "desk add", "institution add", "user add"),
        *("ca request", "ca issue", "cmp init", "tsa init", "ca log certify"),
    ),
    "decides or ends one thing that is shown before": (
        *("acme account close", "acme credential revoke", "ca approve", "ca refuse", "ca batch approve"),
        *("ca batch refuse", "ca handover cancel", "ca release", "client token revoke", "cmp credential revoke"),
        *("est credential revoke", "role approve", "role refuse"),
    ),
    "makes what is missing, and nothing the second time": ("db upgrade", "init", "ca publish", "ca lists"),
    "writes a file, or reads what is there": (
        *("audit export", "audit search", "backup", "ca batch export", "ca handover prepare"),
    ),
    "has a check of its own before it changes anything": ("audit archive", "ca reshare", "restore"),
    "is planned an hour ahead, so that it can be seen coming": ("keys rotate",),
    "runs until it is stopped": ("serve", "worker"),
}
_FILES = "(a file for a program that asks over HTTP; in a shell: sau ca show, sau ca chain)"
_AT_DESKS = "(people's own matters: whoever reads them is logged in, and on record)"
_COUNTED = "(a picture of counts; in a shell: the metrics, sau audit search)"
#: What the API reads, and what it changes without a form of the console, each with its command, or why it has none.
#: What it changes as a form does has that form's command.
_OF_API = {
    "list_institutions": "institution list",
    "show_institution": "institution show",
    "add_institution": "institution add",
    "change_institution": "institution change",
    "list_role_holdings": "role list",
    "list_applications": "client list",
    "show_application": "client show",
    "list_application_errors": "client errors",
    "list_application_usage": "client usage",
    "list_deliveries": "delivery list",
    "repeat_delivery": "delivery repeat",
    "list_certificates": "ca list",
    "show_certificate": "ca show",
    "list_requests": "ca pending",
    "show_request": "ca pending",
    "list_authorities": "ca list",
    "list_batches": "ca batch list",
    "show_batch": "ca batch show",
    "list_mass_revocations": "ca revoke-many",
    "list_events": "audit search",
    "show_event": "audit search",
    "prove_event": "audit prove",
    "show_integrity": "audit status",
    "deliver_certificate": _FILES,
    "fetch_batch_result": "ca batch export",
    "list_batch_rows": "ca batch show",
    "list_declarations": "role catalog",
    "list_delegations": "role delegations",
    "list_directories": "directory list",
    "list_directory_groups": "directory show",
    "list_handovers": "ca handover list",
    "list_identity_checks": _AT_DESKS,
    "list_people_of_institution": "institution people list",
    "list_profiles": "ca profile list",
    "list_provider_groups": "provider show",
    "list_providers": "provider list",
    "list_recoveries": _AT_DESKS,
    "list_rectifications": _AT_DESKS,
    "list_reports": _AT_DESKS,
    "list_rights": "role holders",
    "list_rights_of_person": "role holders",
    "list_service_roles": "role service list",
    "preview_revocation": "ca revoke",
    "show_assignment": "role holders",
    "show_declaration": "role catalog",
    "show_delegation": "role delegations",
    "show_directory": "directory show",
    "show_directory_settings": "directory show",
    "show_figures": _COUNTED,
    "show_handover": "ca handover show",
    "show_home": "waiting",
    "show_mass_revocation": "ca revoke-many",
    "show_person": "user show",
    "show_provider": "provider show",
    "show_provider_settings": "provider show",
    "show_rectification": _AT_DESKS,
    "show_report": _AT_DESKS,
    "show_role_holding": "role list",
    "show_service_role": "role service list",
}
#: What the console does by a form, each with its command, or (in parentheses) why it has none.
_IN_PERSON = "(somebody stands before an officer, whose own login and second look are the proof)"
_TWO_PEOPLE = "(two logins are the proof; what a file says by itself: sau config apply)"
_SEEN_THERE = "(shows something on a page, and changes nothing)"
_OF_CONSOLE = {
    "admin_applications.ask_for_go_live": _TWO_PEOPLE,
    "admin_applications.ask_for_go_live_anew": _TWO_PEOPLE,
    "admin_applications.change": "client update",
    "admin_applications.decide": _TWO_PEOPLE,
    "admin_applications.decide_on_change": _TWO_PEOPLE,
    "admin_applications.make_person": "(test citizens belong to the developers who log in as them)",
    "admin_applications.propose_anew": _TWO_PEOPLE,
    "admin_applications.register": "client add",
    "admin_applications.undo": "client update",
    "admin_applications.withdraw_from_go_live": _TWO_PEOPLE,
    "admin_applications.withdraw_proposal": _TWO_PEOPLE,
    "admin_audit.check": "audit verify",
    "admin_audit.find_person_events": "audit search",
    "admin_audit.reveal": "audit search",
    "admin_batches.decide": "ca batch approve",
    "admin_batches.submit": "ca bulk",
    "admin_certificates.revoke": "ca revoke",
    "admin_deliveries.repeat": "delivery repeat",
    "admin_desk.reveal": _IN_PERSON,
    "admin_desk.search": _IN_PERSON,
    "admin_directories.add": "directory add",
    "admin_directories.change": "directory change",
    "admin_directories.examine": "directory test",
    "admin_directories.map_role": "directory map",
    "admin_directories.set_active": "directory disable",
    "admin_holds.hold": "ca hold",
    "admin_holds.release": "ca release",
    "admin_identity.decide": _IN_PERSON,
    "admin_identity.verify": _IN_PERSON,
    "admin_institutions.add": "institution add",
    "admin_institutions.change": "institution change",
    "admin_institutions.set_active": "institution change",
    "admin_mass_revocations.decide": "ca revoke-many",
    "admin_mass_revocations.propose": "ca revoke-many",
    "admin_providers.add": "provider add",
    "admin_providers.change": "provider change",
    "admin_providers.examine": "provider show",
    "admin_providers.map_role": "provider map",
    "admin_providers.set_active": "provider disable",
    "admin_recoveries.agree": _IN_PERSON,
    "admin_recoveries.open_": _IN_PERSON,
    "admin_recoveries.stop": _IN_PERSON,
    "admin_rectifications.decide": "(an answer to a person, in the words of who decides)",
    "admin_reports.close": "(the same)",
    "admin_reports.look": "(the same)",
    "admin_requests.decide": "ca approve",
    "admin_requests.rebuild": "ca request",
    "admin_requests.submit": "ca request",
    "admin_requests.withdraw": "ca refuse",
    "admin_rights.add_person": "institution people add",
    "admin_rights.assign": "role assign",
    "admin_rights.decide": "role approve",
    "admin_rights.declare": "role declare",
    "admin_rights.delegate_role": "role delegate",
    "admin_rights.leave": "institution people leave",
    "admin_rights.review_declaration": "role declare",
    "admin_rights.withdraw_delegated": "role undelegate",
    "admin_roles.grant": "role grant",
    "admin_roles.search": "user show",
    "admin_roles.withdraw": "role withdraw",
    "admin_service_roles.grant": "role service grant",
    "admin_service_roles.withdraw": "role service withdraw",
    "admin_session.stay": "(a session of a browser)",
    "admin_saved_searches.open_about": "(a note of an auditor, on the page where he searches)",
    "admin_saved_searches.remove": "(the same)",
    "admin_saved_searches.save": "(the same)",
}
#: Forms of which a whole room has its command, so that a new one there needs no line here.
_ROOMS = {
    "admin_applications": "client update",
    "admin_ceremonies": _SEEN_THERE,
    "admin_credentials": "acme credential add",
    "admin_developer": _SEEN_THERE,
    "admin_handovers": "ca handover prepare",
}


def _tree() -> Iterator[tuple[str, click.Command]]:
    for path, command in leaves(sau.every_command(), ()):
        yield " ".join(path), command


def _has(command: click.Command, option: str) -> bool:
    return any(option in each.opts for each in command.params)


def test_every_command_that_prints_data_has_json() -> None:
    """Programs read what people read; the few others are named with the reason."""
    without = {name for name, command in _tree() if not _has(command, "--json")}
    assert without == set(_NO_JSON)


def test_what_changes_much_can_be_rehearsed() -> None:
    """Every command that writes an event has ``--dry-run``, or its reason; no reason is left over."""
    excused = {name for names in _NO_DRY_RUN.values() for name in names}
    writing = {name for name, command in _tree() if name in COMMANDS and not _has(command, "--dry-run")}
    assert sorted(writing - excused) == [], "give it --dry-run, or say why not"
    assert sorted(excused - writing) == [], "no such command, or it has --dry-run"


def test_every_operation_of_the_api_has_its_command() -> None:
    """What programs do over HTTP, an operator does in a shell when nothing answers any more; or it says why not."""
    by_form = {
        each.name
        for each in OPERATIONS
        if any(page in _OF_CONSOLE or page.partition(".")[0] in _ROOMS for page in each.pages)
    }
    names = {each.name for each in OPERATIONS}
    assert sorted(names - by_form - set(_OF_API)) == [], "name its command here, or why it has none"
    told = {each for each in _OF_API.values() if not each.startswith("(")}
    assert sorted(told - {name for name, _ in _tree()}) == [], "no such command"
    assert sorted(set(_OF_API) - names) == [], "no such operation"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_form_of_the_console_has_its_command(composition: Composition) -> None:
    """Or a reason why it is done by somebody who is logged in."""
    app: Flask = create_app(composition)
    forms = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin_")
        and "POST" in (rule.methods or ())
        and declaration_of(app.view_functions[rule.endpoint]) is not None
    }
    missing = {each for each in forms - set(_OF_CONSOLE) if each.partition(".")[0] not in _ROOMS}
    assert sorted(missing) == [], "name its command here, or why it has none"
    assert sorted(set(_OF_CONSOLE) - forms) == [], "no such form"
    names = dict(_tree())
    told = [each for each in (*_OF_CONSOLE.values(), *_ROOMS.values()) if not each.startswith("(")]
    assert sorted(set(told) - set(names)) == [], "no such command"
