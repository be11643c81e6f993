"""Token exchange through the endpoints (RFC 8693): the data bus acts for a citizen, who allowed the first API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from audit.model import AuditEvent
from composition import Composition
from idp.accounts.model import PasswordRow
from idp.authentication.browser_session import end_sessions_of
from idp.clients.register import disable_client, set_scopes
from idp.consent.connected_services import withdraw_consent
from idp.tokens.acted_for import list_acted_for
from idp.tokens.model import TokenFamilyRow
from kernel.clock import ManualClock
from tests.idp.dpop import Holder
from tests.idp.relying_party import METADATA, RelyingParty, Visitor, answer_of, change, events, register

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # nosec B105
BUS, LAND, TAXES = "https://bus.example/api", "https://predios.example/api", "https://impuestos.example/api"
READ, WRITE = "predial.leer", "predial.escribir"


def _service(composition: Composition, name: str, resource: str, calls: list[str], **more: Any) -> RelyingParty:
    return register(
        composition,
        **{
            "client_name": name,
            "redirect_uris": [],
            "post_logout_redirect_uris": [],
            "grant_types": [EXCHANGE, "client_credentials"],
            "scope": READ,
            "optional_scope": "",
            "resource": resource,
            "resources": calls,
        }
        | more,
    )


@pytest.fixture
def bus(composition: Composition) -> RelyingParty:
    """The government data bus: people's applications call it, it calls the registers."""
    words = {READ: "Leer sus predios", WRITE: "Cambiar sus predios"}
    return _service(composition, "Bus de datos", BUS, [LAND], resource_scopes=words)


@pytest.fixture
def land(composition: Composition) -> RelyingParty:
    """The register of land, which in turn asks the tax office."""
    return _service(composition, "Predios", LAND, [TAXES])


@pytest.fixture
def taxes(composition: Composition) -> RelyingParty:
    """The tax office's API."""
    return register(composition, client_name="Impuestos", resource=TAXES)


@pytest.fixture
def portal(composition: Composition, bus: RelyingParty) -> RelyingParty:
    """The application that the person uses."""
    return register(composition, scope=f"{METADATA['scope']} {READ} {WRITE}", resources=[BUS])


@pytest.fixture
def tokens(portal: RelyingParty, visitor: Visitor, http: FlaskClient) -> dict[str, Any]:
    """What the person allowed: the data bus, to read and to write."""
    query = [*portal.parameters(scope=f"openid offline_access {READ} {WRITE}").items(), ("resource", BUS)]
    response = visitor.http.get("/authorize?" + urlencode(query))
    if response.headers["Location"].startswith("/"):
        response = visitor.decide(visitor.http.get(response.headers["Location"]))
    document: dict[str, Any] = portal.exchange(http, answer_of(response)["code"]).get_json()
    return document


def _exchange(
    http: FlaskClient, who: RelyingParty, token: str, headers: dict[str, str] | None = None, **more: str
) -> dict[str, Any]:
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **more}
    answer: dict[str, Any] = http.post("/token", data=form, headers=who.basic() | (headers or {})).get_json()
    return answer


def _is_active(http: FlaskClient, who: RelyingParty, token: str) -> bool:
    return bool(http.post("/introspect", data={"token": token}, headers=who.basic()).get_json()["active"])


def test_a_service_acts_for_the_person_at_the_next_api(
    bus: RelyingParty,
    land: RelyingParty,
    portal: RelyingParty,
    tokens: dict[str, Any],
    visitor: Visitor,
    http: FlaskClient,
) -> None:
    """§2.2, §4.1: the person's ``sub``, the next ``aud``, the service in ``act``; narrower, never wider."""
    answer = _exchange(http, bus, tokens["access_token"], resource=LAND)
    assert (answer["issued_token_type"], answer["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert "refresh_token" not in answer
    assert "id_token" not in answer
    claims, first = bus.claims(answer["access_token"]), bus.claims(tokens["access_token"])
    assert (claims["sub"], claims["aud"], claims["client_id"]) == (visitor.person_id, LAND, bus.client_id)
    assert claims["act"] == {"sub": bus.client_id}
    # The portal was given both; the bus registered the one.
    assert (first["scope"], claims["scope"]) == (f"{READ} {WRITE}", READ)
    assert {name: claims[name] for name in ("auth_time", "acr", "amr")} == {
        name: first[name] for name in ("auth_time", "acr", "amr")
    }
    assert "sid" not in claims
    seen = http.post("/introspect", data={"token": answer["access_token"]}, headers=land.basic()).get_json()
    assert (seen["active"], seen["act"]) == (True, {"sub": bus.client_id})


def test_a_chain_of_two_names_everyone_and_is_on_record(
    composition: Composition,
    bus: RelyingParty,
    land: RelyingParty,
    taxes: RelyingParty,
    portal: RelyingParty,
    tokens: dict[str, Any],
    visitor: Visitor,
    http: FlaskClient,
) -> None:
    """§4.1: the last actor outside; the event says to whom the person said yes and through whose hands it went."""
    at_land = _exchange(http, bus, tokens["access_token"])["access_token"]
    at_taxes = _exchange(http, land, at_land, audience=TAXES)["access_token"]
    assert land.claims(at_taxes)["act"] == {"sub": land.client_id, "act": {"sub": bus.client_id}}
    assert _is_active(http, taxes, at_taxes)
    with composition.database.reading() as session:
        kept = session.scalars(
            select(AuditEvent).where(AuditEvent.type == "idp:token:exchanged").order_by(AuditEvent.id)
        ).all()
    last = kept[-1]
    assert (last.subject, last.actor) == (visitor.person_id, land.client_id)
    leaf = bytes(last.leaf).decode()
    assert f'"actors":["{land.client_id}","{bus.client_id}"]' in leaf
    assert f'"allowed_client":"{portal.client_id}"' in leaf


def test_only_the_service_that_the_token_is_for_may_exchange_it(
    composition: Composition, bus: RelyingParty, land: RelyingParty, tokens: dict[str, Any], http: FlaskClient
) -> None:
    """OpenID Provider, rule 8: a foreign audience; and an API that overhears a token cannot hand it on."""
    assert _exchange(http, land, tokens["access_token"])["error"] == "invalid_request"
    at_land = _exchange(http, bus, tokens["access_token"])["access_token"]
    assert _exchange(http, bus, at_land)["error"] == "invalid_request"
    reasons = [event[1] for event in events(composition, "idp:token:refused")]
    assert reasons == ["subject_of_another_api"] * 2


def test_a_client_without_the_grant_exchanges_nothing(
    composition: Composition, portal: RelyingParty, tokens: dict[str, Any], http: FlaskClient
) -> None:
    """RFC 6749 §5.2: the person's own application neither."""
    assert _exchange(http, portal, tokens["access_token"])["error"] == "unauthorized_client"


def test_to_registered_apis_and_one_at_a_time(bus: RelyingParty, tokens: dict[str, Any], http: FlaskClient) -> None:
    """§2.2.2: ``invalid_target``; our UserInfo is none of them, whatever the token says."""
    for target in ("https://otra.example", "http://localhost:8000/userinfo", TAXES):
        assert _exchange(http, bus, tokens["access_token"], resource=target)["error"] == "invalid_target"
    both = _exchange(http, bus, tokens["access_token"], resource=LAND, audience="https://otra.example")
    assert both["error"] == "invalid_target"


def test_scopes_grow_on_no_way(
    composition: Composition, bus: RelyingParty, land: RelyingParty, tokens: dict[str, Any], http: FlaskClient
) -> None:
    """Neither what the service did not register, nor what the person did not allow, nor the person's identity."""
    for scope in (WRITE, "otro", "openid", f"{READ} {WRITE}"):
        assert _exchange(http, bus, tokens["access_token"], scope=scope)["error"] == "invalid_scope"
    assert _exchange(http, bus, tokens["access_token"], scope=READ)["scope"] == READ


def test_it_opens_nothing_here(bus: RelyingParty, tokens: dict[str, Any], http: FlaskClient) -> None:
    """UserInfo is for the application that the person logged in to."""
    token = _exchange(http, bus, tokens["access_token"])["access_token"]
    assert http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def _revoke(composition: Composition, http: FlaskClient, portal: RelyingParty, **_: Any) -> None:
    http.post("/revoke", data={"token": _["tokens"]["refresh_token"]}, headers=portal.basic())


def _withdraw(composition: Composition, http: FlaskClient, portal: RelyingParty, **_: Any) -> None:
    with composition.database.transaction() as session:
        withdraw_consent(
            session,
            journal=composition.journal,
            person_id=_["person_id"],
            client_id=portal.client_id,
            now=composition.clock.now(),
        )


def _new_password(composition: Composition, http: FlaskClient, portal: RelyingParty, **_: Any) -> None:
    with composition.database.transaction() as session:
        session.add(PasswordRow(person_id=_["person_id"], phc="x", set_at=composition.clock.now()))


def _close(composition: Composition, client_id: str) -> None:
    with composition.database.transaction() as session:
        disable_client(session, journal=composition.journal, client_id=client_id, now=composition.clock.now())


def _close_portal(composition: Composition, http: FlaskClient, portal: RelyingParty, **_: Any) -> None:
    _close(composition, portal.client_id)


def _close_bus(composition: Composition, http: FlaskClient, portal: RelyingParty, **_: Any) -> None:
    _close(composition, _["bus"].client_id)


def _lose_scope(composition: Composition, http: FlaskClient, portal: RelyingParty, **_: Any) -> None:
    with composition.database.transaction() as session:
        set_scopes(
            session,
            journal=composition.journal,
            client_id=_["land"].client_id,
            scopes=(),
            now=composition.clock.now(),
        )


def _lose_api(composition: Composition, http: FlaskClient, portal: RelyingParty, **_: Any) -> None:
    change(composition, _["land"], resources=[])


@pytest.mark.parametrize(
    "happens", [_revoke, _withdraw, _new_password, _close_portal, _close_bus, _lose_api, _lose_scope]
)
def test_the_whole_chain_ends_with_its_root_and_with_each_link(
    composition: Composition,
    bus: RelyingParty,
    land: RelyingParty,
    taxes: RelyingParty,
    portal: RelyingParty,
    tokens: dict[str, Any],
    visitor: Visitor,
    http: FlaskClient,
    clock: ManualClock,
    happens: Callable[..., None],
) -> None:
    """Tokens revoked, permission withdrawn, password changed, an application closed, a link that lost API or scope."""
    at_land = _exchange(http, bus, tokens["access_token"])["access_token"]
    at_taxes = _exchange(http, land, at_land)["access_token"]
    assert _is_active(http, taxes, at_taxes)
    clock.advance(timedelta(seconds=1))
    happens(composition, http, portal, tokens=tokens, person_id=visitor.person_id, bus=bus, land=land)
    assert not _is_active(http, taxes, at_taxes)
    assert "scope" not in _exchange(http, land, at_land)


def test_a_chain_that_comes_back_ends_with_each_link_too(
    composition: Composition, visitor: Visitor, http: FlaskClient
) -> None:
    """The portal is an API as well, and the last holder is the first one: the service between still counts."""
    words = {READ: "Leer sus predios"}
    own_api = "https://portal.example/api"
    bus = _service(composition, "Bus de datos", BUS, [own_api], resource_scopes=words)
    portal = register(
        composition,
        scope=f"openid offline_access {READ}",
        optional_scope="",
        grant_types=["authorization_code", "refresh_token", EXCHANGE],
        resource=own_api,
        resources=[BUS],
    )
    query = [*portal.parameters(scope=f"openid {READ}").items(), ("resource", BUS)]
    response = visitor.http.get("/authorize?" + urlencode(query))
    response = visitor.decide(visitor.http.get(response.headers["Location"]))
    given = portal.exchange(http, answer_of(response)["code"]).get_json()["access_token"]
    back = _exchange(http, portal, _exchange(http, bus, given)["access_token"])["access_token"]
    assert portal.claims(back)["act"] == {"sub": portal.client_id, "act": {"sub": bus.client_id}}
    assert _is_active(http, portal, back)
    _close(composition, bus.client_id)
    assert not _is_active(http, portal, back)


def test_without_offline_access_it_ends_with_the_session(
    composition: Composition, bus: RelyingParty, land: RelyingParty, portal: RelyingParty, visitor: Visitor, http: Any
) -> None:
    """The person logs out: what was handed on for him ends too."""
    query = [*portal.parameters(scope=f"openid {READ}").items(), ("resource", BUS)]
    response = visitor.http.get("/authorize?" + urlencode(query))
    response = visitor.decide(visitor.http.get(response.headers["Location"]))
    given = portal.exchange(http, answer_of(response)["code"]).get_json()
    at_land = _exchange(http, bus, given["access_token"])["access_token"]
    assert _is_active(http, land, at_land)
    with composition.database.transaction() as session:
        end_sessions_of(
            session,
            journal=composition.journal,
            person_id=visitor.person_id,
            reason="closed_by_person",
            now=composition.clock.now(),
        )
    assert not _is_active(http, land, at_land)
    assert _exchange(http, bus, given["access_token"])["error"] == "invalid_request"


def test_it_lives_no_longer_than_the_authorization(
    composition: Composition,
    bus: RelyingParty,
    tokens: dict[str, Any],
    http: FlaskClient,
    clock: ManualClock,
) -> None:
    """Its end is the family's where that is nearer than five minutes."""
    with composition.database.transaction() as session:
        session.scalars(select(TokenFamilyRow)).one().expires_at = clock.now() + timedelta(seconds=90)
    answer = _exchange(http, bus, tokens["access_token"])
    assert answer["expires_in"] == 90
    claims = bus.claims(answer["access_token"])
    assert claims["exp"] - claims["iat"] == 90


def test_an_expired_or_foreign_token_is_no_subject(
    composition: Composition, bus: RelyingParty, tokens: dict[str, Any], http: FlaskClient, clock: ManualClock
) -> None:
    """§2.2.2: ``invalid_request`` whatever is wrong with it. A service's own token stands for no person."""
    own = http.post("/token", data={"grant_type": "client_credentials"}, headers=bus.basic()).get_json()
    for token in ("rubbish", tokens["id_token"], tokens["refresh_token"], own["access_token"]):
        assert _exchange(http, bus, token)["error"] == "invalid_request"
    clock.advance(timedelta(minutes=5))
    assert _exchange(http, bus, tokens["access_token"])["error"] == "invalid_request"


def test_the_actor_is_the_client_itself(
    composition: Composition, bus: RelyingParty, land: RelyingParty, tokens: dict[str, Any], http: FlaskClient
) -> None:
    """§2.1: it may show its own token; nobody acts under another's name, and no person does."""
    form = {"grant_type": "client_credentials"}
    own = http.post("/token", data=form, headers=bus.basic()).get_json()["access_token"]
    others = http.post("/token", data=form, headers=land.basic()).get_json()["access_token"]
    subject = tokens["access_token"]
    assert "access_token" in _exchange(http, bus, subject, actor_token=own, actor_token_type=ACCESS_TOKEN)
    for token in (others, subject, "rubbish"):
        refused = _exchange(http, bus, subject, actor_token=token, actor_token_type=ACCESS_TOKEN)
        assert refused["error"] == "invalid_request"


def test_it_can_be_bound_and_opaque(
    composition: Composition,
    bus: RelyingParty,
    land: RelyingParty,
    taxes: RelyingParty,
    tokens: dict[str, Any],
    http: FlaskClient,
) -> None:
    """RFC 9449: to the service's key. An opaque token is exchanged like a JWT, for an opaque one."""
    holder = Holder(composition)
    bound = _exchange(http, bus, tokens["access_token"], holder.headers())
    assert bound["token_type"] == "DPoP"
    assert bus.claims(bound["access_token"])["cnf"] == {"jkt": holder.jkt}
    change(composition, land, access_token_format="opaque")
    opaque = _exchange(http, bus, tokens["access_token"])["access_token"]
    assert "." not in opaque
    again = _exchange(http, land, opaque)["access_token"]
    seen = http.post("/introspect", data={"token": again}, headers=taxes.basic()).get_json()
    assert seen["act"] == {"sub": land.client_id, "act": {"sub": bus.client_id}}


def test_a_person_sees_who_acted_for_him_a_line_a_day(
    composition: Composition,
    bus: RelyingParty,
    land: RelyingParty,
    portal: RelyingParty,
    tokens: dict[str, Any],
    visitor: Visitor,
    http: FlaskClient,
    clock: ManualClock,
) -> None:
    """One line for all of a day, with the application that it was allowed to; a month back, and nobody else's."""
    for _time in range(2):
        _exchange(http, bus, tokens["access_token"])
    page = visitor.http.get("/account/activity").get_data(as_text=True)
    assert "Servicios que actuaron por usted" in page
    assert page.count("<h3>Bus de datos</h3>") == 1
    assert "23 de noviembre de 2026 · 2 veces · por lo que usted permitió a " in page
    clock.advance(timedelta(hours=12, minutes=30))
    again = portal.refresh(http, tokens["refresh_token"]).get_json()["access_token"]
    _exchange(http, land, _exchange(http, bus, again)["access_token"])

    def told(person_id: str) -> list[tuple[str, str | None, int]]:
        with composition.database.reading() as session:
            quito = ZoneInfo("America/Guayaquil")
            found = list_acted_for(session, person_id=person_id, timezone=quito, now=clock.now())
        return [(each.client_id, each.allowed_client_id, each.times) for each in found]

    root = portal.client_id
    assert told(visitor.person_id) == [(land.client_id, root, 1), (bus.client_id, root, 1), (bus.client_id, root, 2)]
    assert told("somebody else") == []
    clock.advance(timedelta(days=31))
    assert told(visitor.person_id) == []
