"""Two logins that can hardly both be one person's: flagged, told, and let in all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.life import erase_person
from idp.accounts.person import Person
from idp.authentication import geography, login_place, throttle
from idp.authentication.model import LoginPlaceRow
from idp.authentication.unlikely import LoginPlace, kilometres, why_unlikely
from kernel.clock import ManualClock
from tests.idp.web_people.conftest import CEDULA, PASSWORD, Walker
from tests.idp.web_people.conftest import app as app
from tests.idp.web_people.conftest import events as events
from tests.idp.web_people.conftest import mails as mails
from tests.idp.web_people.conftest import make_person as make_person

QUITO, GUAYAQUIL, MADRID = (-0.2, -78.5), (-2.2, -79.9), (40.4, -3.7)
_NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)


def _place(minutes: float = 0, network: str = "a", device: str = "x", point: Any = None) -> LoginPlace:
    return LoginPlace(at=_NOON + timedelta(minutes=minutes), network=network, device=device, point=point)


@pytest.mark.parametrize(
    ("before", "now", "known", "why"),
    [
        (_place(), _place(3, "b", "y"), False, "network_and_device"),
        (_place(), _place(3, "b", "y"), True, None),  # a known device alone moves between networks
        (_place(), _place(3, "b", "x"), False, None),
        (_place(), _place(3, "a", "y"), False, None),
        (_place(), _place(11, "b", "y"), False, None),
        (_place(point=QUITO), _place(30, "b", "y", MADRID), True, "distance"),
        (_place(point=QUITO), _place(12 * 60, "b", "y", MADRID), False, None),
        (_place(point=QUITO), _place(1, "b", "y", GUAYAQUIL), False, None),  # nearer than addresses are placed
        (_place(point=QUITO), _place(-5, "b", "y", MADRID), False, "distance"),  # clocks of two machines
    ],
)
def test_what_is_unlikely(before: LoginPlace, now: LoginPlace, known: bool, why: str | None) -> None:
    """By distance where it is known, else by network and device within minutes."""
    assert why_unlikely(before, now, known_device=known) == why


def test_distances_are_those_of_the_globe() -> None:
    """Quito to Madrid, 8,740 km."""
    assert kilometres(QUITO, MADRID) == pytest.approx(8740, rel=0.01)
    assert kilometres(QUITO, QUITO) == 0


def test_a_file_that_is_not_there_stops_nobody(tmp_path: Path) -> None:
    """Judged by network alone then; so is an address that the file does not know."""
    assert geography.locate(None, "203.0.113.7") is None
    assert geography.locate(tmp_path / "nothing.mmdb", "203.0.113.7") is None


def test_an_unlikely_login_is_told_and_let_in(
    app: Flask,
    composition: Composition,
    make_person: Callable[..., Person],
    events: Callable[..., list[Any]],
    mails: Callable[[], list[Any]],
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two networks and devices within minutes; by the operator's file, on a known device too. Erased at last."""
    person = make_person()
    phone, computer = Walker(app, "203.0.113.7"), Walker(app, "198.51.100.9")
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Linux; Android 15) Chrome/140"
    computer.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0) Firefox/140"
    assert phone.log_in().status_code == 303
    clock.advance(timedelta(minutes=2))
    answer = computer.log_in()
    assert "María" in computer.follow(answer).text, "nobody is kept out by a guess of ours"
    (event,) = events(EventType.LOGIN_UNLIKELY)
    assert event.subject == person.id
    assert "no parece suyo" in mails()[0].subject
    clock.advance(timedelta(minutes=2))
    assert Walker(app, "192.0.2.1").log_in().status_code == 303
    monkeypatch.setattr(login_place, "locate", lambda _file, address: MADRID if address == "192.0.2.2" else QUITO)
    for address in ("192.0.2.1", "192.0.2.2"):
        phone.client.delete_cookie("sau_session")
        phone.address = address
        assert phone.log_in().status_code == 303
        clock.advance(timedelta(minutes=20))
    assert "distance" in str(events(EventType.LOGIN_UNLIKELY)[-1].leaf)
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
        assert session.scalars(select(LoginPlaceRow)).all() == []


def test_a_network_that_takes_turns_with_its_addresses_is_stopped_and_a_known_device_is_not(
    app: Flask, make_person: Callable[..., Person], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks 1: a /24 and a /48 have counters of their own, across accounts; a stranger locks no citizen out."""
    monkeypatch.setattr(throttle, "PASSWORD_BY_NETWORK", throttle.Limit("password-network", 3, timedelta(minutes=15)))
    make_person()
    own = Walker(app, "203.0.113.200")
    assert own.log_in().status_code == 303
    own.client.delete_cookie("sau_session")
    for name in ("203.0.113.{}", "2001:db8:7:{}::1"):
        for last, cedula in ((1, "0926687856"), (2, "0102030400"), (3, "1713175071")):
            Walker(app, name.format(last)).log_in(cedula, "adivina-adivinador-99")
        assert Walker(app, name.format(4)).log_in("1713175071").status_code == 429
    assert Walker(app, "203.0.114.1").log_in().status_code == 303, "the network beside it"
    clock.advance(timedelta(minutes=1))
    assert own.log_in(CEDULA, PASSWORD).status_code == 303, "a known device, in the same network"


def test_a_person_sees_the_devices_that_are_known_and_forgets_one(
    app: Flask,
    make_person: Callable[..., Person],
    events: Callable[..., list[Any]],
    mails: Callable[[], list[Any]],
) -> None:
    """Its next login is from a new device, and told; another's device is nobody's to forget."""
    make_person()
    make_person("0926687856")
    one, two, luis = Walker(app), Walker(app), Walker(app)
    one.log_in()
    two.log_in()
    luis.log_in("0926687856")
    page = one.get("/account/devices").text
    assert page.count('name="device"') == 2
    assert page.count("Este equipo") == 1
    rows = [part.split('"')[0] for part in page.split('name="device" value="')[1:]]
    luis.get("/account/devices")
    luis.post("/account/devices", {"device": rows[0]})
    assert one.get("/account/devices").text.count('name="device"') == 2
    for row in rows:
        one.post("/account/devices", {"device": row})
    assert "Ninguno" in one.get("/account/devices").text
    assert len(events(EventType.KNOWN_DEVICE_FORGOTTEN)) == 2
    one.client.delete_cookie("sau_session")
    one.log_in()
    before = len(mails())
    two.client.delete_cookie("sau_session")
    two.log_in()
    assert len(mails()) == before + 1
