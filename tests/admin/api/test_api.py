"""The console's API: who comes in, what he reaches, and the form of answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

import idp.jobs
from admin.api.examples import body_example
from admin.api.operations import OPERATIONS, PREFIX
from admin.api.scopes import opened_by, scope_for
from admin.permissions import PERMISSIONS, Permission, Role
from admin.roles import withdraw_role
from audit.model import AuditEvent
from composition import Composition
from idp.clients.own_apis import ADMINISTRATION_SCOPES
from idp.deliveries.queue import queue_delivery
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from tests.admin.api.conftest import RUC, MakePerson


def refusals(composition: Composition) -> list[tuple[str | None, str | None, str | None]]:
    """Reason, person and application of each refusal at the door."""
    with composition.database.reading() as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.type == "admin:console:access_refused").order_by(AuditEvent.id)
        )
        return [(row.reason, row.subject, row.client_id) for row in rows]


def test_a_person_reads_what_his_roles_and_the_tokens_scopes_open(
    make_person: MakePerson, institution: Institution, composition: Composition
) -> None:
    """A token of the real token endpoint; a scope that is missing is named (RFC 6750 §3.1), a role is not lent."""
    auditor = make_person(Role.AUDITOR)
    token = auditor.token()
    answer = auditor.get("/institutions", token=token)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert [each["ruc"] for each in answer.get_json()["items"]] == [RUC]
    assert "Set-Cookie" not in answer.headers
    held = auditor.get("/roles", token=token).get_json()["items"]
    assert [(each["role"], each["institution_ruc"]) for each in held] == [("auditor", None)]

    narrow = auditor.get("/institutions", token=auditor.token("console:audit"))
    assert (narrow.status_code, narrow.get_json()["code"]) == (403, "insufficient_scope")
    assert "console:read" in narrow.get_json()["detail"]
    assert 'error="insufficient_scope"' in narrow.headers["WWW-Authenticate"]
    support = make_person(Role.SUPPORT)
    lent = support.get("/institutions", token=support.token())
    assert (lent.status_code, lent.get_json()["code"]) == (403, "missing_permission")
    assert refusals(composition) == [
        ("insufficient_scope", auditor.visitor.person_id, auditor.party.client_id),
        ("missing_permission", support.visitor.person_id, support.party.client_id),
    ]


def test_a_role_that_is_withdrawn_closes_the_api_at_the_next_call(
    make_person: MakePerson, composition: Composition, clock: ManualClock
) -> None:
    """Powers are in no token."""
    auditor = make_person(Role.AUDITOR)
    token = auditor.token()
    assert auditor.get("/institutions", token=token).status_code == 200
    with composition.database.transaction() as session:
        withdraw_role(
            session,
            journal=composition.journal,
            person_id=auditor.visitor.person_id,
            role=Role.AUDITOR,
            actor="command",
            now=clock.now(),
        )
    assert auditor.get("/institutions", token=token).get_json()["code"] == "no_console_role"


def test_a_weak_or_old_login_is_told_what_is_wanted(
    make_person: MakePerson, clock: ManualClock, composition: Composition
) -> None:
    """RFC 9470 §3: the challenge names the strength and the age; a session's tokens end with its eight hours."""
    auditor = make_person(Role.AUDITOR)
    weak = auditor.get("/institutions", token=auditor.token(amr=("pwd",)))
    assert (weak.status_code, weak.get_json()["code"]) == (401, "insufficient_user_authentication")
    assert 'acr_values="urn:sau:acr:2fa", max_age="28800"' in weak.headers["WWW-Authenticate"]
    token = auditor.token()
    clock.advance(timedelta(minutes=6))
    stale = auditor.get("/institutions", token=token)
    assert (stale.status_code, stale.headers["WWW-Authenticate"]) == (401, 'Bearer realm="SAU", error="invalid_token"')
    assert [reason for reason, _, _ in refusals(composition)] == ["insufficient_user_authentication", "expired"]


def test_neither_cookie_nor_foreign_token_opens_it_nor_its_token_the_console(
    make_person: MakePerson, app: Flask, composition: Composition
) -> None:
    """One door each: what opens a page opens no call, and the other way round."""
    auditor = make_person(Role.AUDITOR)
    tokens = auditor.tokens()
    with_cookies = auditor.http.get(f"{PREFIX}/institutions")
    assert (with_cookies.status_code, with_cookies.get_json()["code"]) == (401, "token_missing")
    assert auditor.get("/institutions", token=tokens["id_token"]).get_json()["code"] == "invalid_token"
    code = auditor.visitor.authorize(auditor.party, scope="openid")  # for UserInfo
    other = auditor.party.exchange(auditor.http, code).get_json()["access_token"]
    assert auditor.get("/institutions", token=other).get_json()["code"] == "invalid_token"
    assert refusals(composition)[-1][0] == "wrong_audience"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    page = app.test_client(use_cookies=False).get("/admin/institutions", headers=bearer)
    assert (page.status_code, page.location.split("?")[0]) == (303, "http://localhost:8000/authorize")


def test_another_institutions_things_are_not_there(
    make_person: MakePerson, institution: Institution, other_institution: Institution
) -> None:
    """Bound by the same powers as the console's pages."""
    own = make_person(Role.INSTITUTION_ADMINISTRATOR)
    token = own.token()
    assert [each["ruc"] for each in own.get("/institutions", token=token).get_json()["items"]] == [institution.ruc]
    assert own.get(f"/institutions/{institution.ruc}", token=token).status_code == 200
    absent = own.get("/institutions/1768152560001", token=token)
    foreign = own.get(f"/institutions/{other_institution.ruc}", token=token)
    assert (foreign.status_code, foreign.data) == (absent.status_code, absent.data) == (404, absent.data)


def test_lists_come_in_pages_and_copies_are_known(
    composition: Composition,
    make_person: MakePerson,
    institution: Institution,
    other_institution: Institution,
    authority: None,
) -> None:
    """A cursor leads to the rest; ``If-None-Match`` is answered by 304 until something changes (RFC 9110 §13.1.2)."""
    auditor = make_person(Role.AUDITOR)
    token = auditor.token()
    kind, now = next(iter(idp.jobs.deliveries(composition.idp))), composition.clock.now()
    with composition.database.transaction() as session:
        for number in range(3):
            url = f"https://portal{number}.example/out"
            queue_delivery(session, kind=kind, client_id="portal", url=url, payload={}, now=now)
    lists = (("/institutions", "ruc"), ("/certificates", "serial"), ("/authorities", "name"), ("/deliveries", "id"))
    for path, key in lists:
        whole = [each[key] for each in auditor.get(path, token=token).get_json()["items"]]
        assert len(whole) > 1
        seen, cursor = [], ""
        while not seen or cursor:
            page = auditor.get(f"{path}?limit=1&cursor={cursor}", token=token).get_json()
            assert len(page["items"]) == 1
            seen += [each[key] for each in page["items"]]
            cursor = page["next_cursor"]
        assert seen == whole
    first = auditor.get("/institutions", token=token)
    again = auditor.get("/institutions", token=token, If_None_Match=f'"x", W/{first.headers["ETag"]}')
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    for wrong, code in (("cursor=x", "bad_cursor"), ("limit=0", "bad_limit"), ("other=1", "bad_parameter")):
        answer = auditor.get(f"/institutions?{wrong}", token=token)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
        assert answer.get_json()["code"] == code


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
def test_a_role_opens_its_operations_and_no_other(make_person: MakePerson, role: Role) -> None:
    """Each operation for each role, from the declarations."""
    person = make_person(role)
    token = person.token()
    for each in OPERATIONS:
        path, allowed = each.path.replace("{", "").replace("}", ""), each.permission in PERMISSIONS[role]
        if each.changes:
            answer = person.send(each.method, path, body_example(each.body), token=token)
            assert answer.status_code < 500, answer.text
            refused = answer.status_code == 403 and answer.get_json()["code"] == "missing_permission"
            assert refused is not allowed, f"{each.name} as {role}: {answer.text}"
        else:
            answer = person.get(path, token=token)
            assert answer.status_code in ((200, 404) if allowed else (403,)), f"{each.name} as {role}"


def test_every_operation_has_its_scope_and_reading_opens_no_people() -> None:
    """Each operation is opened by some scope; the scope for reading opens nothing that changes, names or reveals."""
    assert all(scope_for(each.permission) in ADMINISTRATION_SCOPES for each in OPERATIONS)
    assert all(opened_by((each,)) for each in ADMINISTRATION_SCOPES)
    reading = opened_by(("console:read",))
    assert {each.value.partition(":")[2] for each in reading} == {"open", "read"}
    assert Permission.PEOPLE_OPEN not in reading
    assert not reading & {Permission.RECOVERIES_READ, Permission.REPORTS_READ, Permission.AUDIT_SEARCH}
    assert opened_by(("console:unknown",)) == frozenset()


def test_the_evidence_is_searched_on_record_and_every_event_names_the_application(
    make_person: MakePerson, composition: Composition
) -> None:
    """A look by the API is a look like one on the page, with who and by which application (``details``)."""
    auditor = make_person(Role.AUDITOR)
    token = auditor.token()
    first = auditor.get("/events?limit=2&type=idp:*", token=token).get_json()
    assert len(first["items"]) == 2
    more = auditor.get(f"/events?limit=2&type=idp:*&cursor={first['next_cursor']}", token=token).get_json()
    assert not {each["id"] for each in first["items"]} & {each["id"] for each in more["items"]}
    one = auditor.get(f"/events/{first['items'][0]['id']}", token=token)
    assert one.get_json() == first["items"][0]
    looked = auditor.get("/events?type=admin:audit:searched", token=token).get_json()["items"]
    assert len(looked) == 3
    assert {(each["actor"], each["details"]["application"]) for each in looked} == {
        (auditor.visitor.person_id, auditor.party.client_id)
    }
    assert auditor.get("/integrity", token=token).get_json()["accused"] is False
    for wrong in ("since=gestern", "cursor=x", "until=9999-12-31T23:59:59-23:00"):
        assert auditor.get(f"/events?{wrong}", token=token).status_code == 400, wrong
