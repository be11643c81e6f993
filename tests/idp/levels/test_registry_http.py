"""A civil registry that is asked by HTTP: the documented shape, credentials from a file, and every way it can fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from idp.levels.circuit import FAILURES, PAUSE
from idp.levels.registry import RegistryUnavailableError
from idp.levels.registry_http import RegistryServer
from kernel.clock import ManualClock
from kernel.errors import Rejected
from kernel.settings import load_settings
from outgoing.client import OutgoingClient
from tests.idp.levels.civil_registry import RegistryServed, record_of, serve_registry

CEDULA = "1710034065"
TOLD = {
    "cedula": CEDULA,
    "given_names": "ANA MARÍA",
    "surnames": "QUISPE TOAPANTA",
    "birth_date": "1984-03-17",
    "fingerprint_code": "V1234V1234",
    "status": "alive",
}


@pytest.fixture(scope="module")
def served() -> Iterator[RegistryServed]:
    """A registry on loopback."""
    with serve_registry() as served:
        yield served


@pytest.fixture
def registry(served: RegistryServed, tmp_path: Path) -> RegistryServer:
    """The adapter, with credentials."""
    served.status, served.body, served.media_type = 200, json.dumps(TOLD).encode(), "application/json"
    served.asked.clear()
    credentials = tmp_path / "credentials"
    credentials.write_text("sau:clave\n", "utf-8")
    clock = ManualClock(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    return RegistryServer(served.address, credentials, OutgoingClient(networks=[ip_network("127.0.0.0/8")]), clock)


def test_a_person_is_asked_for_in_the_body_and_told_as_documented(
    registry: RegistryServer, served: RegistryServed
) -> None:
    """The cédula stands in no address, credentials in no setting."""
    assert registry.find(CEDULA) == record_of(CEDULA)
    assert served.asked == [({"cedula": CEDULA}, "Basic c2F1OmNsYXZl")]
    assert registry.credentials_file is not None
    registry.credentials_file.write_text("token-of-ours", "utf-8")
    served.status = 404
    assert registry.find(CEDULA) is None
    assert served.asked[-1][1] == "Bearer token-of-ours"


@pytest.mark.parametrize(
    ("status", "body", "media_type", "reason"),
    [
        (500, b"{}", "application/json", "status_500"),
        (401, b"{}", "application/json", "status_401"),
        (200, b"<html>", "text/html", "bad_media_type"),
        (200, b"[]", "application/json", "bad_answer"),
        (200, b"{", "application/json", "bad_answer"),
        (200, b"[" * 9000, "application/json", "bad_answer"),
        (200, json.dumps(TOLD | {"birth_date": "17/03/1984"}).encode(), "application/json", "bad_answer"),
        (200, json.dumps(TOLD | {"cedula": "0923456719"}).encode(), "application/json", "another_person"),
        (200, b" " * 40_000, "application/json", "too_large"),
        (302, b"", "application/json", "redirected"),
    ],
)
def test_any_other_answer_is_none_and_says_nothing_of_a_person(
    registry: RegistryServer, served: RegistryServed, status: int, body: bytes, media_type: str, reason: str
) -> None:
    """Bounded sizes, no redirects, no guessing; the cause is a word, never what was received."""
    served.status, served.body, served.media_type = status, body, media_type
    with pytest.raises(RegistryUnavailableError) as caught:
        registry.find(CEDULA)
    assert caught.value.reason == reason
    assert "QUISPE" not in repr(caught.value.__cause__)


def test_a_registry_that_fails_is_not_asked_for_a_while(registry: RegistryServer, served: RegistryServed) -> None:
    """People are told at once, and the registry gets up in peace."""
    served.status = 503
    for _ in range(FAILURES + 2):
        with pytest.raises(RegistryUnavailableError):
            registry.find(CEDULA)
    assert len(served.asked) == FAILURES
    served.status = 200
    assert isinstance(registry.clock, ManualClock)
    registry.clock.advance(PAUSE)
    assert registry.find(CEDULA) is not None


def test_a_registry_that_is_not_there_or_without_its_credentials_is_unavailable(registry: RegistryServer) -> None:
    """A plain answer whatever is missing."""
    gone = RegistryServer("http://127.0.0.1:1/", registry.credentials_file, registry.outgoing, registry.clock)
    with pytest.raises(RegistryUnavailableError):
        gone.find(CEDULA)
    assert registry.credentials_file is not None
    registry.credentials_file.unlink()
    with pytest.raises(RegistryUnavailableError) as caught:
        registry.find(CEDULA)
    assert caught.value.reason == "credentials_unreadable"


@pytest.mark.parametrize("url", ["ftp://registro.example/", "https://", "https://user:secret@registro.example/"])
def test_an_address_that_is_none_or_has_a_password_is_refused(url: str) -> None:
    """SAU_REGISTRY_URL: settings stand in process lists, credentials in a file."""
    with pytest.raises(Rejected):
        load_settings({"SAU_REGISTRY_URL": url})
