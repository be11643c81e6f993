"""What the console does, its API does: each page and each form names the operation, or stands here with a reason."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from admin.api.operations import OPERATIONS
from admin.web.gate import declaration_of
from composition import Composition
from wsgi import create_app

#: Pages that have no operation, by endpoint, or by its blueprint where all of it is so.
EXCEPTIONS: Mapping[str, str] = {
    "admin_session": "a session of a browser; programs have tokens",
    "admin_developer": "explains to a person what he pastes or is about to write",
    "admin_saved_searches": "a person's own bookmarks of pages",
    "admin_notices": "shows a person what letters look like",
    "admin_applications.check_contact": "whoever reads the mail types its code",
    "admin_applications.fetch_keys": "tries an address before it is proposed",
    "admin_ceremonies": "minutes that people read and compare with paper: sau ca ceremony",
    "admin_profiles": "explains to a person what each version of a profile changed; /profiles has what a program needs",
    "admin_roles.show_person": "/roles lists what everybody holds",
    "admin_figures.ages_csv": "a plot's table; /requests says when each was asked",
    "admin_figures.levels_csv": "/figures has them",
    "admin_figures.keys_csv": "a plot's table of what /certificates lists",
    "admin_figures.service": "a plot's table; programs read /metrics",
    "admin_anomalies": "plots of what /events counts by filters",
    "admin_figures.certificates": "a plot of what /certificates lists",
    "admin_identity.verify": "an officer says that he saw the person before him",
    "admin_identity.decide": "a second officer says that he saw the person, too",
    "admin_recoveries.open_": "an officer says that he saw the person before him, and prints a sheet",
    "admin_recoveries.agree": "a second officer says that he saw the person, too",
    "admin_audit.reveal": "personal data of the evidence are read by a person who says why",
    "admin_audit.find_person_events": "likewise",
    "admin_audit.check": "anybody checks the log without asking us: sau audit verify, /audit/log",
    "admin_audit.export": "files for people; programs read /events and proofs",
    "admin_audit.bundle": "likewise",
    "admin_audit.event_bundle": "likewise",
    "admin_directories.examine": "looked at in the background; /directories says how it is",
    "admin_providers.examine": "looked at in the background; /providers says how it is",
}
#: Forms, and questions before an act: a program sends the act.
_ASKING = frozenset(
    {
        "ask_active", "ask_cancelling", "ask_closing", "ask_leaving", "ask_unmapping", "ask_withdrawing",
        "change_declaration", "choose", "choose_profile", "confirm_withdrawal", "new",
    }
)  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_page_has_its_operation_or_a_reason(composition: Composition) -> None:
    """From the routes as they are: a new page fails here until it has an operation, or says why it has none."""
    app = create_app(composition)
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin_")
        and rule.endpoint.partition(".")[0] != "admin_api"
        and declaration_of(app.view_functions[rule.endpoint]) is not None
    }
    done = {page for each in OPERATIONS for page in each.pages}
    excused = {page for page in pages if page in EXCEPTIONS or page.partition(".")[0] in EXCEPTIONS}
    asking = {page for page in pages - done if page.endswith("_form") or page.rpartition(".")[2] in _ASKING}
    assert " ".join(sorted(pages - done - excused - asking)) == "", (
        "give it an operation in admin/api, or a reason here"
    )
    assert sorted(done - pages) == [], "no such page"
    used = {page if page in EXCEPTIONS else page.partition(".")[0] for page in excused}
    assert sorted(set(EXCEPTIONS) - used) == [], "an exception of nothing"
    assert sorted(done & set(EXCEPTIONS)) == [], "it has an operation by now"
    unsafe = {rule.endpoint for rule in app.url_map.iter_rules() if {"POST", "PUT", "DELETE"} & set(rule.methods or ())}
    assert sorted(asking & unsafe) == [], "a question changes nothing"


def test_an_operation_asks_for_what_its_page_asks_for(composition: Composition) -> None:
    """The permission, and for an act the fresh login: no way round a page's door."""
    app = create_app(composition)
    for each in OPERATIONS:
        for page in each.pages:
            declared = declaration_of(app.view_functions[page])
            assert declared is not None
            assert declared.permission is each.permission, each.name
            if each.changes and declared.fresh:
                preview = each.name.startswith("preview_")
                assert each.fresh or preview, f"{each.name}: {page} wants a fresh login"
