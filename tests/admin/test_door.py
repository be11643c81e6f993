"""The door of the console: role × route × verb, made from the route map (attacks, "Console" 12)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from admin.permissions import PERMISSIONS, Role
from admin.web.gate import declaration_of
from idp.accounts.life import disable_person, erase_person
from idp.authentication.browser_session import end_sessions_of, reauthenticate
from idp.authentication.password_reset import replace_password

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Every rule under /admin with its verbs: (endpoint, verb, path with ids filled in)."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin_api."):
            continue  # a door of its own: tests/admin/api
        if rule.rule == "/admin" or rule.rule.startswith("/admin/"):
            with app.test_request_context():
                values = {name: _filling(rule, name) for name in rule.arguments}
                path = app.url_map.bind("localhost:8000").build(rule.endpoint, values)
            for verb in sorted(rule.methods or ()):
                if verb in VERBS:
                    yield rule.endpoint, verb, path


def _filling(rule: Rule, name: str) -> str:
    """An id of nobody, or the first of the words that the place takes."""
    words = getattr(rule._converters[name], "items", None)
    return sorted(words)[0] if words else "0" * 26


def test_every_view_under_admin_declares_what_it_needs(app) -> None:
    """A view without a declaration is closed; none of ours is."""
    undeclared = [endpoint for endpoint, _, _ in _routes(app) if declaration_of(app.view_functions[endpoint]) is None]
    assert undeclared == []


def test_only_the_login_itself_is_open_to_anyone(app) -> None:
    """Everything else needs a role."""
    open_to_all = {
        endpoint for endpoint, _, _ in _routes(app) if declaration_of(app.view_functions[endpoint]).permission is None
    }
    assert open_to_all == {"admin_session.callback", "admin_session.leave"}


# What is decided on the page of what is decided about: the page that has its button, and names what follows.
_DECIDED_THERE = {
    "admin_applications.ask_for_go_live_anew": "admin_applications.show_go_live",
    "admin_applications.decide": "admin_applications.show_go_live",
    "admin_applications.withdraw_from_go_live": "admin_applications.show_go_live",
    "admin_applications.decide_on_change": "admin_applications.show_change",
    "admin_applications.propose_anew": "admin_applications.show_change",
    "admin_applications.withdraw_proposal": "admin_applications.show_change",
    "admin_applications.make_secret": "admin_applications.show_keys",
    "admin_applications.make_certificate": "admin_applications.show_keys",
    "admin_applications.set_keys": "admin_applications.show_keys",
    "admin_applications.withdraw_one_secret": "admin_applications.show_keys",
    "admin_identity.decide": "admin_identity.waiting",
}


def test_what_is_dangerous_has_a_page_that_says_what_follows(app) -> None:
    """No button does such a thing from a list: its address answers to GET with the page that asks, or one is named."""
    views = app.view_functions
    fresh = [rule for rule in app.url_map.iter_rules() if getattr(declaration_of(views[rule.endpoint]), "fresh", False)]
    asked = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    blind = {rule.endpoint for rule in fresh if "POST" in (rule.methods or ()) and rule.rule not in asked}
    assert blind == set(_DECIDED_THERE)
    assert set(_DECIDED_THERE.values()) <= set(views)


def test_what_signs_or_takes_rights_needs_a_fresh_login(app) -> None:
    """Approving, revoking, granting and withdrawing: never on a login of this morning."""
    fresh = {endpoint for endpoint, _, _ in _routes(app) if declaration_of(app.view_functions[endpoint]).fresh}
    assert fresh == {
        "admin_applications.ask_for_go_live",
        "admin_applications.ask_for_go_live_anew",
        "admin_applications.change",
        "admin_applications.change_form",
        "admin_applications.close",
        "admin_applications.decide_on_change",
        "admin_applications.propose_anew",
        "admin_applications.undo",
        "admin_applications.withdraw_from_go_live",
        "admin_applications.withdraw_proposal",
        "admin_applications.decide",
        "admin_applications.make_certificate",
        "admin_applications.make_person",
        "admin_applications.make_secret",
        "admin_applications.set_keys",
        "admin_applications.withdraw_one_secret",
        "admin_applications.register",
        "admin_requests.decide",
        "admin_rectifications.decide",
        "admin_batches.decide",
        "admin_certificates.revoke",
        "admin_credentials.close",
        "admin_credentials.issue",
        "admin_credentials.withdraw",
        "admin_handovers.cancel",
        "admin_handovers.prepare",
        "admin_institutions.change",
        "admin_institutions.set_active",
        "admin_holds.hold",
        "admin_holds.release",
        "admin_mass_revocations.propose",
        "admin_mass_revocations.decide",
        "admin_directories.add",
        "admin_directories.add_form",
        "admin_directories.change",
        "admin_directories.change_form",
        "admin_directories.map_role",
        "admin_directories.set_active",
        "admin_providers.add",
        "admin_providers.add_form",
        "admin_providers.change",
        "admin_providers.change_form",
        "admin_providers.map_role",
        "admin_providers.set_active",
        "admin_identity.decide",
        "admin_identity.verify",
        "admin_recoveries.agree",
        "admin_recoveries.open_",
        "admin_recoveries.stop",
        "admin_rights.assign",
        "admin_rights.change_declaration",
        "admin_rights.decide",
        "admin_rights.declare",
        "admin_rights.delegate_role",
        "admin_rights.leave",
        "admin_rights.withdraw_delegated",
        "admin_roles.grant",
        "admin_roles.withdraw",
        "admin_service_roles.grant",
        "admin_service_roles.withdraw",
    }


def test_a_view_that_declares_nothing_opens_to_nobody(app, make_operator) -> None:
    """Fail closed, whatever blueprint it comes from."""
    app.add_url_rule("/admin/forgotten", "forgotten", lambda: "secret")
    operator = make_operator(*Role)
    answer = operator.get("/admin/forgotten")
    assert answer.status_code == 403
    assert b"secret" not in answer.data


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "roles", [(role,) for role in Role] + [()], ids=lambda roles: roles[0].value if roles else "none"
)
def test_a_role_opens_its_own_views_and_no_other(app, make_operator, events, roles) -> None:
    """Deny by default: each verb of each route, for each role and for none."""
    app.config["WTF_CSRF_ENABLED"] = False  # the permission is asked here, not the form's token
    operator = make_operator(*roles)
    held = set().union(*(PERMISSIONS[role] for role in roles)) if roles else set()
    for endpoint, verb, path in _routes(app):
        declared = declaration_of(app.view_functions[endpoint])
        answer = operator.browser.open(path, method=verb)
        if declared.permission is None:
            continue
        allowed = declared.permission in held
        where = f"{verb} {path} as {roles}"
        assert (answer.status_code != 403) is allowed, where
        if not allowed:
            assert b"csrf_token" not in answer.data, where
    refused = [event for event in events() if event.type == "admin:console:access_refused"]
    expected = "missing_permission" if roles else "no_console_role"
    assert refused
    assert {event.reason for event in refused} == {expected}
    assert {event.subject for event in refused} == {operator.person.id}


def test_nobody_logged_in_is_sent_to_the_provider_and_sees_nothing(app) -> None:
    """Each route, each verb."""
    app.config["WTF_CSRF_ENABLED"] = False
    for endpoint, verb, path in _routes(app):
        if declaration_of(app.view_functions[endpoint]).permission is None:
            continue
        answer = app.test_client().open(path, method=verb)
        assert answer.status_code == 303, path
        assert answer.location.startswith("http://localhost:8000/authorize?"), path
        assert "acr_values=urn%3Asau%3Aacr%3A2fa" in answer.location


def test_every_form_wants_its_token(app, make_operator) -> None:
    """Login 9: CSRF on every POST."""
    operator = make_operator(*Role)
    for _, verb, path in _routes(app):
        if verb != "GET":
            assert operator.browser.open(path, method=verb).status_code == 400, path


def test_a_withdrawn_role_closes_the_door_at_the_next_request(app, make_operator, composition, clock) -> None:
    """Powers are not kept in the session."""
    from admin.roles import withdraw_role

    operator = make_operator(Role.AUDITOR)
    assert operator.get("/admin/audit").status_code == 200
    with composition.database.transaction() as session:
        withdraw_role(
            session,
            journal=composition.journal,
            person_id=operator.person.id,
            role=Role.AUDITOR,
            actor="command",
            now=clock.now(),
        )
    assert operator.get("/admin/audit").status_code == 403


def test_the_console_closes_with_the_login_that_it_rests_on(make_operator, composition, clock, events) -> None:
    """When the provider's session ends, so does the console's; on record."""
    from idp.authentication.browser_session import end_browser_session

    operator = make_operator(Role.AUDITOR)
    with composition.database.transaction() as session:
        end_browser_session(session, journal=composition.journal, sid=operator.sid, reason="logout", now=clock.now())
    assert operator.get("/admin").status_code == 303
    closed = [event for event in events() if event.type == "admin:console:closed"]
    assert [event.session_id for event in closed] == [operator.sid]


@pytest.mark.parametrize("end", ["password", "disabled", "erased", "all closed", "weaker login"])
def test_the_console_closes_however_its_login_ends(make_operator, composition, clock, end: str) -> None:
    """Every end of the provider's session is the console's, and a login anew with less than two factors, too."""
    operator = make_operator(Role.AUDITOR)
    idp, now, person = composition.idp, clock.now(), operator.person
    assert operator.get("/admin").status_code == 200
    with composition.database.transaction() as session:
        match end:
            case "password":
                replace_password(session, services=idp, person=person, phc="$argon2id$x", reason="reset", now=now)
            case "disabled":
                disable_person(session, services=idp, person_id=person.id, actor="command", now=now)
            case "erased":
                erase_person(session, services=idp, person_id=person.id, actor="command", now=now)
            case "all closed":
                end_sessions_of(session, journal=idp.journal, person_id=person.id, reason="closed_by_person", now=now)
            case _:
                reauthenticate(session, journal=idp.journal, sid=operator.sid, amr=["pwd"], now=now)
    assert operator.get("/admin").status_code == 303
