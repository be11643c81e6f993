"""A person's own certificates: seen, asked for, put aside, revoked; officers decide as ever."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from audit.vocabulary import EventType
from ca.ceremony.hierarchy import create_hierarchy
from ca.handover.view import list_handovers
from ca.holder.surnames import first_and_second
from ca.issuance.issue import issue_approved
from ca.requests.decide import approve_request
from ca.requests.view import Status, list_requests
from ca.revocation.hold import HeldAs, hold_certificate
from composition import Composition
from idp.accounts.life import verify_identity
from idp.accounts.person import Person
from idp.authentication.assurance import ACR_2FA
from idp.authentication.model import BrowserSessionRow
from kernel.clock import ManualClock
from kernel.errors import Denied
from tests.ca.csr import ec_key, make_csr
from tests.idp.certificates import personal_certificate
from tests.idp.web_people.conftest import Walker

OTHER = "0923456719"
MakePerson = Callable[..., Person]
ASK = "/account/certificates/request"


@pytest.fixture
def person(make_person: MakePerson, composition: Composition, clock: ManualClock) -> Person:
    """Somebody whose identity was checked, where there is an authority."""
    made = make_person()
    create_hierarchy(composition.ca, now=clock.now())
    with composition.database.transaction() as session:
        verify_identity(session, services=composition.idp, person_id=made.id, level=2, actor="desk", now=clock.now())
    return made


def _approve(composition: Composition, approver: str, now: Any) -> Status:
    with composition.database.transaction() as session:
        asked = list_requests(session, services=composition.ca)[0]
        return approve_request(
            session,
            services=composition.ca,
            request_id=asked.id,
            approver=approver,
            tbs_sha256=asked.tbs_sha256,
            now=now,
        ).status


def test_a_certificate_asked_for_with_an_own_key_takes_two_officers(
    walker: Walker, person: Person, composition: Composition, clock: ManualClock, events: Callable[..., Any]
) -> None:
    """Who asks for himself is none of the two; names come from the register; a second request waits for the first."""
    walker.follow(walker.log_in())
    assert "Aún no tiene certificados" in walker.get("/account/certificates").text
    page = walker.get(ASK).text
    assert "Ingreso de persona" in page
    assert "Firma de persona natural" in page
    assert "Sello de institución" not in page
    form = {"profile": "person-authentication", "key": "own", "csr": make_csr(ec_key(), common_name=None, dns=())}
    assert walker.client.post(ASK, data=form).status_code == 400  # without the form's token
    assert "Pegue su solicitud" in walker.post(ASK, form | {"csr": ""}).text
    assert walker.post(ASK, form | {"profile": "institution-seal"}).status_code == 422
    assert walker.post(ASK, form).location == "/account/certificates?asked=1"
    assert "Ya lo pidió" in walker.post(ASK, form).text
    assert "Espera que lo decidan" in walker.get("/account/certificates").text
    assert events(EventType.CERTIFICATE_REQUESTED)[-1].actor == person.id
    with composition.database.reading() as session:
        assert list_requests(session, services=composition.ca)[0].approvals_needed == 2
    assert _approve(composition, "officer1", clock.now()) is Status.SUBMITTED
    assert _approve(composition, "officer2", clock.now()) is Status.APPROVED
    with composition.database.reading() as session:
        request = list_requests(session, services=composition.ca)[0]
    assert "Quispe Toapanta" in request.subject
    issue_approved(composition.ca, request.id, now=clock.now())
    held = walker.get("/account/certificates").text
    assert "Vigente" in held
    assert request.serial in held


def test_who_has_no_key_gets_one_handed_over(
    walker: Walker, person: Person, composition: Composition, clock: ManualClock
) -> None:
    """The browser makes none without JavaScript: the authority does, sealed for this person alone."""
    walker.follow(walker.log_in())
    walker.get(ASK)
    assert walker.post(ASK, {"profile": "natural-person-signature", "key": "made"}).status_code == 303
    with composition.database.reading() as session:
        (handover,) = list_handovers(session)
        request = list_requests(session, services=composition.ca)[0]
    assert handover.has_account
    assert request.holder_id == person.id
    assert (request.inputs["first_surname"], request.inputs["second_surname"]) == ("Quispe", "Toapanta")
    answer = walker.client.post(
        ASK,
        data={
            "csrf_token": walker.token,
            "profile": "person-authentication",
            "key": "own",
            "file": (io.BytesIO(make_csr(ec_key(), common_name=None, dns=()).encode()), "mia.csr"),
        },
        environ_base={"REMOTE_ADDR": walker.address},
    )
    assert answer.status_code == 303


def test_an_identity_that_nobody_checked_asks_for_none(
    walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock
) -> None:
    """It says what to do instead; the form sent all the same is refused."""
    make_person()
    create_hierarchy(composition.ca, now=clock.now())
    walker.follow(walker.log_in())
    assert "hay que comprobar antes su identidad" in walker.get(ASK).text
    walker.get("/account/profile")
    assert walker.post(ASK, {"profile": "person-authentication", "key": "made"}).status_code == 422


def test_a_certificate_is_put_aside_taken_up_and_revoked(
    app: Flask,
    walker: Walker,
    make_person: MakePerson,
    composition: Composition,
    clock: ManualClock,
    mails: Callable[[], list[Any]],
    events: Callable[..., Any],
) -> None:
    """Self-service with consequences in words; a recent login; each on record and told; another's does not exist.

    Taken up again with two factors only: who has nothing but a password, or this certificate, goes to a desk.
    """
    person = make_person()
    make_person(OTHER)
    held = personal_certificate(composition, person.id, now=clock.now())
    page = f"/account/certificates/{held.serial}"
    stranger = Walker(app)
    stranger.follow(stranger.log_in(OTHER))
    stranger.get("/account/profile")
    for path in ("suspend", "revoke"):
        assert stranger.get(f"{page}/{path}").status_code == 404
        assert stranger.post(f"{page}/{path}", {"reason": "superseded"}).status_code == 404
    assert stranger.post(f"{page}/release").status_code == 404
    walker.follow(walker.log_in())
    assert "nadie debe aceptarlo" in walker.get(f"{page}/suspend").text
    assert walker.client.post(f"{page}/suspend").status_code == 400
    for _ in range(2):
        assert walker.post(f"{page}/suspend").location == "/account/certificates?changed=suspended"
    assert mails()[0].subject == "Suspendió su certificado"
    with composition.database.reading() as session, pytest.raises(Denied) as refused:
        composition.idp.certificates.identify(session, held.der, now=clock.now())
    assert refused.value.code == "certificate_suspended"
    assert "Suspendido el" in walker.get("/account/certificates").text
    assert walker.post(f"{page}/release").location == "/account/certificates?refused=factor"
    assert "ingrese de otra forma fuerte" in walker.get("/account/certificates?refused=factor").text
    with composition.database.transaction() as session:
        session.execute(update(BrowserSessionRow).values(acr=ACR_2FA, x5t_s256=held.x5t_s256))
    assert walker.post(f"{page}/release").location == "/account/certificates?refused=factor"
    with composition.database.transaction() as session:
        session.execute(update(BrowserSessionRow).values(x5t_s256=None))
    for _ in range(2):
        assert walker.post(f"{page}/release").location == "/account/certificates?changed=released"
    with composition.database.reading() as session:
        composition.idp.certificates.identify(session, held.der, now=clock.now())
    with composition.database.transaction() as session:
        hold_certificate(
            session,
            services=composition.ca,
            serial=held.serial,
            actor="officer-1",
            held_as=HeldAs.AUTHORITY,
            now=clock.now(),
        )
    assert mails()[0].subject == "Se suspendió su certificado"
    assert "Lo suspendió un funcionario" in walker.get("/account/certificates").text
    assert walker.post(f"{page}/release").location == "/account/certificates?refused=officer"
    preview = walker.get(f"{page}/revoke").text
    assert "Lo que firmó antes sigue valiendo" in preview
    assert "se cierran 0 sesiones" in preview
    assert "Elija por qué lo revoca" in walker.post(f"{page}/revoke", {"reason": "cACompromise"}).text
    for _ in range(2):
        answer = walker.post(f"{page}/revoke", {"reason": "keyCompromise"})
        assert answer.location == "/account/certificates?revoked=1"
    assert "Revocado" in walker.get("/account/certificates").text
    revoked = events(EventType.CERTIFICATE_REVOKED)
    assert [(event.actor, event.object_id) for event in revoked] == [(person.id, held.serial)]
    said = (EventType.CERTIFICATE_SUSPENDED, EventType.CERTIFICATE_RELEASED)
    assert [[event.outcome for event in events(kind)] for kind in said] == [
        ["success"],
        ["refused", "refused", "success"],
    ]
    own = (EventType.CERTIFICATE_HELD, EventType.CERTIFICATE_HOLD_RELEASED)
    assert [[event.actor for event in events(kind)] for kind in own] == [[person.id, "officer-1"], [person.id]]
    clock.advance(timedelta(minutes=16))
    assert "/login/" in walker.get(f"{page}/revoke").location


def test_a_certificate_that_ends_soon_is_said_on_top(
    walker: Walker, make_person: MakePerson, composition: Composition, clock: ManualClock
) -> None:
    """Thirty days before, unless another of its kind is there."""
    person = make_person()
    personal_certificate(composition, person.id, now=clock.now())
    walker.follow(walker.log_in())
    assert "vence el" not in walker.get("/account").text
    clock.advance(timedelta(days=705))
    walker.follow(walker.log_in())
    assert re.search(r"Ingreso de persona» vence el", walker.get("/account").text)


@pytest.mark.parametrize(
    ("surnames", "parted"),
    [
        ("Quispe Toapanta", ("Quispe", "Toapanta")),
        ("De la Torre Vega", ("De la Torre", "Vega")),
        ("Torres De la Cruz", ("Torres", "De la Cruz")),
        ("Zambrano", ("Zambrano", "")),
    ],
)
def test_two_surnames_are_parted_before_the_second(surnames: str, parted: tuple[str, str]) -> None:
    """Particles belong to what follows them."""
    assert first_and_second(surnames) == parted
