"""Credentials of ACME, EST and CMP at the console: given, shown once, listed with their use, withdrawn."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from admin.permissions import Role
from audit.event import Event
from audit.vocabulary import EventType
from ca.acme.model import Account, Order
from composition import Composition
from idp.directory.institutions import Institution
from kernel.clock import ManualClock
from kernel.identifiers import new_id
from tests.admin.conftest import Events, MakeOperator, Operator

ALL = "/admin/credentials"
_FORM = {"uses": "2", "days": "30", "names": ""}


def _issue(officer: Operator, kind: str, form: dict[str, object], profile: str = "") -> tuple[str, str]:
    """Give one out; return its reference and its secret."""
    page = f"{ALL}/{kind}/new" + (f"?profile={profile}" if profile else "")
    made = officer.post(f"{ALL}/{kind}/new", {"profile": profile, **form}, page=page)
    assert made.status_code == 200, made.text
    assert "no-store" in made.headers["Cache-Control"]
    found = [re.search(rf'id="{name}">([^<]+)<', made.text) for name in ("credential-id", "secret")]
    assert all(found)
    return found[0][1], found[1][1]  # type: ignore[index]


@pytest.mark.parametrize(("kind", "profile"), [("acme", ""), ("est", "tls-client"), ("cmp", "tls-server")])
def test_one_is_given_shown_once_and_withdrawn_on_record(
    make_operator: MakeOperator, institution: Institution, events: Events, kind: str, profile: str
) -> None:
    """Each protocol by the same pages; the secret stands on one answer and in no event."""
    officer = make_operator(Role.PKI_OFFICER)
    key_id, secret = _issue(officer, kind, _FORM | {"institution": institution.ruc}, profile)
    one = officer.get(f"{ALL}/{kind}/{key_id}")
    listed = officer.get(f"{ALL}?kind={kind}")
    assert institution.name in listed.text
    assert "Abierta" in one.text
    assert secret not in one.text + listed.text
    answer = officer.post(f"{ALL}/{kind}/{key_id}/withdraw")
    assert answer.status_code == 303
    assert "Retirada" in officer.get(f"{ALL}/{kind}/{key_id}").text
    assert officer.browser.get(f"{ALL}/{kind}/{key_id}/withdraw").status_code == 200
    told = [each for each in events() if each.object_id == key_id]
    assert [each.type.rpartition(":")[2] for each in told] == [
        "issued" if kind == "acme" else "created",
        "revoked",
    ]
    assert {each.actor for each in told} == {officer.person.id}
    assert not any(secret.encode() in each.leaf for each in told)


def test_accounts_stand_with_their_last_use_and_close(
    make_operator: MakeOperator, institution: Institution, composition: Composition, clock: ManualClock
) -> None:
    """What was opened with a credential, when it last ordered, and the end of one account."""
    officer = make_operator(Role.PKI_OFFICER)
    key_id, _secret = _issue(officer, "acme", _FORM | {"institution": institution.ruc})
    account, now = new_id(), clock.now()
    with composition.database.transaction() as session:
        session.add(
            Account(
                id=account,
                credential_id=key_id,
                status="valid",
                jwk={},
                thumbprint="t" * 43,
                spki_sha256="0" * 64,
                contacts=["mailto:redes@ministerio.gob.ec"],
                created_at=now,
                closed_at=None,
            )
        )
        session.flush()
        composition.journal.record(session, _opened(account), now=now)
        session.add(
            Order(
                id=new_id(),
                account_id=account,
                status="valid",
                profile="tls-server-acme",
                profile_named=False,
                names=["www.ministerio.gob.ec"],
                created_at=now + timedelta(days=3),
                expires_at=now + timedelta(days=4),
            )
        )
    page = officer.get(f"{ALL}/acme/{key_id}").text
    assert "redes@ministerio.gob.ec" in page
    last = (now + timedelta(days=3)).astimezone().strftime("%Y")
    assert last in page
    assert "se cierra la cuenta" in officer.get(f"{ALL}/acme/{key_id}/withdraw").text
    path = f"{ALL}/acme/accounts/{account}/close"
    assert officer.post(path).status_code == 303
    assert "Cerrada aquí" in officer.get(f"{ALL}/acme/{key_id}").text
    assert officer.post(path).status_code == 303  # sent twice


def _opened(account: str) -> Event:
    return Event(type=EventType.ACME_ACCOUNT_OPENED, object_id=account)


def test_what_is_typed_wrong_is_said_beside_its_field(make_operator: MakeOperator, institution: Institution) -> None:
    """And nothing is made."""
    officer, new = make_operator(Role.PKI_OFFICER), f"{ALL}/acme/new"
    form = _FORM | {"institution": institution.ruc}
    for wrong, said in (
        ({"institution": ""}, "Elija la institución"),
        ({"uses": "0"}, "de 1 a 1000"),
        ({"days": "900"}, "de 1 a 366"),
        ({"names": "gob.ec"}, "Un nombre es de todos"),
    ):
        answer = officer.post(new, form | wrong)
        assert answer.status_code == 422
        assert said in answer.text
    assert "¿Qué certificado pedirá el equipo?" in officer.get(f"{ALL}/est/new").text
    assert "Firma de persona" not in officer.get(f"{ALL}/est/new").text
    assert "Todavía no se ha entregado ninguna" in officer.get(ALL).text


def test_another_institutions_credentials_are_not_there(
    make_operator: MakeOperator, institution: Institution, other_institution: Institution
) -> None:
    """An officer of one institution lists, opens, gives and withdraws there alone; an approver changes nothing."""
    whole = make_operator(Role.PKI_OFFICER)
    theirs, _ = _issue(whole, "acme", _FORM | {"institution": other_institution.ruc})
    bound = make_operator(Role.PKI_OFFICER, name="Luis", institution_ruc=institution.ruc)
    assert "Todavía no se ha entregado ninguna" in bound.get(ALL).text
    for path in (f"{ALL}/acme/{theirs}", f"{ALL}/acme/{theirs}/withdraw", f"{ALL}/acme/accounts/{theirs}/close"):
        assert bound.get(path).status_code == 404
    sent = bound.post(f"{ALL}/acme/{theirs}/withdraw", page=f"{ALL}/acme/new")
    assert sent.status_code == 404
    refused = bound.post(f"{ALL}/acme/new", _FORM | {"institution": other_institution.ruc})
    assert refused.status_code == 422
    approver = make_operator(Role.PKI_APPROVER, name="Eva")
    shown = approver.get(f"{ALL}/acme/{theirs}")
    assert "Retirar esta credencial" not in shown.text
    assert approver.get(f"{ALL}/acme/new").status_code == 403
    assert whole.get(f"{ALL}/est/{theirs}").status_code == 404
