"""Changes of applications: proposed and decided by two in production, kept before and after, and taken back."""

from __future__ import annotations

import re

import pytest

from admin.applications.changing import propose_change
from admin.applications.registered import differing, with_scopes
from admin.model import ApplicationChange
from admin.permissions import Role
from composition import Composition
from idp.accounts.model import PersonRow
from idp.clients.client import Client, find_client
from idp.clients.environment import Environment
from idp.clients.history import list_changes
from idp.clients.register import place_client, register_client, set_scopes
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from kernel.errors import Conflict, Rejected
from tests.admin.conftest import Events, MakeOperator
from tests.admin.test_applications import enter

_REGISTERED = {
    "client_name": "Turnos",
    "redirect_uris": ["https://turnos.ministerio.gob.ec/vuelta", "https://turnos.ministerio.gob.ec/otra"],
    "post_logout_redirect_uris": ["https://turnos.ministerio.gob.ec/"],
    "scope": "openid profile",
    "contacts": ["turnos@ministerio.gob.ec"],
    "policy_uri": "https://turnos.ministerio.gob.ec/datos",
}
_FORM = {
    "name": "Turnos",
    "redirect_uris": "https://turnos.ministerio.gob.ec/vuelta",
    "post_logout_redirect_uris": "https://turnos.ministerio.gob.ec/",
    "scope": ["profile", "cedula", "offline_access"],
    "contacts": "turnos@ministerio.gob.ec",
    "policy_uri": "https://turnos.ministerio.gob.ec/datos",
    "policy": "web",
}


def test_what_differs_is_told_value_by_value() -> None:
    """What goes, what comes and what stays of a list; a scope is a list; what was absent was nothing."""
    (one,) = differing({"scope": "openid email"}, {"scope": "openid cedula"})
    assert (one.removed, one.added, one.kept) == (("email",), ("cedula",), ("openid",))
    names = [each.name for each in differing({"a": ["x"], "b": 1}, {"a": ["x"], "c": {"k": 2}})]
    assert names == ["b", "c"]


def test_a_change_in_production_is_proposed_and_another_applies_it(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock, events: Events
) -> None:
    """Field by field, with a reason; never by who proposed it; a refusal says why; what is applied is what was seen."""
    asker = make_operator(Role.APPLICATION_DEVELOPER, Role.PROVIDER_ADMINISTRATOR)
    approver = make_operator(Role.PROVIDER_ADMINISTRATOR, name="Berta")
    client = live(composition, clock, institution)
    change, proposal = (
        f"/admin/applications/{client.client_id}/change",
        f"/admin/applications/{client.client_id}/proposal",
    )
    form = _FORM | {"version": str(client.version)}
    assert "Escriba el motivo" in asker.post(change, form).text
    assert (
        "Nada cambiaría"
        in asker.post(
            change, form | {"scope": ["profile"], "redirect_uris": "\n".join(client.redirect_uris), "why": "Porque sí"}
        ).text
    )
    assert asker.post(change, form | {"why": "Pide la ley"}).status_code == 303
    assert _now(composition, client) == registration_document(client)  # nothing happened yet
    assert "Ya espera un cambio" in asker.post(change, form | {"why": "Otra vez"}).text
    shown = approver.get(proposal).text
    assert "Pide la ley" in shown
    assert "<del>https://turnos.ministerio.gob.ec/otra</del>" in shown
    assert "<ins>Cédula (cedula)</ins>" in shown
    seen = _seen(shown)
    assert 'id="approve"' not in asker.get(proposal).text
    own = asker.post(f"{proposal}/decide", {"decision": "approve", "seen": seen}, page=proposal)
    assert "Usted lo propuso" in own.text
    mailbox = _set_mailbox(composition, approver.person.id, asker.person.email)  # his other account
    same = approver.post(f"{proposal}/decide", {"decision": "approve", "seen": seen}, page=proposal)
    assert "Usted lo propuso" in same.text
    _set_mailbox(composition, approver.person.id, mailbox)
    assert approver.post(f"{proposal}/decide", {"decision": "refuse", "seen": seen}, page=proposal).status_code == 422
    other = {"decision": "approve", "seen": "0" * 64}
    assert "revise otra vez" in approver.post(f"{proposal}/decide", other, page=proposal).text
    refused = {"decision": "refuse", "reason": "Falta la base legal", "seen": seen}
    assert approver.post(f"{proposal}/decide", refused, page=proposal).status_code == 303
    assert "Falta la base legal" in asker.get(proposal).text
    assert asker.post(change, form | {"why": "Artículo 9"}).status_code == 303
    seen = _seen(approver.get(proposal).text)
    assert approver.post(f"{proposal}/decide", {"decision": "approve", "seen": seen}, page=proposal).status_code == 303
    stands = _now(composition, client)
    assert stands["scope"] == "openid profile cedula offline_access"
    assert stands["grant_types"] == ["authorization_code", "refresh_token"]
    with composition.database.reading() as session:
        last = list_changes(session, client.client_id)[0]
    assert (last.changed_by, last.approved_by) == (asker.person.id, approver.person.id)
    assert last.before["redirect_uris"] == _REGISTERED["redirect_uris"]
    kinds = [(event.type, event.outcome) for event in events() if event.type.startswith("admin:application:change")]
    assert sorted(kinds) == [
        ("admin:application:change_approved", "success"),
        ("admin:application:change_asked", "success"),
        ("admin:application:change_asked", "success"),
        ("admin:application:change_refused", "refused"),
        ("admin:application:change_refused", "refused"),
        ("admin:application:change_refused", "success"),
    ]


def _set_mailbox(composition: Composition, person_id: str, email: str | None) -> str | None:
    with composition.database.transaction() as session:
        row = session.get_one(PersonRow, person_id)
        before, row.email = row.email, email
    return before


def test_a_proposal_of_what_changed_meanwhile_is_not_applied_and_is_proposed_anew_by_one_click(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """A command changed the scopes: what was proposed stays proposed, over what is registered now."""
    asker = make_operator(Role.APPLICATION_DEVELOPER)
    approver = make_operator(Role.PROVIDER_ADMINISTRATOR, name="Berta")
    client = live(composition, clock, institution)
    change, proposal = (
        f"/admin/applications/{client.client_id}/change",
        f"/admin/applications/{client.client_id}/proposal",
    )
    form = _FORM | {"scope": ["profile"], "version": str(client.version), "why": "Una dirección menos"}
    assert asker.post(change, form).status_code == 303
    seen = _seen(approver.get(proposal).text)
    with composition.database.transaction() as session:
        set_scopes(
            session,
            journal=composition.journal,
            client_id=client.client_id,
            scopes=("openid", "email"),
            now=clock.now(),
        )
    stale = approver.get(proposal).text
    assert "cambió mientras tanto" in stale
    assert 'id="approve"' not in stale
    answer = approver.post(f"{proposal}/decide", {"decision": "approve", "seen": seen}, page=change)
    assert answer.status_code == 422
    assert asker.post(f"{proposal}/anew", page=proposal).status_code == 303
    seen = _seen(approver.get(proposal).text)
    assert approver.post(f"{proposal}/decide", {"decision": "approve", "seen": seen}, page=proposal).status_code == 303
    stands = _now(composition, client)
    assert (stands["scope"], stands["redirect_uris"]) == ("openid email", [_FORM["redirect_uris"]])
    with composition.database.reading() as session:
        ended = [row.ended for row in session.query(ApplicationChange).order_by(ApplicationChange.asked_at)]
        ended += [row.ended for row in session.query(ApplicationChange).order_by(ApplicationChange.id)]
    assert sorted(filter(None, ended)) == ["applied"] * 2 + ["withdrawn"] * 2


def test_the_last_change_is_taken_back_at_once_in_a_sandbox_and_by_approval_in_production(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """Only the last, and only what is of the registration: where it stands is not undone so."""
    asker = make_operator(Role.APPLICATION_DEVELOPER)
    approver = make_operator(Role.PROVIDER_ADMINISTRATOR, name="Berta")
    client = live(composition, clock, institution, environment=Environment.SANDBOX)
    path = f"/admin/applications/{client.client_id}"
    assert "no se deshace aquí" in asker.get(f"{path}/history").text
    assert asker.post(f"{path}/change", _FORM | {"version": "1"}).status_code == 303
    history = asker.get(f"{path}/history").text
    assert "Versión 2" in history
    assert 'name="version" value="2"' in history
    assert asker.post(f"{path}/history", {"version": "1"}).status_code == 422
    assert asker.post(f"{path}/history", {"version": "2"}).status_code == 303
    assert _now(composition, client) == registration_document(client)
    assert "deshace la versión 2" in asker.get(f"{path}/history").text
    _place(composition, clock, client, Environment.PRODUCTION)
    assert "Cambió de lugar" in asker.get(f"{path}/history").text
    assert asker.post(f"{path}/history", {"version": "4"}, page=f"{path}/change").status_code == 422
    with composition.database.transaction() as session:
        set_scopes(
            session, journal=composition.journal, client_id=client.client_id, scopes=("openid",), now=clock.now()
        )
    assert asker.post(f"{path}/history", {"version": "5"}).status_code == 422  # why is missing
    assert asker.post(f"{path}/history", {"version": "5", "why": "Fue un error"}).status_code == 303
    seen = _seen(approver.get(f"{path}/proposal").text)
    form = {"decision": "approve", "seen": seen}
    assert approver.post(f"{path}/proposal/decide", form, page=f"{path}/proposal").status_code == 303
    assert _now(composition, client)["scope"] == "openid profile"


def test_what_is_not_an_applications_own_to_say_is_not_changed_so(
    institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """Which API it is, and what proves who it is, go other ways; a change of another's version is lost to nobody."""
    client = live(composition, clock, institution)
    more = {"services": composition.idp, "client": client, "why": "x", "actor": "a", "now": clock.now()}
    for changes in (
        {"resource": "https://api.gob.ec"},
        {"jwks_uri": "https://x.gob.ec/"},
        {"subject_type": "pairwise"},
    ):
        with composition.database.transaction() as session, pytest.raises(Rejected) as refused:
            propose_change(session, changes=changes, seen_version=client.version, **more)
        assert refused.value.code == "member_not_changeable"
    with composition.database.transaction() as session, pytest.raises(Conflict) as late:
        propose_change(session, changes={"client_name": "X"}, seen_version=99, **more)
    assert late.value.code == "application_version"


def test_refresh_tokens_go_with_the_scope_of_access_without_the_person(
    institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """Taking the scope away takes the grant type away, and the other way round."""
    client = live(composition, clock, institution)
    more = with_scopes(client, ["profile", "offline_access"])
    assert (more["scope"], more["grant_types"]) == (
        "openid profile offline_access",
        ["authorization_code", "refresh_token"],
    )
    assert with_scopes(client, ["profile"])["grant_types"] == ["authorization_code"]


def test_a_request_to_go_live_of_what_changed_since_is_asked_anew_by_one_click(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock, events: Events
) -> None:
    """Nobody has to refuse it first; it can be taken back, too."""
    asker = make_operator(Role.APPLICATION_DEVELOPER)
    approver = make_operator(Role.PROVIDER_ADMINISTRATOR, name="Berta")
    client = live(composition, clock, institution, environment=Environment.SANDBOX)
    enter(composition, clock, client.client_id)
    path = f"/admin/applications/{client.client_id}"
    affirmed = {"affirmed": ["minimum", "secrets", "support"]}
    assert asker.post(f"{path}/go-live", affirmed).status_code == 303
    assert 'id="anew"' not in asker.get(f"{path}/go-live").text
    assert asker.post(f"{path}/go-live/anew", page=f"{path}/go-live").status_code == 422  # it can be decided as it is
    assert asker.post(f"{path}/change", _FORM | {"version": "1", "scope": ["profile"]}).status_code == 303
    stale = approver.get(f"{path}/go-live").text
    assert "hay que pedirlo de nuevo" in stale
    assert 'id="approve"' not in stale
    assert asker.post(f"{path}/go-live/anew", page=f"{path}/go-live").status_code == 303
    assert 'id="approve"' in approver.get(f"{path}/go-live").text
    assert "Pedidos suyos de aplicaciones" in asker.get("/admin").text
    assert "/admin/applications?state=waiting" in approver.get("/admin").text
    assert "Turnos" in approver.get("/admin/applications?state=waiting").text
    assert asker.post(f"{path}/go-live/withdraw", page=f"{path}/go-live").status_code == 303
    assert 'id="approve"' not in approver.get(f"{path}/go-live").text
    kinds = sorted(event.type for event in events() if event.type.startswith("admin:application:"))
    assert kinds == ["admin:application:go_live_asked"] * 2 + ["admin:application:go_live_withdrawn"] * 2


def live(
    composition: Composition,
    clock: ManualClock,
    institution: Institution,
    *,
    environment: Environment = Environment.PRODUCTION,
    **more: object,
) -> Client:
    """Register an application of this institution."""
    with composition.database.transaction() as session:
        return register_client(
            session,
            journal=composition.journal,
            registration=ClientRegistration.parse({**_REGISTERED, **more}),
            institution_id=institution.id,
            environment=environment,
            now=clock.now(),
        ).client


def _place(composition: Composition, clock: ManualClock, client: Client, environment: Environment) -> None:
    with composition.database.transaction() as session:
        place_client(
            session,
            journal=composition.journal,
            client_id=client.client_id,
            environment=environment,
            institution_id=client.institution_id,
            now=clock.now(),
        )


def _now(composition: Composition, client: Client) -> dict[str, object]:
    with composition.database.reading() as session:
        return registration_document(find_client(session, client.client_id))


def _seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found, page
    return found[1]
