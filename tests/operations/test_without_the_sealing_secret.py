"""A process may begin while the security module is away that holds what everything is sealed with (keys, 19)."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from audit.model import AuditEvent
from composition import Composition
from kernel.errors import Unavailable
from keys.late_secret import LateSecret
from keys.sealing import Sealer
from operations import starting
from wsgi import create_app


class _Module:
    """A module that answers when it is told to."""

    def __init__(self, secret: bytes) -> None:
        self.secret, self.away, self.asked = secret, True, 0

    def __call__(self) -> bytes:
        self.asked += 1
        if self.away:
            raise Unavailable("The token does not answer.", code="token_unavailable")
        return self.secret


def test_it_says_no_to_what_needs_the_secret_and_goes_on_by_itself(composition: Composition) -> None:
    """What needs none is served; forms, old and new, are told when to come back; nobody restarts it."""
    module = _Module(composition.sealing_secret)
    composition.__dict__["sealing"] = LateSecret(module)
    http = create_app(composition).test_client()
    assert http.get("/health").status_code == 200
    assert http.get("/.well-known/openid-configuration").status_code == 200
    assert http.get("/ready").status_code == 503
    for answer in (
        http.get("/login"),
        http.post("/login/password", data={"username": "x"}),
        http.get("/login?lang=en"),
    ):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "sau_form" not in answer.headers.get("Set-Cookie", "")
    module.away = False
    assert http.get("/ready").status_code in (200, 503)
    assert http.get("/login", follow_redirects=True).status_code == 200
    asked = module.asked
    http.get("/login", follow_redirects=True)
    assert module.asked == asked


def test_one_asks_a_module_that_says_nothing_and_the_others_are_told_soon() -> None:
    """Threads are not eaten: everyone but the one who asks hears after a moment."""
    answered, asking = threading.Event(), threading.Event()

    def fetch() -> bytes:
        asking.set()
        assert answered.wait(60)
        return b"s" * 32

    secret, found = LateSecret(fetch), list[bytes]()
    first = threading.Thread(target=lambda: found.append(secret()))
    first.start()
    assert asking.wait(60)
    sealer = Sealer(secret, "test")
    with pytest.raises(Unavailable):
        sealer.seal(b"x", bound_to="y")
    answered.set()
    first.join(60)
    assert found == [secret()]
    assert sealer.open(sealer.seal(b"x", bound_to="y"), bound_to="y") == b"x"
    assert "s" * 8 not in repr(secret)


def test_the_start_is_put_on_record_as_soon_as_it_can_be(
    composition: Composition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, by a thread that then ends; nobody waits for it."""
    monkeypatch.setattr(starting, "_AGAIN", 0.01)
    module = _Module(composition.sealing_secret)
    composition.__dict__["sealing"] = LateSecret(module)
    starting.record_start(composition, process="web")
    module.away = False
    for thread in [each for each in threading.enumerate() if each.name == "start"]:
        thread.join(60)
    with composition.database.reading() as session:
        found = session.scalars(select(AuditEvent.type).where(AuditEvent.type == "service:process:started")).all()
    assert len(found) == 1
