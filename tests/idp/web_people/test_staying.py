"""A session's limits, and the question before it ends (WCAG 2.2.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser

from composition import Composition
from idp.accounts.person import Person
from idp.authentication.jobs import end_old_sessions
from idp.demo import DEMO_PASSWORD
from idp.web import mount
from kernel.clock import ManualClock
from kernel.settings import Settings
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.test_in_chromium import check
from tests.idp.web_people.test_in_chromium import site as site
from web.application import create_app


@pytest.fixture
def strict(settings: Settings, clock: ManualClock) -> Iterator[Composition]:
    """An installation whose sessions are short."""
    more = {"session_idle_minutes": 10, "session_hours": 1}
    composition = Composition(settings.model_copy(update=more), clock=clock)
    yield composition
    composition.database.dispose()


def test_an_installation_may_be_stricter(
    strict: Composition, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """``SAU_SESSION_IDLE_MINUTES`` and ``SAU_SESSION_HOURS``: idle, and in all; the end is on record."""
    make_person()
    app = create_app(settings=strict.settings, clock=clock, secret_key=b"k" * 32)
    mount(app, strict.idp)
    walker = Walker(app)
    walker.log_in()
    for _ in range(7):
        clock.advance(timedelta(minutes=8))
        assert walker.get("/account").status_code == 200
    clock.advance(timedelta(minutes=5))
    assert walker.get("/account").status_code == 303, "an hour is over, however busy it was"
    walker.client.delete_cookie("sau_session")
    walker.log_in()
    clock.advance(timedelta(minutes=11))
    assert walker.get("/account").status_code == 303
    end_old_sessions(strict.idp)


def test_the_question_is_no_use_and_the_answer_is(
    app: Flask, walker: Walker, make_person: Callable[..., Person], clock: ManualClock
) -> None:
    """Without JavaScript: the page goes to the question two minutes before; reading it keeps nothing alive."""
    make_person()
    walker.log_in()
    page = walker.get("/account/security").text
    found = re.search(r'<noscript><meta http-equiv="refresh" content="(\d+);url=([^"]+)"></noscript>', page)
    assert found
    assert int(found[1]) == 28 * 60
    clock.advance(timedelta(minutes=28))
    question = walker.get(found[2].replace("&amp;", "&"))
    assert "se cerrará en 2 minutos" in question.text
    assert question.headers["Refresh"] == "121"
    clock.advance(timedelta(minutes=1))
    answer = walker.post("/account/session", {"back": "/account/security"})
    assert answer.location == "/account/security"
    clock.advance(timedelta(minutes=29))
    assert walker.post("/account/session", {"quiet": "1"}).status_code == 204
    clock.advance(timedelta(minutes=29))
    assert "se cerrará en 1 minuto," in walker.get("/account/session").text
    clock.advance(timedelta(minutes=1))
    over = walker.get("/account/session?back=//evil.example/")
    assert "Su sesión terminó" in over.text
    assert 'href="/account"' in over.text, "an address elsewhere is none"
    assert "Refresh" not in over.headers
    assert "/login/" in walker.post("/account/session").location


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_dialog_asks_where_scripts_run(browser: Browser, site: tuple[str, Composition]) -> None:
    """It stands over the page, what was typed stays, the keyboard reaches it; left alone, the page asks."""
    origin, _ = site
    with browser.new_context(locale="es-EC", reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"{origin}/account/password")
        page.fill("#username", "0923456719")
        page.fill("#password", DEMO_PASSWORD)
        page.click("#submit")
        page.wait_for_url("**/account/password")
        page.clock.install()
        page.reload()
        page.fill("#current_password", "algo")
        assert not page.is_visible("#staying")
        page.clock.run_for(28 * 60 * 1000)
        page.wait_for_selector("#staying[open]")
        check(page, "staying-dialog")
        page.focus("#stay")
        page.keyboard.press("Enter")
        page.wait_for_selector("#staying", state="hidden")
        assert page.input_value("#current_password") == "algo"
        page.clock.run_for(30 * 60 * 1000)
        page.wait_for_url(re.compile("/account/session"))
        check(page, "staying-page")
