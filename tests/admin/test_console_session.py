"""The console's session and its login on the way."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from admin.console_session import (
    close_console_session,
    find_console_session,
    open_console_session,
    touch_console_session,
)
from admin.permissions import Role
from admin.sign_in import begin_sign_in, kept_values, local_path, take_sign_in
from kernel.errors import AlreadyConsumed, Rejected
from kernel.identifiers import b64url, sha256


def _open(composition, clock):
    with composition.database.transaction() as session:
        return open_console_session(
            session,
            journal=composition.journal,
            sid="sid",
            person_id="ana",
            authenticated_at=clock.now(),
            acr="urn:sau:acr:2fa",
            now=clock.now(),
        )


def _find(composition, clock, secret):
    with composition.database.reading() as session:
        return find_console_session(session, secret=secret, now=clock.now())


def test_a_session_ends_after_twenty_idle_minutes(composition, clock) -> None:
    """In use it goes on."""
    opened, secret = _open(composition, clock)
    clock.advance(timedelta(minutes=19))
    assert _find(composition, clock, secret) is not None
    with composition.database.transaction() as session:
        touch_console_session(session, session_id=opened.id, now=clock.now())
    clock.advance(timedelta(minutes=19))
    assert _find(composition, clock, secret) is not None
    clock.advance(timedelta(minutes=2))
    assert _find(composition, clock, secret) is None


def test_its_page_asks_before_the_end_and_an_answer_goes_on(make_operator, clock) -> None:
    """WCAG 2.2.1: two minutes to say that one stays; what was typed stays on the page meanwhile."""
    operator = make_operator(Role.SUPPORT)
    page = operator.get("/admin/desk").text
    assert 'id="staying"' in page
    after = int(re.search(r'data-after="(\d+)" data-left="120"', page)[1])
    assert after == 17 * 60, "within the minute in which a page is no new use, and two before the end"
    stays = {"quiet": "1", "csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1]}
    for _ in range(2):
        clock.advance(timedelta(minutes=18))
        assert operator.browser.post("/admin/stay", data=stays).status_code == 204
    clock.advance(timedelta(minutes=21))
    assert "/authorize?" in operator.browser.post("/admin/stay", data=stays).location, "it ended"


def test_a_session_ends_after_eight_hours_however_busy(composition, clock) -> None:
    """The absolute lifetime."""
    opened, secret = _open(composition, clock)
    for _ in range(32):
        clock.advance(timedelta(minutes=15))
        with composition.database.transaction() as session:
            touch_console_session(session, session_id=opened.id, now=clock.now())
    assert _find(composition, clock, secret) is None


def test_a_fresh_login_brings_a_new_secret_and_ends_the_old_one(composition, clock) -> None:
    """Login 5: the session changes at step-up."""
    _, old = _open(composition, clock)
    _, new = _open(composition, clock)
    assert _find(composition, clock, old) is None
    assert _find(composition, clock, new) is not None


def test_a_closed_session_does_not_count(composition, clock) -> None:
    """And closing twice is harmless."""
    opened, secret = _open(composition, clock)
    for _ in range(2):
        with composition.database.transaction() as session:
            close_console_session(session, journal=composition.journal, opened=opened, reason="logout", now=clock.now())
    assert _find(composition, clock, secret) is None


def test_signing_wants_a_login_of_the_last_fifteen_minutes(composition, clock) -> None:
    """Step-up: an unattended desk cannot approve."""
    opened, _ = _open(composition, clock)
    assert opened.is_fresh(clock.now() + timedelta(minutes=15))
    assert not opened.is_fresh(clock.now() + timedelta(minutes=15, seconds=1))


def _begin(composition, clock, browser="b" * 43, **more) -> dict[str, str]:
    with composition.database.transaction() as session:
        address = begin_sign_in(
            session,
            issuer="http://localhost:8000",
            browser_secret=browser,
            return_to=more.pop("return_to", "/admin/requests"),
            now=clock.now(),
            **more,
        )
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def _take(composition, clock, state, browser="b" * 43):
    with composition.database.transaction() as session:
        return take_sign_in(session, state=state, browser_secret=browser, now=clock.now())


def test_the_login_asks_for_two_factors_with_state_nonce_and_pkce(composition, clock) -> None:
    """RFC 9700 §2.1.1 and OpenID Connect Core §3.1.2.1."""
    sent = _begin(composition, clock)
    taken = _take(composition, clock, sent["state"])
    assert sent["acr_values"] == "urn:sau:acr:2fa"
    assert sent["nonce"] == taken.nonce
    assert sent["code_challenge"] == b64url(sha256(taken.code_verifier))
    assert sent["code_challenge_method"] == "S256"
    assert len(taken.code_verifier) >= 43
    assert "max_age" not in sent
    assert _begin(composition, clock, fresh=True)["max_age"] == "900"


def test_a_login_comes_back_once_and_in_its_own_browser(composition, clock) -> None:
    """RFC 6749 §10.12: state is bound to the browser."""
    state = _begin(composition, clock)["state"]
    for browser in ("x" * 43, None, ""):
        with pytest.raises(Rejected, match="unknown_sign_in"):
            _take(composition, clock, state, browser)
    assert _take(composition, clock, state).return_to == "/admin/requests"
    with pytest.raises(AlreadyConsumed):
        _take(composition, clock, state)


def test_a_login_left_lying_is_over(composition, clock) -> None:
    """After half an hour it is begun anew."""
    state = _begin(composition, clock)["state"]
    clock.advance(timedelta(minutes=31))
    with pytest.raises(Rejected):
        _take(composition, clock, state)


@pytest.mark.parametrize(
    "path",
    [
        "//evil",
        "/\\evil",
        "https://evil/admin",
        "/admin\\@evil",
        "javascript:alert(1)",
        "/other",
        "/admin/\r\nX: y",
        "",
    ],
)
def test_the_way_back_stays_inside_the_console(path: str) -> None:
    """Login 9: ``next=//evil`` stays local."""
    assert local_path(path) == "/admin"


def test_what_was_typed_comes_back_to_the_same_person_on_the_same_page(composition, clock) -> None:
    """And to nobody else."""
    state = _begin(composition, clock, person_id="ana", kept={"reason": "x"}, return_to="/admin/requests/1?a=b")[
        "state"
    ]
    taken = _take(composition, clock, state)
    with composition.database.reading() as session:

        def kept(person: str, path: str) -> dict:
            return kept_values(session, sign_in_id=taken.id, person_id=person, path=path)

        assert kept("ana", "/admin/requests/1") == {"reason": "x"}
        assert kept("luis", "/admin/requests/1") == {}
        assert kept("ana", "/admin/requests/2") == {}
