"""Logging in through the pages: attacks and faults, 1 to 9."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import disable_person, erase_person
from idp.accounts.person import Person
from idp.authentication.interaction import begin_interaction
from idp.authentication.recovery_codes import issue_recovery_codes
from kernel.clock import ManualClock
from tests.idp.web_people.conftest import CEDULA, KEY, PASSWORD, Walker
from tests.idp.web_people.test_sign_up import normal

OTHER = "0923456719"


def test_password_then_code_opens_the_account(
    walker: Walker, make_person: Callable[..., Person], code: Callable[[], str], events: Callable[..., list[Any]]
) -> None:
    """The session cookie appears only after the second factor; each step is an event."""
    make_person(totp=True)
    response = walker.log_in()
    assert walker.cookie("sau_session") is None
    page = walker.follow(response)
    assert "Escriba el código de su celular" in page.text
    page = walker.follow(
        walker.post(response.location, {"step": "second_factor", "code": f" {code()[:3]} {code()[3:]}"})
    )
    assert "Su cuenta, Ana" in page.text
    types = [event.type for event in events()]
    for kind in (EventType.PASSWORD_VERIFIED, EventType.TOTP_VERIFIED, EventType.SESSION_STARTED):
        assert kind.value in types
    leaves = b"".join(event.leaf for event in events())
    for secret in (PASSWORD, code(), KEY, walker.cookie("sau_session") or "?"):
        assert secret.encode() not in leaves


def test_existing_absent_disabled_and_erased_accounts_look_the_same(
    app: Flask, composition: Composition, make_person: Callable[..., Person]
) -> None:
    """Keycloak 48888, 51887: same bytes for a wrong password, whoever has the cédula; empty passwords too."""
    make_person(CEDULA)
    disabled = make_person(OTHER)
    erased = make_person("0104567896")
    with composition.database.transaction() as session:
        disable_person(session, services=composition.idp, person_id=disabled.id, actor="t", now=composition.clock.now())
        erase_person(session, services=composition.idp, person_id=erased.id, actor="t", now=composition.clock.now())
    seen: dict[str, set[str]] = {"wrong": set(), "empty": set()}
    for cedula in (CEDULA, OTHER, "0104567896", "1801234566"):
        for kind, password in (("wrong", "no es esta clave"), ("empty", "")):
            page = Walker(app).log_in(cedula, password)
            assert page.status_code == 422
            seen[kind].add(normal(page.text).replace(f'value="{cedula}"', "VALUE"))
    assert [len(pages) for pages in seen.values()] == [1, 1]
    assert "Le quedan 4 intentos" in next(iter(seen["wrong"]))
    assert "intento" not in next(iter(seen["empty"])).split("<aside")[0]
    assert Walker(app).log_in(OTHER, PASSWORD).status_code == 422


def test_five_wrong_passwords_stop_strangers_but_not_a_known_device(
    app: Flask, make_person: Callable[..., Person], clock: ManualClock, events: Callable[..., list[Any]]
) -> None:
    """Keycloak GHSA-cq42-vhv7-xr7p: nobody can lock a citizen out; the wait is told, and ends."""
    make_person(CEDULA)
    own = Walker(app)
    own.follow(own.log_in())
    own.client.delete_cookie("sau_session")
    for number in range(5):
        assert Walker(app, f"198.51.100.{number}").log_in(password="equivocada").status_code == 422
    for cedula_knows in (PASSWORD, "equivocada"):
        page = Walker(app, "198.51.100.77").log_in(password=cedula_knows)
        assert page.status_code == 429
        assert "Espere 15 minutos" in page.text
    assert "Le quedan 4 intentos" in own.log_in(password="equivocada").text
    assert own.follow(own.log_in()).status_code == 200
    assert len(events(EventType.LOGIN_THROTTLED)) == 2
    clock.advance(timedelta(minutes=15))
    assert Walker(app, "198.51.100.77").log_in().status_code == 303


def test_an_address_that_tries_many_accounts_is_throttled(app: Flask, make_person: Callable[..., Person]) -> None:
    """Stuffing from one address stops after fifty failures, whichever accounts it names."""
    make_person(CEDULA)
    from stdnum.ec import ci

    names = (f"17{number:07}" for number in range(1, 60))
    cedulas = [name + next(digit for digit in "0123456789" if ci.is_valid(name + digit)) for name in names]
    stranger = Walker(app, "198.51.100.9")
    path = stranger.open_login()
    statuses = [
        stranger.post(path, {"step": "password", "username": cedula, "password": "equivocada 1"}).status_code
        for cedula in cedulas[:52]
    ]
    assert statuses == [422] * 50 + [429] * 2
    assert Walker(app).log_in().status_code == 303


def test_the_same_code_works_once_and_wrong_codes_have_their_own_counter(
    app: Flask, make_person: Callable[..., Person], code: Callable[[], str], clock: ManualClock
) -> None:
    """A time step counts once (RFC 6238 §5.2); wrong codes do not use up password tries."""
    make_person(totp=True)
    first = Walker(app)
    address = first.follow(first.log_in()) and first.log_in().location
    first.get(address)
    assert first.post(address, {"step": "second_factor", "code": code()}).status_code == 303
    second = Walker(app, "198.51.100.2")
    address = second.log_in().location
    second.get(address)
    page = second.post(address, {"step": "second_factor", "code": code()})
    assert "ya se usó" in page.text
    for left in (3, 2, 1):
        wrong = "000000" if code() != "000000" else "111111"
        assert str(left) in second.post(address, {"step": "second_factor", "code": wrong}).text
    second.post(address, {"step": "second_factor", "code": wrong})
    clock.advance(timedelta(seconds=60))
    page = second.post(address, {"step": "second_factor", "code": code()})
    assert page.status_code == 429, "the lock holds for the right code as well"
    assert Walker(app, "198.51.100.3").log_in().status_code == 303, "passwords are counted apart"


def test_recovery_codes_stand_in_for_the_telephone_once(
    app: Flask, composition: Composition, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """A recovery code opens the session once; typed in any case and spacing."""
    person = make_person(totp=True)
    with composition.database.transaction() as session:
        codes = issue_recovery_codes(session, services=composition.idp, person_id=person.id, now=clock.now())
    for expected in (303, 422):
        walker = Walker(app)
        address = walker.log_in().location
        walker.get(f"{address}?method=recovery_code")
        data = {"step": "second_factor", "method": "recovery_code", "code": codes[0].lower().replace("-", " ")}
        assert walker.post(address, data).status_code == expected


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"step": "second_factor", "code": "123456"},
        {"step": "done"},
        {"step": "enrollment", "code": "123456"},
        {"step": "password"},
        {"step": "password", "username": CEDULA},
        {"step": "password", "username": "", "password": PASSWORD},
        {"step": "password", "username": "*)(uid=*", "password": PASSWORD},
    ],
)
def test_an_empty_or_skipping_post_never_advances(
    walker: Walker, make_person: Callable[..., Person], data: dict[str, str]
) -> None:
    """CVE-2026-49443, CVE-2026-18963: whatever is posted instead of the due step, the step stays due."""
    make_person()
    path = walker.open_login()
    walker.post(path, data)
    assert "Ingrese con su cédula" in walker.get(path).text
    assert walker.cookie("sau_session") is None
    assert walker.get("/account").status_code == 303


def test_the_second_factor_is_not_skipped_by_going_on(walker: Walker, make_person: Callable[..., Person]) -> None:
    """After the password alone, neither the account nor the resume address opens."""
    make_person(totp=True)
    address = walker.log_in().location
    assert walker.get("/account").status_code == 303
    assert walker.get(address.replace("/login/", "/account/")).location == address
    assert walker.post(address, {"step": "password", "username": CEDULA, "password": PASSWORD}).location == address
    assert walker.get("/account/second-factor").status_code == 303


def test_an_interaction_prepared_in_another_browser_dies(
    app: Flask, walker: Walker, make_person: Callable[..., Person]
) -> None:
    """CVE-2026-7507: the victim who follows an attacker's login link types his password into nothing."""
    make_person()
    path = Walker(app).open_login()
    page = walker.get(path)
    assert page.status_code == 403
    assert "otro navegador" in page.text
    walker.get("/signup")
    data = {"step": "password", "username": CEDULA, "password": PASSWORD}
    assert walker.post(path, data).status_code == 403


def test_the_session_secret_changes_at_login_and_an_attackers_cookie_is_worth_nothing(
    app: Flask, walker: Walker, make_person: Callable[..., Person]
) -> None:
    """Session fixation: a cookie planted before the login is not the session after it."""
    make_person()
    planted = "A" * 43
    walker.client.set_cookie("sau_session", planted)
    walker.follow(walker.log_in())
    first = walker.cookie("sau_session")
    assert first not in (None, planted)
    walker.follow(walker.log_in())
    attacker = Walker(app)
    attacker.client.set_cookie("sau_session", planted)
    assert attacker.get("/account").status_code == 303


def test_reload_back_and_double_submit_are_harmless(walker: Walker, make_person: Callable[..., Person]) -> None:
    """The password twice, the finished login again: no error that costs anything, still logged in."""
    make_person()
    path = walker.open_login()
    data = {"step": "password", "username": CEDULA, "password": PASSWORD}
    assert walker.post(path, data).status_code == 303
    assert walker.post(path, data).status_code == 303
    assert walker.follow(walker.get(path)).status_code == 200
    page = walker.get(path)
    assert page.status_code == 409
    assert "Este ingreso ya terminó" in page.text
    assert walker.get("/account").status_code == 200


def test_an_idle_session_ends_and_is_put_on_record(
    walker: Walker, make_person: Callable[..., Person], clock: ManualClock, composition: Composition, events: Any
) -> None:
    """30 minutes without a request: the next page asks for the password; the end is an event."""
    from idp.authentication.jobs import end_old_sessions

    make_person()
    walker.follow(walker.log_in())
    clock.advance(timedelta(minutes=29))
    assert walker.get("/account").status_code == 200
    clock.advance(timedelta(minutes=29))
    assert walker.get("/account").status_code == 200
    clock.advance(timedelta(minutes=30))
    assert walker.get("/account").status_code == 303
    end_old_sessions(composition.idp)
    assert [event.type for event in events(EventType.SESSION_ENDED)] == [EventType.SESSION_ENDED.value]


def _ask(composition: Composition, walker: Walker, **values: Any) -> str:
    walker.open_login()
    with composition.database.transaction() as session:
        interaction = begin_interaction(
            session,
            journal=composition.journal,
            browser_secret=walker.cookie("sau_browser") or "",
            resume_path="/authorize/resume",
            parameters={},
            client_id="ventanilla",
            client_name="Ventanilla Única",
            client_origin="https://ventanilla.test",
            login_hint=None,
            locale=None,
            now=composition.clock.now(),
            **{"required_acr": None, "authenticated_after": None, **values},
        )
    return f"/login/{interaction.id}"


def test_step_up_asks_only_for_the_second_factor(
    walker: Walker, composition: Composition, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """A 1fa session that meets a 2fa demand: the code, not the password; without a factor: enrolment, explained."""
    from idp.authentication.totp import new_totp_row

    person = make_person()
    walker.follow(walker.log_in())
    before = walker.cookie("sau_session")
    path = _ask(composition, walker, required_acr="urn:sau:acr:2fa")
    page = walker.follow(walker.get(path))
    assert "Agregue un segundo paso" in page.text
    assert "Este servicio pide más que la contraseña" in page.text
    assert 'id="skip"' not in page.text
    with composition.database.transaction() as session:
        row = new_totp_row(composition.idp, person_id=person.id, key=KEY, now=clock.now())
        row.confirmed_at = clock.now()
        session.add(row)
    assert "Escriba el código de su celular" in walker.get(path).text
    from idp.authentication.totp import current_code

    response = walker.post(path, {"step": "second_factor", "code": current_code(KEY, now=clock.now())})
    assert walker.cookie("sau_session") != before
    assert walker.get(response.location).location.startswith("/authorize/resume/")


def test_the_login_page_names_who_asks_and_the_way_back(walker: Walker, composition: Composition) -> None:
    """The service's name and host stand on the page; going back leads to the room that can tell it so."""
    path = _ask(composition, walker)
    page = walker.get(path)
    assert "Ventanilla Única" in page.text
    assert "ventanilla.test" in page.text
    assert "form-action 'self' https://ventanilla.test" in page.headers["Content-Security-Policy"]
    response = walker.post(f"{path}/cancel")
    assert response.location.startswith("/authorize/resume/")
    assert response.location.endswith("?cancelled=1")


def test_a_fresh_login_is_asked_for_when_the_session_is_too_old(
    walker: Walker, composition: Composition, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """prompt=login, max_age (OIDC Core §3.1.2.1): the password again, with the name filled in; the sid stays."""
    make_person()
    walker.follow(walker.log_in())
    clock.advance(timedelta(minutes=5))
    path = _ask(composition, walker, authenticated_after=clock.now())
    page = walker.get(path)
    assert "Escriba otra vez su contraseña" in page.text
    assert f'value="{CEDULA}"' in page.text
    response = walker.post(path, {"step": "password", "username": CEDULA, "password": PASSWORD})
    assert walker.get(response.location).location.startswith("/authorize/resume/")


def test_two_hundred_parallel_wrong_passwords_are_counted_exactly(
    composition: Composition, make_person: Callable[..., Person], events: Callable[..., list[Any]]
) -> None:
    """Keycloak 46164, 50996: of any number at once exactly five are tried."""
    from idp.authentication.throttle import PASSWORD_BY_ACCOUNT, take_try, throttle_key
    from kernel.errors import Throttled

    key = throttle_key(composition.idp, PASSWORD_BY_ACCOUNT, CEDULA, "")
    tried: list[int] = []

    def attempt() -> None:
        for _ in range(10):
            try:
                with composition.database.transaction() as session:
                    tried.append(take_try(session, key=key, limit=PASSWORD_BY_ACCOUNT, now=composition.clock.now()))
            except Throttled:
                pass

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tried) == [0, 1, 2, 3, 4]


def test_twenty_equal_codes_at_once_have_one_winner(
    composition: Composition, make_person: Callable[..., Person], code: Callable[[], str]
) -> None:
    """The same TOTP, 20 at once: one success."""
    from idp.authentication.totp import UsedCodeError, require_totp

    person, won = make_person(totp=True), []

    def attempt() -> None:
        try:
            with composition.database.transaction() as session:
                won.append(
                    require_totp(
                        session,
                        services=composition.idp,
                        person_id=person.id,
                        code=code(),
                        now=composition.clock.now(),
                    )
                )
        except UsedCodeError:
            pass

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_every_form_needs_its_token(walker: Walker, make_person: Callable[..., Person]) -> None:
    """CSRF: a POST without the token is refused on each of these pages."""
    make_person()
    walker.follow(walker.log_in())
    for path in ("/signup", "/recovery", "/account/sessions/close", "/account/password", "/account/language"):
        response = walker.client.post(path, data={})
        assert response.status_code == 400, path
    assert re.search("caducó", response.text)
