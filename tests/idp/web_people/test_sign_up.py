"""Creating an account, step by step, through the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import find_person_by_cedula
from idp.authentication.totp import current_code
from kernel.clock import ManualClock
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker, mail_code

FORM = {
    "cedula": "171003406-5",
    "given_names": "Ana  María",
    "surnames": "Quispe",
    "email": "Ana@Correo.test",
}


def test_a_citizen_signs_up_and_adds_a_second_factor(
    walker: Walker,
    composition: Composition,
    clock: ManualClock,
    mails: Callable[[], list[Any]],
    events: Callable[..., list[Any]],
) -> None:
    """Cédula, code by mail, password, TOTP by QR, recovery codes once, account: each step on record."""
    walker.get("/signup")
    step = walker.post("/signup", FORM).location
    assert "ana@correo.test" not in walker.get(step).text
    code = mail_code(mails()[0].body)
    assert mails()[0].to == "ana@correo.test"
    assert code not in mails()[0].subject
    page = walker.follow(walker.post(step, {"step": "code", "code": f"{code[:4]} {code[4:]}"}))
    assert "Cree su contraseña" in page.text
    page = walker.follow(walker.post(step, {"step": "password", "password": PASSWORD}))
    assert 'id="add-totp" href="/account/second-factor"' in page.text
    page = walker.get("/account/second-factor")
    assert "data:image/svg+xml" in page.text
    assert walker.get("/account/second-factor").text.count("totp-key") == 1
    key = re.search(r'id="totp-key">([A-Z2-7 ]+)<', page.text)[1].replace(" ", "")  # type: ignore[index]
    assert len(key) == 32, "160 bits"
    page = walker.follow(walker.post("/account/second-factor", {"code": current_code(key, now=clock.now())}))
    codes = re.findall(r"[0-9A-Z]{5}-[0-9A-Z]{5}", page.text)
    assert len(set(codes)) == 10
    assert set(codes) <= set(re.findall(r"[0-9A-Z]{5}-[0-9A-Z]{5}", walker.get("/account/recovery-codes").text))
    page = walker.follow(walker.post("/account/recovery-codes", {"action": "saved"}))
    assert "bien protegida" in page.text
    assert codes[0] not in walker.get("/account/recovery-codes").text
    with composition.database.reading() as session:
        person = find_person_by_cedula(session, CEDULA)
    assert person is not None
    assert (person.name, person.email, person.email_verified) == ("Ana María Quispe", "ana@correo.test", True)
    kinds = {event.type for event in events()}
    for kind in (
        EventType.ACCOUNT_SIGN_UP_STARTED,
        EventType.CONTACT_VERIFICATION_SENT,
        EventType.CONTACT_VERIFIED,
        EventType.ACCOUNT_CREATED,
        EventType.PASSWORD_SET,
        EventType.SESSION_STARTED,
        EventType.TOTP_ENROLLED,
        EventType.RECOVERY_CODES_ISSUED,
        EventType.SESSION_STEPPED_UP,
    ):
        assert kind.value in kinds
    leaves = b"".join(event.leaf for event in events())
    for secret in (code, key, codes[0], codes[0].replace("-", ""), PASSWORD, CEDULA, "ana@correo.test"):
        assert secret.encode() not in leaves


def test_sign_up_survives_reload_back_and_double_submit(
    walker: Walker, mails: Callable[[], list[Any]], events: Callable[..., list[Any]]
) -> None:
    """Each submission twice: one account, one mail, no error page."""
    walker.get("/signup")
    step = walker.post("/signup", FORM).location
    assert walker.post("/signup", FORM).location == step
    assert len(mails()) == 1
    code = mail_code(mails()[0].body)
    walker.get(step)
    for _ in range(2):
        assert walker.post(step, {"step": "code", "code": code}).status_code == 303
    walker.get(step)
    for _ in range(2):
        response = walker.post(step, {"step": "password", "password": PASSWORD})
        assert response.status_code in (303, 409)
    assert len(events(EventType.ACCOUNT_CREATED)) == 1
    assert walker.get("/account").status_code == 200


def test_an_existing_cedula_gives_the_same_page_and_a_mail_to_its_owner(
    app: Any, make_person: Callable[..., Any], mails: Callable[[], list[Any]]
) -> None:
    """Enumeration (Keycloak 48888): same bytes, whoever has the cédula; only the owner is told."""
    make_person(CEDULA)
    pages = []
    for cedula in (CEDULA, "0923456719"):
        walker = Walker(app)
        walker.get("/signup")
        step = walker.post("/signup", {**FORM, "cedula": cedula, "email": "intruso@correo.test"}).location
        shown = [walker.get(step).text, walker.post(step, {"step": "code", "code": "12345678"}).text]
        pages.append([normal(text) for text in shown])
    assert pages[0] == pages[1]
    assert {mail.to for mail in mails()} == {"ana65@correo.test", "intruso@correo.test"}
    assert not any(mail_to.to == "intruso@correo.test" and "ya tiene" in mail_to.body for mail_to in mails())


def test_a_mail_code_has_five_tries_and_dies_with_a_newer_one(
    walker: Walker, clock: ManualClock, mails: Callable[[], list[Any]]
) -> None:
    """Five wrong codes end it; a newer code ends the older one; a minute between two."""
    walker.get("/signup")
    step = walker.post("/signup", FORM).location
    first = mail_code(mails()[0].body)
    walker.get(step)
    assert "Acabamos de enviar un código" in walker.post(step, {"step": "resend"}).text
    clock.advance(timedelta(seconds=61))
    assert "Enviamos un código nuevo" in walker.post(step, {"step": "resend"}).text
    second = mail_code(mails()[0].body)
    assert first != second
    assert "Le quedan 4 intentos" in walker.post(step, {"step": "code", "code": first}).text
    for _ in range(4):
        walker.post(step, {"step": "code", "code": "00000000"})
    assert "ya no sirve" in walker.post(step, {"step": "code", "code": second}).text
    clock.advance(timedelta(seconds=61))
    walker.post(step, {"step": "resend"})
    clock.advance(timedelta(minutes=15))
    assert "ya no sirve" in walker.post(step, {"step": "code", "code": mail_code(mails()[0].body)}).text


def test_sign_up_asks_again_for_what_is_wrong_and_keeps_what_was_typed(walker: Walker) -> None:
    """Errors name the field, typed values come back, passwords never."""
    walker.get("/signup")
    page = walker.post("/signup", {"cedula": "171003406", "given_names": "", "surnames": "Q<b>", "email": "a@b"})
    assert page.status_code == 422
    assert "La cédula tiene 9 dígitos y deben ser 10" in page.text
    assert 'value="171003406"' in page.text
    assert "Q&lt;b&gt;" in page.text
    assert "Revise 4 datos" in page.text


def test_skipped_step_never_advances(walker: Walker, events: Callable[..., list[Any]]) -> None:
    """CVE-2026-49443: a password before the mail's code makes no account; an empty POST does nothing."""
    walker.get("/signup")
    step = walker.post("/signup", FORM).location
    walker.get(step)
    for data in ({"step": "password", "password": PASSWORD}, {}, {"step": "code"}, {"step": "other"}):
        walker.post(step, data)
    assert "Escriba el código que le enviamos" in walker.get(step).text
    assert events(EventType.ACCOUNT_CREATED) == []


def test_a_sign_up_belongs_to_its_browser(app: Any, walker: Walker) -> None:
    """Another walker that learns the address gets nothing."""
    walker.get("/signup")
    step = walker.post("/signup", FORM).location
    assert Walker(app).get(step).status_code == 403


def normal(text: str) -> str:
    """Return a page without what differs between any two: token, reference, ids, times."""
    text = re.sub(r'name="csrf_token" value="[^"]*"', "", text)
    text = re.sub(r"[0-9a-z]{26}", "ID", text)
    return re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REF", text)
