"""The decision API through its endpoints (OpenID AuthZEN Authorization API 1.0)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from composition import Composition
from idp.accounts.person import Person
from idp.clients.client import find_client
from idp.consent.consent import grant_consent, mark_withdrawn
from idp.rights.catalog import declare_rights
from idp.rights.declaration import parse_declaration
from idp.tokens.subject import subject_for
from idp.web import mount
from kernel.clock import ManualClock
from keys.sealing import derive_secret
from tests.idp.dpop import Holder
from tests.idp.relying_party import RelyingParty, register
from tests.idp.rights.conftest import AGENCY, MINISTRY, Office, declared
from tests.idp.signing import make_signing_keys
from web.application import create_app

METADATA = {
    "grant_types": ["client_credentials", "authorization_code"],
    "scope": "openid roles authzen",
    "optional_scope": "",
    "resources": ["urn:sau:authzen:v1"],
}


class Enforcer:
    """An application that asks the decision API."""

    def __init__(self, office: Office, http: FlaskClient, **metadata: Any) -> None:
        self.office, self.http = office, http
        self.party: RelyingParty = register(office.composition, **(METADATA | metadata))
        self.headers = {"Authorization": f"Bearer {self.token()}"}
        with office.composition.database.transaction() as session:
            declare_rights(
                session,
                journal=office.composition.journal,
                declaration=parse_declaration(declared(self.party.client_id)),
                actor="command",
                now=office.now,
            )

    def token(self, scope: str = "authzen", headers: dict[str, str] | None = None) -> str:
        """Ask for a token of its own."""
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = self.http.post("/token", data=form, headers=self.party.basic() | (headers or {}))
        token: str = answer.get_json()["access_token"]
        return token

    def knows(self, person: Person) -> str:
        """Let the person use the application; return its name for him."""
        with self.office.composition.database.transaction() as session:
            client = find_client(session, self.party.client_id)
            grant_consent(
                session,
                journal=self.office.composition.journal,
                person_id=person.id,
                client=client,
                requested=("openid",),
                chosen=(),
                now=self.office.now,
            )
            return subject_for(self.office.composition.idp, client, person.id)

    def ask(self, path: str, body: Any, **headers: str) -> TestResponse:
        """Post a question."""
        return self.http.post(f"/access/v1/{path}", json=body, headers=self.headers | headers)

    def may(self, subject: str, action: str, kind: str = "invoice", **resource: Any) -> bool:
        """Ask one question."""
        answer = self.ask("evaluation", question(subject, action, kind, **resource))
        assert answer.status_code == 200, answer.get_data(as_text=True)
        allowed: bool = answer.get_json()["decision"]
        return allowed


def question(subject: str, action: str, kind: str = "invoice", **resource: Any) -> dict[str, Any]:
    """Return one question."""
    return {
        "subject": {"type": "user", "id": subject},
        "action": {"name": action},
        "resource": {"type": kind, "id": "7", **resource},
    }


@pytest.fixture
def http(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """The provider, for an application's server."""
    make_signing_keys(composition, monkeypatch)
    secret = derive_secret(composition.sealing_secret, "flask-session")
    app: Flask = create_app(settings=composition.settings, clock=composition.clock, secret_key=secret)
    mount(app, composition.idp)
    return app.test_client(use_cookies=False)


@pytest.fixture
def enforcer(office: Office, http: FlaskClient) -> Enforcer:
    """An application with pairwise names for people."""
    made = Enforcer(office, http, subject_type="pairwise")
    office.app = made.party
    return made


def test_denies_by_default_and_allows_what_counts_at_this_moment(
    office: Office, enforcer: Enforcer, clock: ManualClock
) -> None:
    """§5.5: until it begins, after it ends, after it was taken away: no."""
    servant = office.person(0)
    subject = enforcer.knows(servant)
    assert subject != servant.id
    assert not enforcer.may(subject, "read")
    office.hire(servant)
    office.hire(servant, office.agency)
    given = office.assign(servant, "reader", valid_from=office.now + timedelta(minutes=1))
    assert not enforcer.may(subject, "read")
    clock.advance(timedelta(minutes=1))
    enforcer.headers = {"Authorization": f"Bearer {enforcer.token()}"}
    assert enforcer.may(subject, "read")
    assert enforcer.may(subject, "read", properties={"institution": MINISTRY})
    assert not enforcer.may(subject, "read", properties={"institution": AGENCY})
    assert not enforcer.may(subject, "void")
    assert not enforcer.may(servant.id, "read"), "not by another's name for him"
    office.end(given)
    assert not enforcer.may(subject, "read")


def test_an_application_hears_of_its_own_rights_and_its_own_people_only(
    office: Office, enforcer: Enforcer, http: FlaskClient
) -> None:
    """Another application's permissions and people who never used this one: no."""
    servant, stranger = office.person(0), office.person(1)
    for each in (servant, stranger):
        office.hire(each)
        office.assign(each, "reader")
    subject = enforcer.knows(servant)
    other = Enforcer(office, http)
    assert enforcer.may(subject, "read")
    assert not other.may(other.knows(servant), "read")
    found = enforcer.ask("search/subject", {**question("", "read"), "subject": {"type": "user"}}).get_json()
    assert found["results"] == [{"type": "user", "id": subject}]
    with office.composition.database.transaction() as session:
        mark_withdrawn(
            session,
            journal=office.composition.journal,
            person_id=servant.id,
            client_id=enforcer.party.client_id,
            now=office.now,
        )
    assert not enforcer.may(subject, "read"), "he has left the service"


def test_reasons_help_the_developer_and_tell_nothing_of_the_person(office: Office, enforcer: Enforcer) -> None:
    """§5.5.1: the context has a code."""
    subject = enforcer.knows(office.person(0))

    def reason(body: dict[str, Any]) -> str:
        told: str = enforcer.ask("evaluation", body).get_json()["context"]["reason"]
        return told

    assert reason(question(subject, "read")) == reason(question("nobody", "read")) == "not_granted"
    assert reason(question(subject, "eat")) == "unknown_permission"
    assert reason(question(subject, "read") | {"subject": {"type": "robot", "id": "1"}}) == "unknown_subject_type"


def test_several_questions_with_defaults_and_semantics(office: Office, enforcer: Enforcer) -> None:
    """§7.1.1 defaults, §7.1.2 semantics, §7.2.1 an item that cannot be read; without items it is one question."""
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    subject = enforcer.knows(servant)
    items: list[Any] = [{"action": {"name": "read"}}, {"action": {"name": "void"}}, {"action": {}}, {}]
    body = question(subject, "read") | {"evaluations": items}

    def answers(semantic: str) -> list[bool]:
        options = {"evaluations_semantic": semantic}
        told = enforcer.ask("evaluations", body | {"options": options}).get_json()["evaluations"]
        return [each["decision"] for each in told]

    assert answers("execute_all") == [True, False, False, True]
    assert answers("deny_on_first_deny") == [True, False]
    assert answers("permit_on_first_permit") == [True]
    told = enforcer.ask("evaluations", body).get_json()["evaluations"]
    assert told[2]["context"]["error"]["status"] == 400
    assert enforcer.ask("evaluations", question(subject, "read")).get_json() == {"decision": True}


def test_searches_find_exactly_what_would_be_allowed(office: Office, enforcer: Enforcer) -> None:
    """§8: subjects, resources and actions, in pages."""
    people = [office.person(index) for index in range(3)]
    subjects = []
    for person in people:
        office.hire(person)
        office.assign(person, "reader")
        subjects.append(enforcer.knows(person))
    office.hire(people[0], office.agency)
    office.assign(people[0], "auditor", office.agency)
    body = {**question("", "read"), "subject": {"type": "user"}, "page": {"limit": 2}}
    first = enforcer.ask("search/subject", body).get_json()
    second = enforcer.ask("search/subject", body | {"page": {"token": first["page"]["next_token"]}}).get_json()
    assert first["page"] == {"next_token": "2", "count": 2, "total": 3}
    assert second["page"]["next_token"] == ""
    assert sorted(subjects) == [each["id"] for each in first["results"] + second["results"]]
    body = {**question(subjects[0], "read"), "resource": {"type": "invoice"}}
    (resource,) = enforcer.ask("search/resource", body).get_json()["results"]
    assert resource["id"] == MINISTRY
    assert enforcer.ask("evaluation", body | {"resource": resource}).get_json()["decision"]
    actions = enforcer.ask(
        "search/action",
        {name: value for name, value in body.items() if name != "action"}
        | {"resource": {"type": "invoice", "id": "7"}},
    ).get_json()["results"]
    assert actions == [{"name": "read"}]
    whole = enforcer.ask(
        "search/action", {"subject": body["subject"], "resource": {"type": "application", "id": "x"}}
    ).get_json()
    assert whole["results"] == [{"name": "audit"}]


def test_only_a_token_for_this_api_opens_it(office: Office, enforcer: Enforcer, http: FlaskClient) -> None:
    """None, a wrong one, one of another audience: 401 with the challenge, on record."""
    body = question("x", "read")
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eA=="}):
        answer = http.post("/access/v1/evaluation", json=body, headers=headers)
        assert answer.status_code == 401
        assert answer.headers.getlist("WWW-Authenticate")[0].startswith("Bearer ")
    service = {"grant_types": ["client_credentials"], "redirect_uris": [], "post_logout_redirect_uris": []}
    narrow = register(office.composition, **(METADATA | service | {"scope": "other"}))
    form = {"grant_type": "client_credentials"}
    token = http.post("/token", data=form, headers=narrow.basic()).get_json()["access_token"]
    answer = http.post("/access/v1/evaluation", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert office.events("idp:access:refused") == [("refused", "unknown"), ("refused", "no_authzen_scope")]


def test_a_token_bound_to_a_key_needs_its_proof(office: Office, enforcer: Enforcer) -> None:
    """RFC 9449 §7: stolen, it opens nothing."""
    holder, path = Holder(office.composition), "/access/v1/evaluation"
    token = enforcer.token(headers=holder.headers())
    body = question("x", "read")
    stolen = enforcer.http.post("/access/v1/evaluation", json=body, headers={"Authorization": f"Bearer {token}"})
    assert stolen.status_code == 401
    proven = holder.showing(token, path, "POST")
    assert enforcer.http.post("/access/v1/evaluation", json=body, headers=proven).status_code == 200
    assert enforcer.http.post("/access/v1/evaluation", json=body, headers=proven).status_code == 401, "a replay"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"subject": {"type": "user"}, "action": {"name": "a"}, "resource": {"type": "a", "id": "b"}},
        {"subject": "x", "action": {"name": "a"}, "resource": {"type": "a", "id": "b"}},
        {**question("x", "a"), "resource": {"type": "a", "id": "b", "properties": {"institution": 7}}},
        {**question("x", "a"), "subject": {"type": "user", "id": "x" * 300}},
        {**question("x", "a"), "context": 7},
    ],
    ids=range(8),
)
def test_what_cannot_be_read_is_400_with_its_message(enforcer: Enforcer, body: Any) -> None:
    """§10.1.2."""
    answer = enforcer.ask("evaluation", body)
    assert answer.status_code == 400
    assert answer.get_data(as_text=True)


def test_metadata_and_request_ids(enforcer: Enforcer) -> None:
    """§9: the document is about the issuer; §10.1.4: the caller's id comes back."""
    document = enforcer.http.get("/.well-known/authzen-configuration").get_json()
    assert document["policy_decision_point"] == "http://localhost:8000"
    for name, path in document.items():
        if name.endswith("_endpoint"):
            assert enforcer.http.post(path, json={}, headers=enforcer.headers).status_code == 400
    answer = enforcer.ask("evaluation", question("x", "read"), **{"X-Request-ID": "bfe9eb29"})
    assert answer.headers["X-Request-Id"] == "bfe9eb29"
    forged = enforcer.ask("evaluation", question("x", "read"), **{"X-Request-ID": "x" * 200})
    assert forged.headers["X-Request-Id"] != "x" * 200


def test_each_denial_is_on_record_and_each_right_once_an_hour(
    office: Office, enforcer: Enforcer, clock: ManualClock
) -> None:
    """A portal asks at each page; the log stays readable."""
    servant = office.person(0)
    office.hire(servant)
    office.assign(servant, "reader")
    subject = enforcer.knows(servant)
    for _ in range(3):
        assert enforcer.may(subject, "read")
        assert not enforcer.may(subject, "void")
    allowed, denied = ("success", None), ("refused", "not_granted")
    assert office.events("idp:access:evaluated") == [allowed, denied, denied, denied]
    clock.advance(timedelta(hours=1))
    enforcer.headers = {"Authorization": f"Bearer {enforcer.token()}"}
    assert enforcer.may(subject, "read")
    assert office.events("idp:access:evaluated").count(allowed) == 2
