"""What the console does, done by the API: the same use cases, the same two people, on either database."""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode
from datetime import timedelta

import pytest
from cryptography import x509
from sqlalchemy import delete, select

from admin.permissions import Role
from audit.model import AuditEvent
from ca.bulk.jobs import finish_batches
from ca.requests.decide import expire_stale
from ca.requests.model import Approval
from ca.revocation.mass.run import run_batch
from composition import Composition
from idp.accounts.person import find_person
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from kernel.identifiers import new_id
from tests.admin.api.conftest import RUC, MakePerson, Person, make_second_account
from tests.admin.conftest import make_csr
from tests.ca.csr import make_csr as make_batch_csr
from tests.idp.relying_party import register
from tests.idp.rights.conftest import Office


def ask(officer: Person, token: str, name: str) -> dict[str, object]:
    """Ask for a certificate of a server."""
    body = {"profile": "tls-server", "csr": make_csr(name).pem, "institution_ruc": RUC}
    made = officer.send("POST", "/requests", body, token=token, Idempotency_Key=name)
    assert made.status_code == 201, made.text
    return dict(made.get_json())


def test_a_certificate_from_its_request_to_its_revocation(
    make_person: MakePerson, institution: Institution, authority: None, composition: Composition, clock: ManualClock
) -> None:
    """Another person approves exactly what was seen; a repetition after the signature gets the signed answer."""
    officer = make_person(Role.PKI_OFFICER, Role.PKI_APPROVER)
    approver = make_person(Role.PKI_APPROVER)
    asks, decides = officer.token(), approver.token()
    made = ask(officer, asks, "www.ministerio.gob.ec")
    path = f"/requests/{made['id']}"
    seen = {"tbs_sha256": made["tbs_sha256"]}
    own = officer.send("POST", f"{path}/approve", seen, token=asks)
    assert (own.status_code, own.get_json()["code"]) == (403, "own_request")
    twin = make_second_account(composition, make_person(Role.PKI_APPROVER), of=officer)
    again_his = twin.token()
    own = twin.send("POST", f"{path}/approve", seen, token=again_his)
    assert (own.status_code, own.get_json()["code"]) == (403, "same_person"), "by another account of his neither"
    first = make_person(Role.PKI_APPROVER)
    approval = Approval(
        id=new_id(),
        request_id=str(made["id"]),
        approver=first.visitor.person_id,
        tbs_sha256=str(made["tbs_sha256"]),
        approved_at=clock.now(),
    )
    with composition.database.transaction() as session:
        session.add(approval)
    double = make_second_account(composition, make_person(Role.PKI_APPROVER), of=first)
    own = double.send("POST", f"{path}/approve", seen, token=double.token())
    assert (own.status_code, own.get_json()["code"]) == (403, "same_person"), "a quorum is of people, not of accounts"
    with composition.database.transaction() as session:
        session.execute(delete(Approval).where(Approval.approver == first.visitor.person_id))
    other = approver.send("POST", f"{path}/approve", {"tbs_sha256": "0" * 64}, token=decides)
    assert (other.status_code, other.get_json()["code"]) == (409, "bytes_changed")
    done = approver.send("POST", f"{path}/approve", seen, token=decides, Idempotency_Key="k")
    assert (done.status_code, done.get_json()["status"]) == (200, "issued"), done.text
    again = approver.send("POST", f"{path}/approve", seen, token=decides, Idempotency_Key="k")
    assert again.data == done.data

    at = f"/certificates/{made['serial']}"
    file = approver.get(f"{at}/files/pem", token=decides).get_json()
    assert f"{x509.load_pem_x509_certificate(b64decode(file['content'])).serial_number:x}" == made["serial"]
    preview = officer.get(f"{at}/revocation-preview?reason=keyCompromise", token=asks).get_json()
    assert preview["blocks_key"] is True
    held = officer.send("POST", f"{at}/hold", token=asks)
    assert (held.status_code, held.get_json()["code"]) == (403, "profile_forbids_hold"), "a server's is revoked"
    idle = approver.send("POST", f"{at}/release", {}, token=decides)
    assert (idle.status_code, idle.get_json()["code"]) == (409, "not_on_hold")
    late = officer.send("POST", f"{at}/revoke", {"reason": "superseded"}, token=asks, If_Match='"another"')
    assert late.status_code == 412
    for body, pointer in (
        ({"reason": "nunca"}, "#/reason"),
        ({"reason": "superseded", "compromised_at": "2026-11-20T08:00:00Z"}, "#/compromised_at"),
        ({"reason": "keyCompromise", "compromised_at": "ayer"}, "#/compromised_at"),
        ({"reason": "keyCompromise", "compromised_at": "0001-01-01T00:00:00Z"}, "#/compromised_at"),
    ):
        wrong = officer.send("POST", f"{at}/revoke", body, token=asks)
        assert (wrong.status_code, wrong.get_json()["errors"][0]["pointer"]) == (422, pointer)
    gone = officer.send("POST", f"{at}/revoke", {"reason": "superseded"}, token=asks)
    assert (gone.status_code, gone.get_json()["status"]) == (200, "revoked")

    asked = {"profile": "tls-client", "csr": make_csr("cliente.ministerio.gob.ec").pem, "institution_ruc": RUC}
    client = officer.send("POST", "/requests", asked, token=asks).get_json()
    seen = {"tbs_sha256": client["tbs_sha256"]}
    if client["status"] == "submitted":
        assert approver.send("POST", f"/requests/{client['id']}/approve", seen, token=decides).status_code == 200
    at = f"/certificates/{client['serial']}"
    tag = officer.get(at, token=asks).headers["ETag"]
    suspended = officer.send("POST", f"{at}/hold", token=asks, If_Match=tag, Idempotency_Key="h")
    assert (suspended.status_code, suspended.get_json()["status"]) == (200, "held"), suspended.text
    assert officer.send("POST", f"{at}/hold", token=asks, If_Match=tag, Idempotency_Key="h").data == suspended.data
    composition.settings.__dict__["hold_release_people"] = 2
    first = officer.send("POST", f"{at}/release", token=asks)
    assert (first.status_code, first.get_json()["status"]) == (200, "held"), "another person agrees"
    alone = officer.send("POST", f"{at}/release", token=asks)
    assert (alone.status_code, alone.get_json()["code"]) == (403, "same_person")
    alone = twin.send("POST", f"{at}/release", token=again_his)
    assert (alone.status_code, alone.get_json()["code"]) == (403, "same_person"), "by another account of his neither"
    freed = approver.send("POST", f"{at}/release", token=decides)
    assert (freed.status_code, freed.get_json()["status"]) == (200, "valid"), freed.text

    refused = ask(officer, asks, "no.ministerio.gob.ec")
    short = approver.send("POST", f"/requests/{refused['id']}/refuse", {"reason": "no"}, token=decides)
    assert (short.status_code, short.get_json()["errors"][0]["pointer"]) == (422, "#/reason")
    why = {"reason": "Ese nombre ya no se usa"}
    assert approver.send("POST", f"/requests/{refused['id']}/refuse", why, token=decides).status_code == 200
    mine = ask(officer, asks, "mio.ministerio.gob.ec")
    foreign = make_person(Role.PKI_OFFICER)
    taken = foreign.send("POST", f"/requests/{mine['id']}/withdraw", token=foreign.token())
    assert (taken.status_code, taken.get_json()["code"]) == (404, "nothing_to_withdraw")
    assert officer.send("POST", f"/requests/{mine['id']}/withdraw", token=asks).get_json()["status"] == "refused"
    late_one = ask(officer, asks, "tarde.ministerio.gob.ec")
    clock.advance(timedelta(hours=25))
    with composition.database.transaction() as session:
        expire_stale(session, services=composition.ca, now=clock.now())
    anew = officer.send("POST", f"/requests/{late_one['id']}/rebuild", token=officer.token())
    assert (anew.status_code, anew.get_json()["status"]) == (200, "submitted"), anew.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_batches_and_mass_revocations(
    make_person: MakePerson, institution: Institution, authority: None, composition: Composition
) -> None:
    """A table is judged at once and issued when another approved; many are revoked when another agreed."""
    officer, approver = make_person(Role.PKI_OFFICER), make_person(Role.PKI_APPROVER)
    asks, decides = officer.token(), approver.token()
    names = ("a.ministerio.gob.ec", "b.ministerio.gob.ec", "c.otra.gob.ec")
    rows = "".join(f'"{make_batch_csr(common_name=name, dns=(name,))}"\n' for name in names)
    body = {"profile": "tls-server", "institution_ruc": RUC, "file_name": "lote.csv", "table": f"csr\n{rows}"}
    sent = officer.send("POST", "/batches", body, token=asks, Idempotency_Key="lote")
    assert (sent.status_code, sent.get_json()["status"], sent.get_json()["ready"]) == (201, "proposed", 2), sent.text
    assert officer.send("POST", "/batches", body, token=asks, Idempotency_Key="lote").data == sent.data
    alone = officer.send("POST", "/batches", body | {"profile": "tls-client"}, token=asks)
    assert (alone.status_code, alone.get_json()["code"]) == (403, "batch_needs_approver"), "it would be signed at once"
    with composition.database.reading() as session:
        told = session.scalars(select(AuditEvent.reason).where(AuditEvent.actor == officer.visitor.person_id)).all()
    assert told.count("batch_needs_approver") == 1
    device = {"kind": "est", "institution_ruc": RUC, "uses": 1, "days": 1}
    person = officer.send("POST", "/credentials", device | {"profile": "person-authentication"}, token=asks)
    assert (person.status_code, person.get_json()["code"]) == (404, "unknown_profile"), "no device brings a person's"
    made = officer.send("POST", "/credentials", device | {"profile": "tls-client"}, token=asks)
    assert made.status_code == 201, made.text
    path = f"/batches/{sent.get_json()['id']}"
    refused = officer.get(f"{path}/rows?state=refused", token=asks).get_json()["items"]
    assert [each["code"] for each in refused] == ["name_not_registered"]
    approval = {"proposal_sha256": sent.get_json()["proposal_sha256"]}
    twin = make_second_account(composition, make_person(Role.PKI_APPROVER), of=officer)
    again_his = twin.token()
    own = twin.send("POST", f"{path}/approve", approval, token=again_his)
    assert (own.status_code, own.get_json()["code"]) == (403, "same_person")
    assert approver.send("POST", f"{path}/approve", approval, token=decides).status_code == 200
    finish_batches(composition.ca)
    result = approver.get(f"{path}/result", token=decides).get_json()
    with zipfile.ZipFile(io.BytesIO(b64decode(result["content"]))) as archive:
        assert sum(name.startswith("certificates/") for name in archive.namelist()) == 2

    chosen = {"institution_ruc": RUC, "reason": "cessationOfOperation"}
    assert officer.send("POST", "/mass-revocations/preview", chosen, token=asks).get_json()["total"] == 2
    nothing = officer.send("POST", "/mass-revocations", {"reason": "superseded"}, token=asks)
    assert (nothing.status_code, nothing.get_json()["code"]) == (422, "nothing_selected")
    asked = officer.send("POST", "/mass-revocations", chosen, token=asks, Idempotency_Key="todo")
    assert (asked.status_code, asked.get_json()["state"]) == (201, "running"), asked.text
    at = f"/mass-revocations/{asked.get_json()['id']}"
    own = officer.send("POST", f"{at}/approve", token=asks)
    assert (own.status_code, own.get_json()["code"]) == (403, "same_person")
    own = twin.send("POST", f"{at}/approve", token=again_his)
    assert (own.status_code, own.get_json()["code"]) == (403, "same_person"), "by another account of his neither"
    decided = approver.send("POST", f"{at}/refuse", token=decides)
    assert (decided.status_code, decided.get_json()["code"]) == (409, "mass_revocation_decided")
    run_batch(composition.ca, asked.get_json()["id"])
    assert approver.get(at, token=decides).get_json()["revoked"] == 2


def test_roles_are_given_and_taken_by_whoever_appoints(
    make_person: MakePerson, institution: Institution, composition: Composition
) -> None:
    """Found by the whole document, on record; nobody raises himself; what is taken is what was seen."""
    chief, other = make_person(Role.ADMINISTRATOR), make_person()
    token = chief.token()
    wrong = chief.send("POST", "/roles/people", {"document": "17", "reason": "corto"}, token=token)
    assert wrong.status_code == 422
    own = {"person_id": chief.visitor.person_id, "role": "auditor"}
    assert chief.send("POST", "/roles", own, token=token).get_json()["code"] == "own_role"
    twin = make_second_account(composition, make_person(), of=chief)
    his = {"person_id": twin.visitor.person_id, "role": "auditor"}
    assert chief.send("POST", "/roles", his, token=token).get_json()["code"] == "own_role", "nor another account of his"
    body = {"person_id": other.visitor.person_id, "role": "pki_officer", "institution_ruc": RUC}
    given = chief.send("POST", "/roles", body, token=token, Idempotency_Key="r")
    assert (given.status_code, given.get_json()["institution_ruc"]) == (201, RUC), given.text
    unknown = chief.send("POST", "/roles", {**body, "role": "pki_approver", "institution_ruc": "1" * 13}, token=token)
    assert (unknown.status_code, unknown.get_json()["errors"][0]["pointer"]) == (422, "#/institution_ruc")
    path = f"/roles/{given.get_json()['id']}"
    assert chief.send("DELETE", path, token=token).status_code == 428
    taken = chief.send("DELETE", path, token=token, If_Match=given.headers["ETag"])
    assert taken.status_code == 200, taken.text
    assert chief.get(path, token=token).status_code == 404


def test_an_application_is_registered_changed_and_goes_live(make_person: MakePerson, institution: Institution) -> None:
    """The secret is told once, and to a repetition; in production a change is another person's decision."""
    developer, chief = make_person(Role.APPLICATION_DEVELOPER), make_person(Role.PROVIDER_ADMINISTRATOR)
    token, decides = developer.token(), chief.token()
    body = {
        "institution_ruc": RUC,
        "kind": "web",
        "name": "Portal",
        "redirect_uris": ["https://portal.gob.ec/vuelta"],
        "post_logout_redirect_uris": ["https://portal.gob.ec/"],
        "scopes": ["profile"],
        "contacts": ["soporte@ministerio.gob.ec"],
        "policy_uri": "https://portal.gob.ec/datos",
    }
    made = developer.send("POST", "/applications", body, token=token, Idempotency_Key="app")
    assert made.status_code == 201, made.text
    again = developer.send("POST", "/applications", body, token=token, Idempotency_Key="app")
    assert made.get_json()["client_secret"] == again.get_json()["client_secret"]
    path = f"/applications/{made.get_json()['application']['client_id']}"
    seen = developer.get(path, token=token)
    assert made.get_json()["client_secret"] not in seen.text
    renamed = {"registration": {"client_name": "Portal único"}}
    done = developer.send("PATCH", path, renamed, token=token, If_Match=seen.headers["ETag"])
    assert (done.status_code, done.get_json()["name"]) == (200, "Portal único"), done.text
    lost = developer.send("PATCH", path, renamed, token=token, If_Match=seen.headers["ETag"])
    assert lost.status_code == 412
    foreign = {"registration": {"resource": "https://otra.gob.ec"}}
    refused = developer.send("PATCH", path, foreign, token=token, If_Match=done.headers["ETag"])
    assert (refused.status_code, refused.get_json()["code"]) == (422, "member_not_changeable")
    assert developer.send("POST", f"{path}/undo", {"version": 2}, token=token).status_code == 200
    assert [each["kind"] for each in developer.get(f"{path}/history", token=token).get_json()["items"]] == [
        "registered", "changed", "changed",
    ]  # fmt: skip
    ready = developer.get(f"{path}/go-live", token=token).get_json()
    assert {each["code"] for each in ready["checks"] if not each["passed"]} == {"contacts", "left", "tried"}
    asked = developer.send("POST", f"{path}/go-live", {"affirmed": ["minimum"]}, token=token)
    assert (asked.status_code, asked.get_json()["code"]) == (422, "go_live_not_ready")
    nobody = chief.send("POST", f"{path}/proposal/approve", {"seen_sha256": "0" * 64}, token=decides)
    assert (nobody.status_code, nobody.get_json()["code"]) == (404, "nothing_waits")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_rights_are_declared_delegated_given_and_ended(
    make_person: MakePerson, composition: Composition, institution: Institution, other_institution: Institution
) -> None:
    """From the declaration to who holds what; where two decide, the second one decides on what was seen."""
    office = Office(composition, register(composition), institution, other_institution)
    office.declare()
    admin, chief, second = make_person(Role.ADMINISTRATOR), make_person(), make_person()
    with composition.database.reading() as session:
        people = {each.visitor.person_id: find_person(session, each.visitor.person_id) for each in (chief, second)}
    for person in people.values():
        office.hire(person)
    token = admin.token()
    listed = admin.get("/declarations", token=token).get_json()["items"]
    declared = next(each for each in listed if each["roles"])
    at = f"/declarations/{declared['client_id']}"
    tag = admin.get(at, token=token).headers["ETag"]
    smaller = {**declared["declared"], "roles": [each for each in declared["declared"]["roles"] if each["name"] != "x"]}
    reviewed = admin.send("POST", f"{at}/review", {"declared": smaller}, token=token)
    assert (reviewed.status_code, reviewed.get_json()["lines"]) == (200, []), reviewed.text
    same = admin.send("PUT", at, {"declared": smaller}, token=token, If_Match=tag)
    assert same.status_code == 200, same.text
    bad = admin.send("PUT", at, {"declared": {"roles": 7}}, token=token, If_Match=same.headers["ETag"])
    assert (bad.status_code, bad.get_json()["errors"][0]["pointer"]) == (422, "#/declared")

    why = {"reason": "Memorando 12 de talento humano"}
    for who, may in ((chief, "assign"), (second, "approve")):
        body = {
            "institution_ruc": RUC,
            "document": people[who.visitor.person_id].document,
            "role_id": office.role_id("voider"),
            "may": may,
            **why,
        }
        given = admin.send("POST", "/delegations", body, token=token)
        assert (given.status_code, given.get_json()["role"]) == (201, "voider"), given.text
    gives, decides = chief.token(), second.token()
    servant = office.person(0)
    added = chief.send(
        "POST",
        f"/institutions/{RUC}/people",
        {"document": servant.document, "post": "Analista", **why},
        token=gives,
        Idempotency_Key="nueva",
    )
    assert added.status_code == 201, added.text
    person = f"/institutions/{RUC}/people/{added.get_json()['id']}"
    proposed = chief.send("POST", f"{person}/rights", {"role_id": office.role_id("voider"), **why}, token=gives)
    assert (proposed.status_code, proposed.get_json()["status"]) == (201, "pending"), proposed.text
    act = f"/institutions/{RUC}/assignments/{proposed.get_json()['id']}"
    seen = {"seen_sha256": proposed.get_json()["seen_sha256"]}
    assert chief.send("POST", f"{act}/approve", seen, token=gives).status_code == 403
    assert second.send("POST", f"{act}/approve", {"seen_sha256": "0" * 64}, token=decides).status_code == 409
    assert second.send("POST", f"{act}/approve", seen, token=decides).get_json()["status"] == "active"
    held = admin.get(f"/rights?institution={RUC}", token=token).get_json()["items"]
    assert [(each["role"], each["person_id"]) for each in held] == [("voider", servant.id)]
    assert servant.document not in str(held), "masked"
    foreign = second.get(f"/institutions/{other_institution.ruc}/people", token=decides)
    assert (foreign.status_code, foreign.get_json()["code"]) == (404, "not_found")
    assert chief.send("POST", f"{person}/leave", token=gives).get_json()["ended_at"] is not None
    assert office.roles(servant) == []
    (first, _) = admin.get("/delegations", token=token).get_json()["items"]
    tag = admin.get(f"/delegations/{first['id']}", token=token).headers["ETag"]
    assert admin.send("DELETE", f"/delegations/{first['id']}", token=token, If_Match=tag).status_code == 200
