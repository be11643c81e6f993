"""Places of addresses by a real file in MaxMind's format: told, judged by, and done without where it is no good."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person
from idp.authentication.geography import built_at, locate, place_name
from kernel.clock import ManualClock
from kernel.errors import Unavailable
from operations.finding import Severity
from operations.geoip_check import places_of_addresses
from tests.idp.web_people.conftest import Walker
from tests.idp.web_people.conftest import app as app
from tests.idp.web_people.conftest import events as events
from tests.idp.web_people.conftest import make_person as make_person
from tests.mmdb import write_mmdb

_MADE = datetime(2026, 11, 20, tzinfo=UTC)
_ECUADOR = {"iso_code": "EC", "names": {"en": "Ecuador", "es": "Ecuador"}}
NETWORKS = {
    "203.0.113.0/24": {
        "city": {"names": {"en": "Quito", "es": "Quito"}},
        "country": _ECUADOR,
        "location": {"latitude": -0.2295, "longitude": -78.5243},
    },
    "198.51.100.0/24": {
        "city": {"names": {"en": "Madrid"}},
        "country": {"names": {"en": "Spain", "es": "España"}},
        "location": {"latitude": 40.4163, "longitude": -3.6934},
    },
    "2001:db8::/32": {"country": _ECUADOR},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file, made a few days ago."""
    return write_mmdb(tmp_path / "places.mmdb", NETWORKS, built_at=_MADE)


@pytest.mark.parametrize(
    ("address", "point", "spanish"),
    [
        ("203.0.113.7", (-0.2, -78.5), "Quito, Ecuador"),
        ("198.51.100.9", (40.4, -3.7), "Madrid, España"),
        ("2001:db8::1", None, "Ecuador"),
        ("192.0.2.1", None, ""),
        ("no address", None, ""),
        ("", None, ""),
    ],
)
def test_an_address_has_a_place_as_far_as_the_file_says(
    file: Path, address: str, point: tuple[float, float] | None, spanish: str
) -> None:
    """IPv4 and IPv6; names in the reader's language, else the file's; points to a tenth of a degree."""
    assert locate(file, address) == point
    assert place_name(file, address, language="es") == place_name(file, address, language="qu") == spanish
    assert built_at(file) == _MADE


def test_a_file_that_is_no_good_is_as_none_and_a_new_one_is_read(file: Path, tmp_path: Path) -> None:
    """Absent, empty, of another kind, cut off in its tree or its data: nobody is kept from logging in by it."""
    whole = file.read_bytes()
    marker = whole.index(b"\xab\xcd\xefMaxMind")
    damaged = {
        "empty": b"",
        "text": b"not a database",
        "cut": whole[: len(whole) // 2],
        "no data": whole[: marker - 120] + whole[marker:],
        "wild pointers": b"\xff" * 2000 + whole[2000:],
    }
    for name, octets in damaged.items():
        bad = tmp_path / f"{name}.mmdb"
        bad.write_bytes(octets)
        assert locate(bad, "203.0.113.7") in (None, (-0.2, -78.5)), name
        place_name(bad, "198.51.100.9", language="es")
    for name in ("empty", "text", "cut"):
        with pytest.raises(Unavailable):
            built_at(tmp_path / f"{name}.mmdb")
    assert locate(tmp_path / "absent.mmdb", "203.0.113.7") is None
    late = tmp_path / "late.mmdb"
    assert place_name(late, "203.0.113.7", language="es") == ""
    write_mmdb(late, NETWORKS, built_at=_MADE)
    assert place_name(late, "203.0.113.7", language="es") == "Quito, Ecuador"
    other = write_mmdb(tmp_path / "new", {"203.0.113.0/24": NETWORKS["198.51.100.0/24"]}, built_at=_MADE)
    os.utime(other, ns=(1, 1))
    other.replace(late)
    assert place_name(late, "203.0.113.7", language="es") == "Madrid, España"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sessions_name_the_place_and_an_impossible_journey_is_flagged(
    app: Flask,
    composition: Composition,
    make_person: Callable[..., Person],
    events: Callable[..., list[Any]],
    clock: ManualClock,
    file: Path,
) -> None:
    """Quito to Madrid in twenty minutes, on a device that the account knows."""
    composition.settings.__dict__["geoip_file"] = file
    make_person()
    walker = Walker(app, "203.0.113.7")
    assert walker.log_in().status_code == 303
    assert "Quito, Ecuador" in walker.get("/account/sessions").text
    clock.advance(timedelta(minutes=20))
    walker.client.delete_cookie("sau_session")
    walker.address = "198.51.100.9"
    assert walker.log_in().status_code == 303
    (event,) = events(EventType.LOGIN_UNLIKELY)
    assert "distance" in str(event.leaf)
    assert "Madrid, España" in walker.get("/account/sessions").text
    file.write_bytes(b"damaged")
    assert "198.51.100.9" in walker.get("/account/sessions").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_doctor_says_what_is_wrong_with_the_file(
    composition: Composition, clock: ManualClock, file: Path, tmp_path: Path
) -> None:
    """Absent, damaged, old; a good one is said to be good, and no file is no fault."""
    for path, severity, said in (
        (None, Severity.OK, "No file"),
        (file, Severity.OK, "2026-11-20"),
        (tmp_path / "absent.mmdb", Severity.WARNING, "cannot be read"),
    ):
        composition.settings.__dict__["geoip_file"] = path
        (finding,) = places_of_addresses(composition)
        assert (finding.severity, said in finding.said) == (severity, True), finding
    old = write_mmdb(tmp_path / "old.mmdb", NETWORKS, built_at=clock.now() - timedelta(days=200))
    composition.settings.__dict__["geoip_file"] = old
    (finding,) = places_of_addresses(composition)
    assert (finding.severity, "200 days" in finding.said) == (Severity.WARNING, True)
