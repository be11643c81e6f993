"""Changes by the API: bodies, keys of repetitions, preconditions, fresh logins; one transaction each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

import admin.web.api.changing
from admin.api.idempotency import KEPT, PATIENCE, Claim, claim_key, forget_answers, key_of
from admin.api.model import ApiAnswer
from admin.api.operation import Caller
from admin.api.operations import PREFIX
from admin.permissions import Role
from admin.roles import Powers
from audit.model import AuditEvent
from composition import Composition
from idp.directory.institutions import Institution
from idp.directory.model import InstitutionRow
from kernel.clock import ManualClock
from kernel.errors import Conflict, Rejected, Unavailable
from tests.admin.api.conftest import RUC, MakePerson

NEW = {"ruc": "1768152560001", "name": "Ministerio Nuevo", "domains": ["nuevo.gob.ec"]}


def count(composition: Composition, kind: str) -> int:
    """How many events of a kind."""
    with composition.database.reading() as session:
        found = session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.type == kind))
    return found or 0


def test_a_repetition_is_done_once_and_gets_the_first_answer(
    make_person: MakePerson, composition: Composition, clock: ManualClock
) -> None:
    """The same key with the same body: one effect, one event, the same octets; with another body 422; for a day."""
    who = make_person(Role.PROVIDER_ADMINISTRATOR)
    token = who.token()
    first = who.send("POST", "/institutions", NEW, token=token, Idempotency_Key="k1")
    assert (first.status_code, first.get_json()["ruc"]) == (201, NEW["ruc"]), first.text
    turned = dict(reversed(NEW.items()))
    again = who.send("POST", "/institutions", turned, token=token, Idempotency_Key="k1")
    assert (again.status_code, again.data) == (201, first.data)
    assert (again.headers["Idempotency-Replayed"], "Idempotency-Replayed" in first.headers) == ("true", False)
    assert count(composition, "idp:institution:added") == 1
    for path, body in (("/institutions", {**NEW, "name": "Otro"}), ("/deliveries/x/repeat", None)):
        other = who.send("POST", path, body, token=token, Idempotency_Key="k1")
        assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    unkeyed = who.send("POST", "/institutions", NEW, token=token)
    assert (unkeyed.status_code, unkeyed.get_json()["code"]) == (409, "institution_exists")
    colleague = make_person(Role.PROVIDER_ADMINISTRATOR)
    own = colleague.send("POST", "/institutions", NEW, token=colleague.token(), Idempotency_Key="k1")
    assert (own.status_code, own.get_json()["code"]) == (409, "institution_exists"), "another person's key is another"
    clock.advance(KEPT)
    later = who.send("POST", "/institutions", {**NEW, "ruc": RUC}, token=who.token(), Idempotency_Key="k1")
    assert (later.status_code, later.get_json()["ruc"]) == (201, RUC)
    clock.advance(KEPT)
    with composition.database.transaction() as session:
        forget_answers(session, now=clock.now())
        assert session.scalar(select(func.count()).select_from(ApiAnswer)) == 0


def test_a_refusal_frees_the_key_and_is_nothing_done(make_person: MakePerson, composition: Composition) -> None:
    """Nothing was done, so a later repetition is judged anew; no key is spent by a mistake."""
    who = make_person(Role.PROVIDER_ADMINISTRATOR)
    token = who.token()
    wrong = who.send("POST", "/institutions", {**NEW, "ruc": "x" * 13}, token=token, Idempotency_Key="k2")
    assert (wrong.status_code, wrong.get_json()["code"]) == (422, "bad_ruc")
    assert [each["pointer"] for each in wrong.get_json()["errors"]] == ["#/ruc"]
    assert who.send("POST", "/institutions", NEW, token=token, Idempotency_Key="k2").status_code == 201


def test_of_two_at_once_one_works_and_one_that_died_is_taken_over(composition: Composition, clock: ManualClock) -> None:
    """Who asks while the first works is told so; who takes over after the patience makes the late one's work void."""
    services = composition.admin
    caller = Caller("person", "application", Powers(()))
    key_id, database = key_of(caller, "k"), services.database

    def claim() -> Any:
        with database.transaction() as session:
            return claim_key(session, services=services, key_id=key_id, call_sha256="0" * 64, now=clock.now())

    first = claim()
    assert isinstance(first, Claim)
    with pytest.raises(Conflict, match="idempotency_key_in_use"):
        claim()
    with pytest.raises(Rejected, match="idempotency_key_reused"), database.transaction() as session:
        claim_key(session, services=services, key_id=key_id, call_sha256="1" * 64, now=clock.now())
    clock.advance(PATIENCE)
    second = claim()
    assert isinstance(second, Claim)
    with pytest.raises(Conflict, match="idempotency_key_in_use"), database.transaction() as session:
        admin.web.api.changing.finish(session, first, services=services, document={}, settled=True, now=clock.now())
    with database.transaction() as session:
        admin.web.api.changing.give_back(session, first)
        assert session.get(ApiAnswer, key_id) is not None, "it is the other's now"


def test_a_crash_leaves_the_truth_behind(
    make_person: MakePerson, composition: Composition, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the commit nothing was done, and the repetition does it; after it, the repetition gets the answer."""
    who = make_person(Role.PROVIDER_ADMINISTRATOR)
    real = admin.web.api.changing.finish

    def die(*_: object, **__: object) -> None:
        raise Unavailable("The database went away.")

    monkeypatch.setattr("admin.web.api.changing.finish", die)
    token = who.token()
    lost = who.send("POST", "/institutions", NEW, token=token, Idempotency_Key="k3")
    assert lost.status_code == 503
    assert count(composition, "idp:institution:added") == 0, "state and event went with the transaction"
    # A machine that dies frees nothing: its claim lasts until the patience is over.
    monkeypatch.setattr("admin.web.api.changing.give_back", lambda *_: None)
    assert who.send("POST", "/institutions", NEW, token=token, Idempotency_Key="k3").status_code == 503
    monkeypatch.setattr("admin.web.api.changing.finish", real)
    busy = who.send("POST", "/institutions", NEW, token=token, Idempotency_Key="k3")
    assert (busy.status_code, busy.get_json()["code"]) == (409, "idempotency_key_in_use")
    assert int(busy.headers["Retry-After"]) > 0
    clock.advance(PATIENCE)
    assert who.send("POST", "/institutions", NEW, token=token, Idempotency_Key="k3").status_code == 201
    assert count(composition, "idp:institution:added") == 1


def test_what_is_changed_is_what_was_seen(
    make_person: MakePerson, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """``If-Match``: 428 without it (RFC 6585 §3), 412 once it changed (RFC 9110 §13.1.1)."""
    who = make_person(Role.PROVIDER_ADMINISTRATOR)
    token, path = who.token(), f"/institutions/{RUC}"
    seen = who.get(path, token=token).headers["ETag"]
    blind = who.send("PATCH", path, {"name": "Otro"}, token=token)
    assert (blind.status_code, blind.get_json()["code"]) == (428, "precondition_required")
    done = who.send("PATCH", path, {"name": "Otro", "networks": ["190.152.0.0/16"]}, token=token, If_Match=seen)
    assert (done.status_code, done.get_json()["name"]) == (200, "Otro"), done.text
    assert done.headers["ETag"] == who.get(path, token=token).headers["ETag"] != seen
    for stale in (seen, f"W/{done.headers['ETag']}"):
        late = who.send("PATCH", path, {"active": False}, token=token, If_Match=stale)
        assert (late.status_code, late.get_json()["code"]) == (412, "precondition_failed")
    # One of several members is wrong: nothing is changed.
    half = {"name": "Medio", "networks": ["no es red"]}
    answer = who.send("PATCH", path, half, token=token, If_Match=done.headers["ETag"])
    assert (answer.status_code, answer.get_json()["errors"][0]["pointer"]) == (422, "#/networks")
    with composition.database.reading() as session:
        assert session.scalars(select(InstitutionRow.name)).one() == "Otro"


def test_a_dangerous_act_wants_a_login_of_the_last_quarter_of_an_hour(
    make_person: MakePerson, institution: Institution, clock: ManualClock
) -> None:
    """RFC 9470: the challenge names the age; reading and harmless acts go on with the older login."""
    who = make_person(Role.PROVIDER_ADMINISTRATOR)
    who.visitor.log_in(("otp", "pwd"))
    clock.advance(timedelta(minutes=16))
    code = who.visitor.authorize(who.party, scope="openid console:institutions", resource="urn:sau:admin-api:v1")
    token = str(who.party.exchange(who.http, code).get_json()["access_token"])
    seen = who.get(f"/institutions/{RUC}", token=token)
    assert seen.status_code == 200
    old = who.send("PATCH", f"/institutions/{RUC}", {"name": "Otro"}, token=token, If_Match=seen.headers["ETag"])
    assert (old.status_code, old.get_json()["code"]) == (401, "insufficient_user_authentication")
    assert 'max_age="900"' in old.headers["WWW-Authenticate"]
    assert who.send("POST", "/institutions", NEW, token=token).status_code == 201


def test_a_body_is_judged_whole_and_each_wrong_member_named(make_person: MakePerson, institution: Institution) -> None:
    """RFC 9457 with a JSON pointer each (RFC 6901); what is no JSON, of another type or too large is told apart."""
    who = make_person(Role.PROVIDER_ADMINISTRATOR)
    token = who.token()
    wrong = who.send("POST", "/institutions", {"ruc": 17, "domains": [""], "más/aún": 1}, token=token)
    assert (wrong.status_code, wrong.mimetype) == (422, "application/problem+json")
    assert sorted(each["pointer"] for each in wrong.get_json()["errors"]) == [
        "#/domains/0", "#/más~1aún", "#/name", "#/ruc",
    ]  # fmt: skip
    client = who.http.application.test_client(use_cookies=False)
    for data, kind, status, code in (
        (b"{", "application/json", 400, "bad_json"),
        (b'{"ruc":"1","ruc":"2"}', "application/json", 400, "bad_json"),
        (b'{"ruc":"\\ud800"}', "application/json", 400, "bad_json"),
        (b'{"ruc":"a\\u0000b"}', "application/json", 400, "bad_json"),
        (b'{"ruc":NaN}', "application/json", 400, "bad_json"),
        (b"[" * 50_000, "application/json", 400, "bad_json"),
        (b"ruc=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"name":"' + b"x" * 200_000 + b'"}', "application/json", 413, "body_too_large"),
    ):
        told = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        answer = client.post(f"{PREFIX}/institutions", data=data, headers=told)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), data[:40]
    bad_key = who.send("POST", "/institutions", NEW, token=token, Idempotency_Key="x" * 256)
    assert (bad_key.status_code, bad_key.get_json()["code"]) == (400, "bad_idempotency_key")


def test_a_browser_that_is_logged_in_is_nobody_here(make_person: MakePerson, institution: Institution) -> None:
    """No cookie opens a change, so another site has nothing to forge: no token of a form is asked for."""
    who = make_person(Role.PROVIDER_ADMINISTRATOR)
    who.visitor.log_in(("otp", "pwd"))
    forged = who.http.post(f"{PREFIX}/institutions", json=NEW, headers={"Sec-Fetch-Site": "cross-site"})
    assert (forged.status_code, forged.get_json()["code"]) == (401, "token_missing")
    assert "Set-Cookie" not in forged.headers
