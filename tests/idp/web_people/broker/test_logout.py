"""A session that ended there, and one that is ended here."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from werkzeug.test import TestResponse

from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person
from idp.broker.model import UpstreamSessionRow
from kernel.clock import to_timestamp
from tests.idp.relying_party import register
from tests.idp.web_people.broker.upstream import (
    ISSUER,
    LOGOUT,
    Events,
    Sessions,
    Way,
    change,
)
from tests.idp.web_people.conftest import Walker


def test_their_logout_ends_our_session(way: Way, session_of: Sessions, events: Events) -> None:
    """OpenID Connect Back-Channel Logout §2.6; an ID token is no logout token, nor is one of another audience."""
    way.upstream.claims["sid"] = "s-1"
    way.go().back()
    now = to_timestamp(way.upstream.composition.clock.now())
    right = {"iss": ISSUER, "aud": "sau", "iat": now, "exp": now + 60, "jti": "j", "sid": "s-1", "events": {LOGOUT: {}}}
    wrong = [
        {**right, "aud": "otra"},
        {**right, "nonce": "n"},
        {**right, "events": {}},
        {**right, "sid": None},
        {**right, "exp": 1},
        {**right, "jti": None},
    ]
    anyone = Walker(way.walker.app)
    for claims in wrong:
        answer = anyone.client.post("/broker/salud/logout", data={"logout_token": way.upstream.sign(claims)})
        assert answer.status_code == 400
    assert session_of(way.walker) is not None
    answer = anyone.client.post(
        "/broker/salud/logout", data={"logout_token": way.upstream.sign({**right, "sid": "s-2", "jti": "i"})}
    )
    assert answer.status_code == 200
    assert session_of(way.walker) is not None
    answer = anyone.client.post("/broker/salud/logout", data={"logout_token": way.upstream.sign(right)})
    assert answer.status_code == 200
    assert session_of(way.walker) is None
    answer = anyone.client.post("/broker/salud/logout", data={"logout_token": way.upstream.sign(right)})
    assert answer.status_code == 400, "its jti was used"
    assert len(events(EventType.UPSTREAM_LOGGED_OUT)) == 9


@pytest.mark.parametrize("when", ["after our second step", "before it"])
def test_their_logout_ends_what_our_own_second_step_finished(
    way: Way,
    make_person: Callable[..., Person],
    session_of: Sessions,
    code: Callable[..., str],
    when: str,
) -> None:
    """The session rests on theirs although it was opened here; a login that waits for its second step does, too."""
    person = make_person(totp=True)
    way.upstream.claims |= {"cedula": person.cedula, "sid": "s-1"}
    step = way.go().back().headers["Location"]
    now = to_timestamp(way.upstream.composition.clock.now())
    token = {"iss": ISSUER, "aud": "sau", "iat": now, "exp": now + 60, "jti": "j", "sid": "s-1", "events": {LOGOUT: {}}}

    def leave_there() -> None:
        Walker(way.walker.app).client.post("/broker/salud/logout", data={"logout_token": way.upstream.sign(token)})

    def finish_here() -> None:
        way.walker.get(step)
        way.walker.post(step, {"step": "second_factor", "method": "totp", "code": code()})

    if when == "before it":
        leave_there()
        finish_here()
    else:
        finish_here()
        assert session_of(way.walker) is not None
        leave_there()
    assert session_of(way.walker) is None


def log_out(walker: Walker, **query: str) -> TestResponse:
    """Log out here, as the person does."""
    walker.get("/logout", query_string=query)
    return walker.post("/logout/confirm", {"decision": "yes", **query})


@pytest.mark.parametrize("strong", [True, False], ids=["at once", "after our second step"])
def test_our_logout_goes_on_to_theirs_and_back(
    way: Way,
    composition: Composition,
    make_person: Callable[..., Person],
    code: Callable[..., str],
    session_of: Sessions,
    events: Events,
    strong: bool,
) -> None:
    """RP-Initiated Logout §2: with the ID token that they gave, a state that is used once, and back to our page."""
    change(composition, logs_out_there=True)
    if strong:
        way.go().back()
    else:
        way.upstream.claims["cedula"] = make_person(totp=True).cedula
        step = way.go().back().headers["Location"]
        way.walker.get(step)
        way.walker.post(step, {"step": "second_factor", "method": "totp", "code": code()})
        opened = session_of(way.walker)
        assert opened is not None
        assert opened.amr == ("fed", "mfa", "otp")
    page = way.walker.get("/logout")
    assert ISSUER in page.headers["Content-Security-Policy"]
    answer = way.walker.post("/logout/confirm", {"decision": "yes"})
    assert session_of(way.walker) is None
    assert answer.location.startswith(f"{ISSUER}/end?")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}
    assert asked["client_id"] == "sau"
    assert asked["post_logout_redirect_uri"] == "http://localhost:8000/broker/salud/logged-out"
    claims = jwt.decode(asked["id_token_hint"], way.upstream.key, algorithms=["ES256"]).claims
    assert claims["sub"] == "u-1"
    (told,) = events(EventType.UPSTREAM_LOGOUT_ASKED)
    assert asked["id_token_hint"] not in bytes(told.leaf).decode()
    for _ in range(2):
        back = way.walker.get("/broker/salud/logged-out", query_string={"state": asked["state"]})
        assert (back.status_code, back.location) == (303, "/logout/done")
    assert way.walker.get("/broker/salud/callback", query_string={"state": asked["state"]}).status_code == 404


def test_where_a_logout_leads_was_written_down_before(way: Way, composition: Composition) -> None:
    """An application's registered address, with its state; by a state of ours alone, once, and nowhere else."""
    change(composition, logs_out_there=True)
    party = register(composition)
    way.go().back()
    wanted = {"client_id": party.client_id, "post_logout_redirect_uri": "https://portal.example/bye", "state": "s"}
    answer = log_out(way.walker, **wanted)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}
    wrong = way.walker.get("/broker/salud/logged-out", query_string={"state": "otro", "post_logout_redirect_uri": "x"})
    assert wrong.location == "/logout/done"
    back = way.walker.get("/broker/salud/logged-out", query_string={"state": asked["state"]})
    assert back.location == "https://portal.example/bye?state=s"
    again = way.walker.get("/broker/salud/logged-out", query_string={"state": asked["state"]})
    assert again.location == "/logout/done"


def test_our_logout_stays_ours_where_the_operator_wants_no_more(way: Way, composition: Composition) -> None:
    """And no ID token is kept then."""
    way.go().back()
    with composition.database.reading() as session:
        assert session.query(UpstreamSessionRow).one().sealed_id_token is None
    assert log_out(way.walker).status_code == 200
