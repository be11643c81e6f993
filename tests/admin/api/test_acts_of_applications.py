"""An application's keys and its life by the API, and the two people of production."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from admin.permissions import Role
from audit.model import AuditEvent
from audit.vocabulary import EventType
from composition import Composition
from idp.clients.client_secret import is_valid_secret
from idp.clients.environment import Environment
from idp.clients.model import ClientRow
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from tests.admin.api.conftest import MakePerson, make_second_account
from tests.admin.test_application_changes import live
from tests.admin.test_application_keys import _KEY as KEY
from tests.admin.test_application_life import _happened as happened
from tests.admin.test_applications import enter
from tests.ca.csr import ec_key
from tests.ca.csr import make_csr as make_client_csr

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_secrets_and_keys_are_changed_by_whoever_looks_after_it(
    make_person: MakePerson,
    institution: Institution,
    other_institution: Institution,
    composition: Composition,
    clock: ManualClock,
    authority: None,
) -> None:
    """A secret is told once, and to its repetition; the last one stays; another institution's is not even named."""
    developer = make_person(Role.APPLICATION_DEVELOPER)
    foreign = make_person(Role.APPLICATION_DEVELOPER, institution_ruc=other_institution.ruc)
    client = live(composition, clock, institution)
    token, at = developer.token(), f"/applications/{client.client_id}"

    assert {each["issued"] for each in developer.get(f"{at}/usage", token=token).get_json()["items"]} == {0}
    assert developer.get(f"{at}/errors", token=token).get_json()["items"] == []
    for of_another in ("usage", "errors"):
        assert foreign.get(f"{at}/{of_another}", token=foreign.token()).status_code == 404

    made = developer.send("POST", f"{at}/secrets", {"overlap_days": 7}, token=token, Idempotency_Key="s")
    assert (made.status_code, made.get_json()["keys"]["method"]) == (201, "client_secret_basic"), made.text
    first = made.get_json()["client_secret"]
    again = developer.send("POST", f"{at}/secrets", {"overlap_days": 7}, token=token, Idempotency_Key="s")
    assert again.get_json()["client_secret"] == first
    clock.advance(timedelta(seconds=1))
    second = developer.send("POST", f"{at}/secrets", token=token).get_json()["client_secret"]
    seen = developer.get(f"{at}/keys", token=token)
    assert [each["expires_at"] is None for each in seen.get_json()["secrets"]] == [True, False]
    assert first not in seen.text
    newest, older = (each["id"] for each in seen.get_json()["secrets"])
    assert developer.send("DELETE", f"{at}/secrets/{older}", token=token).status_code == 428
    tag = seen.headers["ETag"]
    gone = developer.send("DELETE", f"{at}/secrets/{older}", token=token, If_Match=tag)
    assert (gone.status_code, len(gone.get_json()["secrets"])) == (200, 1), gone.text
    stale = developer.send("DELETE", f"{at}/secrets/{newest}", token=token, If_Match=tag)
    assert stale.status_code == 412
    tag = gone.headers["ETag"]
    last = developer.send("DELETE", f"{at}/secrets/{newest}", token=token, If_Match=tag)
    assert (last.status_code, last.get_json()["code"]) == (422, "last_secret")
    with composition.database.reading() as session:
        valid = [
            is_valid_secret(session, client_id=client.client_id, presented=each, now=clock.now())
            for each in (first, second)
        ]
    assert valid == [False, True]

    burnt = developer.send("PUT", f"{at}/keys", {"jwks": {"keys": [{**KEY, "d": "x"}]}}, token=token, If_Match=tag)
    assert (burnt.status_code, burnt.get_json()["errors"][0]["pointer"]) == (422, "#/jwks")
    kept = developer.send("PUT", f"{at}/keys", {"jwks": {"keys": [KEY]}}, token=token, If_Match=tag)
    assert (kept.status_code, kept.get_json()["jwks"]["keys"][0]["kid"]) == (200, "uno"), kept.text
    wrong = developer.send("POST", f"{at}/certificates", {"csr": "x"}, token=token)
    assert (wrong.status_code, wrong.get_json()["errors"][0]["pointer"]) == (422, "#/csr")
    asked = {"csr": make_client_csr(ec_key(), dns=())}
    issued = developer.send("POST", f"{at}/certificates", asked, token=token, Idempotency_Key="c")
    assert issued.status_code == 201, issued.text
    assert issued.get_json()["chain_pem"].startswith("-----BEGIN CERTIFICATE-----")
    assert developer.send("POST", f"{at}/certificates", asked, token=token, Idempotency_Key="c").data == issued.data
    assert developer.get(f"{at}/keys", token=token).get_json()["method"] == "tls_client_auth"

    outside = foreign.token()
    for method, path in (
        ("GET", "keys"),
        ("POST", "secrets"),
        ("GET", "usage"),
        ("GET", "errors"),
        ("POST", "disable"),
    ):
        hidden = foreign.send(method, f"{at}/{path}", token=outside)
        assert (hidden.status_code, hidden.get_json()["code"]) == (404, "unknown_client"), path
    with composition.database.reading() as session:
        kinds = session.scalars(
            select(AuditEvent.type)
            .where(AuditEvent.actor == developer.visitor.person_id, AuditEvent.type.startswith("idp:client:secret"))
            .order_by(AuditEvent.occurred_at, AuditEvent.id)
        ).all()
    assert sorted(kinds) == ["idp:client:secret_rotated"] * 2 + ["idp:client:secret_withdrawn"]


def test_one_is_closed_at_once_and_only_who_closed_it_or_the_provider_opens_it(
    make_person: MakePerson, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """What stops is told before; one in production is not removed, one of a sandbox for good; use is told by day."""
    developer, other = make_person(Role.APPLICATION_DEVELOPER), make_person(Role.APPLICATION_DEVELOPER)
    provider = make_person(Role.PROVIDER_ADMINISTRATOR)
    client = live(composition, clock, institution)
    token, at = developer.token(), f"/applications/{client.client_id}"
    for person in (developer, other):
        happened(composition, clock, client.client_id, EventType.TOKEN_ISSUED, subject=person.visitor.person_id)
    stops = developer.get(f"{at}/consequences", token=token).get_json()
    assert (stops["people"], stops["sessions"]) == (2, 0)
    seen = developer.get(at, token=token).headers["ETag"]
    removed = developer.send("DELETE", at, token=token, If_Match=seen)
    assert (removed.status_code, removed.get_json()["code"]) == (422, "only_from_sandbox")
    closed = developer.send("POST", f"{at}/disable", token=token, If_Match=seen)
    assert (closed.status_code, closed.get_json()["active"]) == (200, False), closed.text
    assert developer.send("POST", f"{at}/disable", token=token, If_Match=seen).status_code == 412
    twice = developer.send("POST", f"{at}/disable", token=token)
    assert (twice.status_code, twice.get_json()["code"]) == (409, "already_disabled")
    hers = other.send("POST", f"{at}/enable", token=other.token())
    assert (hers.status_code, hers.get_json()["code"]) == (403, "closed_by_another")
    opened = provider.send("POST", f"{at}/enable", token=provider.token())
    assert (opened.status_code, opened.get_json()["active"]) == (200, True)

    tried = live(composition, clock, institution, environment=Environment.SANDBOX)
    happened(composition, clock, tried.client_id, EventType.TOKEN_ISSUED)
    here = f"/applications/{tried.client_id}"
    days = developer.get(f"{here}/usage", token=token).get_json()["items"]
    assert (len(days), days[-1]["issued"]) == (14, 1), "of a sandbox up to this moment"
    assert developer.get(f"{here}/errors", token=token).get_json()["items"] == []
    seen = developer.get(here, token=token).headers["ETag"]
    assert developer.send("DELETE", here, token=token, If_Match=seen).get_json()["active"] is False
    over = developer.send("DELETE", here, token=token, If_Match=developer.get(here, token=token).headers["ETag"])
    assert (over.status_code, over.get_json()["code"]) == (409, "client_deleted")


def test_another_person_lets_it_into_production_and_decides_what_changes_there(
    make_person: MakePerson, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """Never who asked; what is decided is what was seen; a refusal says why."""
    asker = make_person(Role.APPLICATION_DEVELOPER, Role.PROVIDER_ADMINISTRATOR)
    decider = make_person(Role.PROVIDER_ADMINISTRATOR)
    client = live(composition, clock, institution, environment=Environment.SANDBOX)
    enter(composition, clock, client.client_id)
    token, decides, at = asker.token(), decider.token(), f"/applications/{client.client_id}"
    affirmed = {"affirmed": ["minimum", "secrets", "support"]}
    asked = asker.send("POST", f"{at}/go-live", affirmed, token=token, Idempotency_Key="live")
    assert asked.status_code in (200, 201), asked.text
    assert asked.get_json()["asked_by"] == asker.visitor.person_id
    seen = {"seen_sha256": asked.get_json()["seen_sha256"]}
    own = asker.send("POST", f"{at}/go-live/approve", seen, token=token)
    assert (own.status_code, own.get_json()["code"]) == (403, "own_go_live")
    twin = make_second_account(composition, make_person(Role.PROVIDER_ADMINISTRATOR), of=asker)
    again_his = twin.token()
    own = twin.send("POST", f"{at}/go-live/approve", seen, token=again_his)
    assert (own.status_code, own.get_json()["code"]) == (403, "same_person"), "by another account of his neither"
    other = decider.send("POST", f"{at}/go-live/approve", {"seen_sha256": "0" * 64}, token=decides)
    assert (other.status_code, other.get_json()["code"]) == (409, "application_changed")
    done = decider.send("POST", f"{at}/go-live/approve", seen, token=decides)
    assert (done.status_code, done.get_json()["environment"]) == (200, "production"), done.text

    change = {"registration": {"client_name": "Turnos en línea"}, "why": "Cambió de nombre"}
    proposed = asker.send("POST", f"{at}/proposal", change, token=token)
    assert proposed.status_code == 201, proposed.text
    seen = {"seen_sha256": proposed.get_json()["seen_sha256"]}
    own = asker.send("POST", f"{at}/proposal/approve", seen, token=token)
    assert (own.status_code, own.get_json()["code"]) == (403, "own_change")
    own = twin.send("POST", f"{at}/proposal/approve", seen, token=again_his)
    assert (own.status_code, own.get_json()["code"]) == (403, "same_person"), "by another account of his neither"
    why = {**seen, "reason": "Falta el oficio"}
    assert decider.send("POST", f"{at}/proposal/refuse", why, token=decides).status_code == 200
    seen = {"seen_sha256": asker.send("POST", f"{at}/proposal", change, token=token).get_json()["seen_sha256"]}
    applied = decider.send("POST", f"{at}/proposal/approve", seen, token=decides)
    assert (applied.status_code, applied.get_json()["name"]) == (200, "Turnos en línea"), applied.text
    assert asker.send("POST", f"{at}/proposal/withdraw", token=token).status_code == 404
    with composition.database.reading() as session:
        assert session.get_one(ClientRow, client.client_id).environment == "production"
        told = session.execute(
            select(AuditEvent.type, AuditEvent.outcome).where(AuditEvent.type.startswith("admin:application:"))
        ).all()
    assert sorted((kind.rpartition(":")[2], outcome) for kind, outcome in told) == [
        ("change_approved", "success"),
        ("change_asked", "success"),
        ("change_asked", "success"),
        ("change_refused", "refused"),
        ("change_refused", "refused"),
        ("change_refused", "success"),
        ("go_live_asked", "success"),
        ("go_live_refused", "refused"),
        ("go_live_refused", "refused"),
        ("went_live", "success"),
    ]
