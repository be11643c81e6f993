"""Approvals on a telephone with keys, from the application's request to its tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.model import PersonRow
from idp.accounts.person import find_person
from idp.authentication.assurance import ACR_1FA, ACR_2FA, ACR_LEVEL_2, acr_of
from idp.notices.gsm import PLACES, places_of
from idp.notices.sms import list_stored_sms
from idp.ussd.pin import parse_pin, set_pin
from idp.ussd.screens import _WORDS, screen
from kernel.clock import ManualClock
from kernel.errors import Rejected
from tests.idp.call_centre import CallCentre, add_call_centre
from tests.idp.relying_party import Visitor, add_visitor, events, leaves
from tests.servers.ussd import SECRET, KeyTelephone

PHONE, PIN = "+593991234567", "472913"


@pytest.fixture
def centre(composition: Composition, app: Flask, http: FlaskClient) -> CallCentre:
    """A call centre that polls."""
    return add_call_centre(composition, http)


@pytest.fixture(autouse=True)
def _switched_on(composition: Composition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An operator has connected the gateway."""
    secret = tmp_path / "ussd-secret"
    secret.write_text(SECRET)
    settings = composition.settings.__dict__
    monkeypatch.setitem(settings, "ussd_code", "*723#")
    monkeypatch.setitem(settings, "ussd_secret_file", secret)
    monkeypatch.setitem(settings, "ussd_networks", (ip_network("198.51.100.0/24"),))
    yield


@pytest.fixture
def telephone(http: FlaskClient) -> KeyTelephone:
    """The citizen's."""
    return KeyTelephone(http)


@pytest.fixture
def citizen(composition: Composition, app: Flask) -> Visitor:
    """Somebody with a telephone and a PIN, and no mailbox."""
    visitor = add_visitor(composition, app)
    give_pin(composition, visitor.person_id)
    return visitor


def give_pin(composition: Composition, person_id: str, pin: str = PIN) -> None:
    """Confirm the telephone and set the PIN."""
    now = composition.clock.now()
    values = {"phone": PHONE, "phone_verified_at": now, "email": None, "email_verified_at": None}
    with composition.database.transaction() as session:
        session.execute(update(PersonRow).where(PersonRow.id == person_id).values(**values))
        session.expire_all()
        person = find_person(session, person_id)
        set_pin(session, services=composition.idp, person=person, pin=parse_pin(pin, person=person), now=now)


def told(composition: Composition) -> str:
    """Return the newest short message."""
    with composition.database.reading() as session:
        return list_stored_sms(session, services=composition.idp)[0].text


@pytest.mark.parametrize("whole", [True, False], ids=["all-typed", "last-key"])
def test_a_feature_phone_approves_with_the_message_on_both_screens(
    composition: Composition, centre: CallCentre, citizen: Visitor, telephone: KeyTelephone, whole: bool
) -> None:
    """A message says what to dial; who asks, the binding message, what is given, the PIN; tokens of one factor."""
    telephone.whole = whole
    assert telephone.dial() == "END SAU: no hay pedidos para este celular."
    asked = centre.ask(binding_message="Trámite 55-A")
    assert "Marque *723#" in told(composition)
    shown = telephone.dial()
    assert shown.startswith("CON SAU Manuela: Centro de Llamadas pide su aprobacion.\nTramite 55-A\n")
    assert telephone.key("7") == shown, "a key that is none asks again"
    assert telephone.key("1") == "CON Recibira: nombres.\nEscriba su PIN para permitir, o 0 para no."
    assert telephone.key(PIN) == "END SAU: listo, usted permitio a Centro de Llamadas."
    assert telephone.dial() == "END SAU: no hay pedidos para este celular."
    claims = centre.party.claims(centre.poll(asked["auth_req_id"]).get_json()["id_token"])
    assert (claims["sub"], claims["acr"], sorted(claims["amr"])) == (citizen.person_id, ACR_1FA, ["pin", "ussd"])
    event = leaves(composition, EventType.BACKCHANNEL_ALLOWED.value)[-1]
    assert event["details"]["channel"] == "ussd"
    everything = json.dumps([leaves(composition, kind.value) for kind in EventType])
    assert PIN not in everything and PHONE not in everything and SECRET not in everything


def test_saying_no_needs_no_pin_and_no_fui_yo_quiets_the_asker(
    composition: Composition, centre: CallCentre, citizen: Visitor, telephone: KeyTelephone, clock: ManualClock
) -> None:
    """2 denies; 3 denies and the application is not heard for a day; 0 where the PIN is asked denies."""
    for keys, answer in ((("2",), "dijo que no"), (("1", "0"), "dijo que no"), (("3",), "no fue usted")):
        asked = centre.ask(binding_message="Uno")
        telephone.dial()
        for key in keys:
            shown = telephone.key(key)
        assert shown.startswith("END") and answer in shown
        assert centre.error(asked["auth_req_id"]) == "access_denied"
        clock.advance(timedelta(minutes=6))
    centre.ask(binding_message="Otro")
    assert "no hay pedidos" in telephone.dial()
    assert events(composition, EventType.BACKCHANNEL_DISOWNED.value)


@pytest.mark.parametrize("acr", [ACR_2FA, ACR_LEVEL_2])
def test_nothing_strong_is_approved_by_telephone(
    composition: Composition, centre: CallCentre, citizen: Visitor, telephone: KeyTelephone, acr: str
) -> None:
    """The number is the operator's word and the PIN goes in clear: no two factors, no verified identity."""
    centre.ask(binding_message="Uno", acr_values=acr)
    assert "Marque" not in told(composition)
    assert "pide un ingreso mas seguro" in telephone.dial()
    assert acr_of(["pin", "ussd"]) == ACR_1FA
    assert acr_of(["pin", "pwd", "ussd"]) == ACR_1FA


def test_what_no_screen_can_show_is_answered_in_the_account(
    centre: CallCentre, citizen: Visitor, telephone: KeyTelephone
) -> None:
    """Without a binding message nobody could compare the two screens."""
    centre.ask()
    assert "Revise el pedido en su cuenta" in telephone.dial()


def test_three_wrong_pins_in_a_day_are_all(
    composition: Composition, centre: CallCentre, citizen: Visitor, telephone: KeyTelephone, clock: ManualClock
) -> None:
    """Counted before they are judged; in another dialogue too; a new PIN, by a login, begins anew."""
    asked = centre.ask(binding_message="Uno", requested_expiry="600")
    telephone.dial()
    telephone.key("1")
    assert telephone.key("000111").startswith("CON PIN equivocado. Le quedan 2.")
    assert "Le quedan 1" in telephone.key("000112")
    telephone.dial()
    telephone.key("1")
    assert "demasiados PIN" in telephone.key("000113")
    telephone.dial()
    telephone.key("1")
    assert "demasiados PIN" in telephone.key(PIN)
    assert centre.error(asked["auth_req_id"]) == "authorization_pending"
    failures = [reason for outcome, reason, _ in events(composition, EventType.USSD_PIN_VERIFIED.value)]
    assert failures == ["wrong_pin", "wrong_pin", "wrong_pin", "too_many_tries"]
    give_pin(composition, citizen.person_id, "815204")
    telephone.dial()
    telephone.key("1")
    assert "listo" in telephone.key("815204")


def test_requests_and_dialogues_expire(
    centre: CallCentre, citizen: Visitor, telephone: KeyTelephone, clock: ManualClock
) -> None:
    """The PIN after the request's end allows nothing; a dialogue of yesterday begins anew."""
    asked = centre.ask(binding_message="Uno", requested_expiry="60")
    telephone.dial()
    telephone.key("1")
    clock.advance(timedelta(seconds=61))
    assert "ya se decidio o vencio" in telephone.key(PIN)
    assert centre.error(asked["auth_req_id"]) == "expired_token"
    centre.ask(binding_message="Dos", requested_expiry="600")
    telephone.dial()
    telephone.key("1")
    clock.advance(timedelta(minutes=4))
    assert "\nDos\n" in telephone.key(PIN), "asked again from the start"


def test_a_family_shares_a_telephone_and_nobody_answers_for_another(
    composition: Composition, app: Flask, centre: CallCentre, citizen: Visitor, telephone: KeyTelephone
) -> None:
    """The screen names whose request it is; another's PIN does not fit. Another number's dialogue is not taken over."""
    other = add_visitor(composition, app, cedula="0923456719")
    give_pin(composition, other.person_id, "815204")
    centre.ask(binding_message="Uno")
    assert "SAU Manuela:" in telephone.dial()
    telephone.key("1")
    thief = KeyTelephone(telephone.http, phone="593987654321", session=telephone.session)
    assert thief.post(f"1*{PIN}").get_data(as_text=True) == "END SAU: no hay pedidos para este celular."
    assert "PIN equivocado" in telephone.key("815204")


def test_one_answer_counts_however_many_come_at_once(
    app: Flask, centre: CallCentre, citizen: Visitor, telephone: KeyTelephone, composition: Composition
) -> None:
    """A gateway repeats what it got no answer to."""
    centre.ask(binding_message="Uno")
    telephone.dial()
    telephone.key("1")
    start, answers = threading.Barrier(4), []

    def press() -> None:
        mine = KeyTelephone(app.test_client(use_cookies=False), session=telephone.session)
        start.wait()
        answers.append(mine.post(f"1*{PIN}").get_data(as_text=True))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("listo" in answer for answer in answers) == 1
    assert len(events(composition, EventType.BACKCHANNEL_ALLOWED.value)) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"secret": "otra"}, 403),
        ({"address": "203.0.113.5"}, 403),
        ({"phone": "abc"}, 400),
        ({"phone": "447911123456"}, 400),
        ({"session": ""}, 400),
    ],
    ids=["secret", "network", "no-number", "country", "no-session"],
)
def test_only_the_gateway_is_believed(
    composition: Composition, citizen: Visitor, telephone: KeyTelephone, changes: dict[str, Any], status: int
) -> None:
    """Who could say a number is who dials could be anybody: secret and network, both; each refusal is on record."""
    telephone.session = "s"
    for name, value in changes.items():
        setattr(telephone, name, value)
    assert telephone.post("").status_code == status
    assert len(events(composition, EventType.USSD_REFUSED.value)) == 1


def test_without_a_gateway_there_is_no_such_address(
    composition: Composition, telephone: KeyTelephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off until it is set up."""
    monkeypatch.setitem(composition.settings.__dict__, "ussd_code", "")
    assert telephone.post("").status_code == 404


@pytest.mark.parametrize("pin", ["12345", "1234567", "12345a", "123456", "987654", "111222", "003406", "991234"])
def test_a_pin_is_six_digits_that_nobody_guesses(composition: Composition, citizen: Visitor, pin: str) -> None:
    """No rows, no two digits, nothing of the document or the number."""
    with composition.database.reading() as session:
        person = find_person(session, citizen.person_id)
    with pytest.raises(Rejected, match="PIN"):
        parse_pin(pin, person=person)


def test_every_screen_fits(composition: Composition) -> None:
    """160 places, whatever the application is called and says."""
    longest = {"who": "Maria Fernanda", "client": "€" * 200, "binding": "$" * 64, "data": "x" * 80, "left": 2}
    for locale, words in _WORDS.items():
        for name in words:
            assert places_of(screen(name, locale=locale, **longest).text) <= PLACES
