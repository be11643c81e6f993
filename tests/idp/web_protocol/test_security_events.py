"""Security event tokens: pushed to services that the person uses, and to no other (RFC 8417, RFC 8935, CAEP, RISC)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from joserfc import jws
from sqlalchemy import select

import ca.jobs
import idp.jobs
from audit.model import AuditEvent
from composition import Composition
from idp.accounts.life import disable_person, enable_person, erase_person
from idp.accounts.model import PasswordRow
from idp.accounts.person import find_person
from idp.authentication.browser_session import end_browser_session, end_expired_sessions
from idp.authentication.password import hash_password
from idp.authentication.password_reset import replace_password
from idp.clients.change import replace_registration
from idp.clients.client import find_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.clients.registration.document import registration_document
from idp.consent.connected_services import withdraw_consent
from idp.deliveries.names import behind_told_name
from idp.protocol.security_event import (
    ACCOUNT_DISABLED,
    ACCOUNT_ENABLED,
    ACCOUNT_PURGED,
    CREDENTIAL_CHANGE,
    EVENT_TYPES,
    SESSION_REVOKED,
)
from idp.tokens.session_name import session_behind
from kernel.clock import ManualClock
from kernel.database import Base
from kernel.errors import NotFound, Rejected
from kernel.identifiers import sha256_hex
from kernel.outbox import run_due
from kernel.secret_text import SecretText
from kernel.settings import Settings
from tests.idp.certificates import personal_certificate, revoke
from tests.idp.relying_party import METADATA, RelyingParty, Visitor, events, register
from tests.outgoing.host import Host, answering, run_host

ACCEPTED = answering(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The applications of these tests listen on loopback, which the operator lists."""
    return settings.model_copy(update={"outgoing_networks": (ip_network("127.0.0.0/8"),)})


@pytest.fixture
def receiver() -> Iterator[Host]:
    """An application's server that takes events."""
    with run_host(ACCEPTED) as host:
        yield host


def _listening(composition: Composition, host: Host, **metadata: Any) -> RelyingParty:
    return register(composition, event_delivery_uri=f"http://127.0.0.1:{host.port}/events", **metadata)


def _log_in(party: RelyingParty, visitor: Visitor, http: FlaskClient) -> dict[str, Any]:
    answer = party.exchange(http, visitor.authorize(party)).get_json()
    return party.claims(answer["id_token"]) | {"token": answer["id_token"]}


def _deliver(composition: Composition) -> int:
    return run_due(composition.database, idp.jobs.deliveries(composition.idp), now=composition.clock.now())


def _tokens(host: Host) -> list[str]:
    found = []
    for request in host.requests:
        header, _, body = request.decode().partition("\r\n\r\n")
        assert header.startswith("POST /events HTTP/1.1\r\n")
        assert "Content-Type: application/secevent+jwt" in header
        found.append(body)
    host.requests.clear()
    return found


def _change_password(composition: Composition, visitor: Visitor) -> None:
    phc = hash_password(SecretText("una-clave-nueva-y-larga"))
    with composition.database.transaction() as session:
        replace_password(
            session,
            services=composition.idp,
            person=find_person(session, visitor.person_id),
            phc=phc,
            reason="changed",
            now=composition.clock.now(),
        )


def test_a_revoked_session_as_the_specifications_say(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """RFC 8417 §2, CAEP §3.1: typed, with jti, iat and txn, without sub and exp."""
    party = _listening(composition, receiver, events_requested=[SESSION_REVOKED])
    logged_in = _log_in(party, visitor, http)
    visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
    assert _deliver(composition) == 1
    (token,) = _tokens(receiver)
    assert jws.extract_compact(token.encode()).headers()["typ"] == "secevent+jwt"
    claims = party.claims(token)
    assert claims.pop("jti")
    assert claims.pop("txn")
    at = int(clock.now().timestamp())
    assert claims == {
        "iss": "http://localhost:8000",
        "aud": party.client_id,
        "iat": at,
        "sub_id": {
            "format": "complex",
            "user": {"format": "iss_sub", "iss": "http://localhost:8000", "sub": logged_in["sub"]},
            "session": {"format": "opaque", "id": logged_in["sid"]},
        },
        "events": {
            SESSION_REVOKED: {"event_timestamp": at, "initiating_entity": "user", "reason_admin": {"en": "logout"}}
        },
    }
    assert events(composition, "idp:delivery:delivered") == [("success", None, party.client_id)]


def test_a_session_that_ran_out_was_not_revoked(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """CAEP §3.1: revoked is before its time."""
    _log_in(_listening(composition, receiver), visitor, http)
    clock.advance(timedelta(hours=13))
    with composition.database.transaction() as session:
        assert end_expired_sessions(session, journal=composition.journal, now=clock.now()) == 1
    assert _deliver(composition) == 0


@pytest.mark.parametrize(
    ("reason", "entity"),
    [("closed_by_person", "user"), ("administrator", "admin"), ("certificate_revoked", "policy")],
)
def test_the_event_says_who_brought_it_about(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient, reason: str, entity: str
) -> None:
    """CAEP §2: a revoked certificate ends what rests on it, and the reason travels."""
    party = _listening(composition, receiver)
    logged_in = _log_in(party, visitor, http)
    sid = session_behind(composition.idp, party.client_id, logged_in["sid"])
    with composition.database.transaction() as session:
        end_browser_session(session, journal=composition.journal, sid=sid, reason=reason, now=composition.clock.now())
    _deliver(composition)
    members = party.claims(_tokens(receiver)[0])["events"][SESSION_REVOKED]
    assert (members["initiating_entity"], members["reason_admin"]) == (entity, {"en": reason})


def test_a_new_password_is_told_to_the_services_that_the_person_uses(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """CAEP §3.3; services that he never entered hear nothing."""
    party, stranger = _listening(composition, receiver), _listening(composition, receiver)
    with composition.database.transaction() as session:
        session.add(PasswordRow(person_id=visitor.person_id, phc="", set_at=composition.clock.now()))
    _log_in(party, visitor, http)
    _change_password(composition, visitor)
    _deliver(composition)
    told = [party.claims(token) for token in _tokens(receiver)]
    assert {claims["aud"] for claims in told} == {party.client_id} != {stranger.client_id}
    kinds = {kind: members for claims in told for kind, members in claims["events"].items()}
    assert set(kinds) == {SESSION_REVOKED, CREDENTIAL_CHANGE}
    assert kinds[CREDENTIAL_CHANGE]["credential_type"] == "password"
    assert kinds[CREDENTIAL_CHANGE]["change_type"] == "update"


def test_two_applications_cannot_join_a_person_by_an_event(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """OpenID Connect Core §8.1: told of one event they share no value but the time; we know what each means."""
    parties = [_listening(composition, receiver, events_requested=[CREDENTIAL_CHANGE]) for _ in range(2)]
    for party in parties:
        _log_in(party, visitor, http)
    _change_password(composition, visitor)
    assert _deliver(composition) == 2
    told = {claims["aud"]: claims for claims in map(parties[0].claims, _tokens(receiver))}
    first, second = (told[party.client_id] for party in parties)
    for one, other in ((first["txn"], second["txn"]), (first["jti"], second["jti"])):
        assert one[:8] != other[:8]
    meant = {behind_told_name(composition.idp, aud, claims["txn"]) for aud, claims in told.items()}
    with composition.database.reading() as session:
        assert {session.get_one(AuditEvent, event_id).type for event_id in meant} == {"idp:password:set"}
    assert len(meant) == 1
    with pytest.raises(NotFound):
        behind_told_name(composition.idp, parties[0].client_id, second["txn"])


def test_a_first_password_is_a_credential_that_was_not_there(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """CAEP §3.3.1 change_type: ``create``, not ``update``."""
    party = _listening(composition, receiver, events_requested=[CREDENTIAL_CHANGE])
    _log_in(party, visitor, http)
    _change_password(composition, visitor)
    _deliver(composition)
    (token,) = _tokens(receiver)
    assert party.claims(token)["events"][CREDENTIAL_CHANGE]["change_type"] == "create"


def test_a_revoked_personal_certificate_is_a_credential_that_ended(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """CAEP §3.3: x509, revoke; once, however often the worker passes the revocation on."""
    party = _listening(composition, receiver, events_requested=[CREDENTIAL_CHANGE])
    _log_in(party, visitor, http)
    now = composition.clock.now()
    held = personal_certificate(composition, visitor.person_id, now=now)
    revoke(composition, held, now=now)
    run_due(composition.database, ca.jobs.handlers(composition.ca), now=now)
    [listener] = composition.ca.revocation_listeners
    digest = sha256_hex(held.der)
    listener.certificate_revoked(
        serial=held.serial, certificate_sha256=digest, person_id=visitor.person_id, reason="superseded"
    )
    _deliver(composition)
    (token,) = _tokens(receiver)
    members = party.claims(token)["events"][CREDENTIAL_CHANGE]
    assert (members["credential_type"], members["change_type"]) == ("x509", "revoke")


SHOWN = "Bearer puerta-de-la-pasarela-7319"


def _headers(host: Host) -> list[str | None]:
    found = [re.search(r"^Authorization: (.*)\r$", request.decode(), re.MULTILINE) for request in host.requests]
    host.requests.clear()
    return [each and each[1] for each in found]


def _update(composition: Composition, party: RelyingParty, **change: Any) -> None:
    with composition.database.transaction() as session:
        document = registration_document(find_client(session, party.client_id))
        replace_registration(
            session,
            journal=composition.journal,
            client_id=party.client_id,
            registration=ClientRegistration.parse(document | change),
            sealing_secret=composition.sealing_secret,
            now=composition.clock.now(),
        )


def test_the_receiver_is_shown_what_was_registered_for_it(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """Kept through other changes and forgotten with the address, so that no other receiver is shown it."""
    party = _listening(composition, receiver, events_requested=[CREDENTIAL_CHANGE], event_delivery_authorization=SHOWN)
    _log_in(party, visitor, http)
    seen = []
    for change in (
        {},
        {"client_name": "Otro nombre"},
        {"event_delivery_authorization": "Basic b3RybzpvdHJv"},
        {"event_delivery_authorization": ""},
        {"event_delivery_authorization": SHOWN},
        {"event_delivery_uri": f"http://127.0.0.1:{receiver.port}/events?2"},
    ):
        _update(composition, party, **change)
        _change_password(composition, visitor)
        _deliver(composition)
        seen += _headers(receiver)
    assert seen == [SHOWN, SHOWN, "Basic b3RybzpvdHJv", None, SHOWN, None]


def test_what_the_receiver_is_shown_is_sealed_and_in_no_record(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """Never shown again: not in the registration, not in an event, not in the database in clear."""
    party = _listening(composition, receiver, event_delivery_authorization="Bearer anterior")
    _update(composition, party, event_delivery_authorization=SHOWN)
    _log_in(party, visitor, http)
    _change_password(composition, visitor)
    _deliver(composition)
    with composition.database.reading() as session:
        client = find_client(session, party.client_id)
        assert "event_delivery_authorization" not in registration_document(client)
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                assert not [value for value in row if SHOWN[7:] in str(value) or SHOWN[7:].encode() in _octets(value)]
        changed = session.scalars(select(AuditEvent).where(AuditEvent.type == "idp:client:updated")).all()
    (leaf,) = [json.loads(event.leaf) for event in changed]
    assert leaf["details"] == {"event_delivery_authorization": ["…", "…"]}
    assert len(events(composition, "idp:client:updated")) == 1
    _update(composition, party, event_delivery_authorization=SHOWN)
    assert len(events(composition, "idp:client:updated")) == 1


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


@pytest.mark.parametrize(
    "wrong", ["solo", "Bearer a\r\nX-Y: z", "Bearer ñ", "Bearer ", "B\x00 x", "Bearer " + "x" * 1000, 7]
)
def test_what_is_no_credential_is_not_registered(wrong: object) -> None:
    """RFC 9110 §11.4; nothing can end the header and begin another, and the refusal does not repeat the secret."""
    given = METADATA | {"event_delivery_uri": "https://portal.example/e", "event_delivery_authorization": wrong}
    with pytest.raises(Rejected, match="event_delivery_authorization: scheme"):
        ClientRegistration.parse(given)
    with pytest.raises(Rejected, match="goes with event_delivery_uri"):
        ClientRegistration.parse(METADATA | {"event_delivery_authorization": SHOWN})


def test_an_account_that_is_disabled_enabled_and_erased(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """RISC §2.3, §2.4, §2.1: about the person as a whole."""
    party = _listening(composition, receiver, events_requested=[ACCOUNT_DISABLED, ACCOUNT_ENABLED, ACCOUNT_PURGED])
    logged_in = _log_in(party, visitor, http)
    for change in (disable_person, enable_person, erase_person):
        with composition.database.transaction() as session:
            change(
                session,
                services=composition.idp,
                person_id=visitor.person_id,
                actor="command",
                now=composition.clock.now(),
            )
    assert _deliver(composition) == 3
    told = [party.claims(token) for token in _tokens(receiver)]
    assert sorted(kind for claims in told for kind in claims["events"]) == sorted(
        (ACCOUNT_DISABLED, ACCOUNT_ENABLED, ACCOUNT_PURGED)
    )
    user = {"format": "iss_sub", "iss": "http://localhost:8000", "sub": logged_in["sub"]}
    assert all(claims["sub_id"] == user for claims in told)


def test_who_withdrew_his_permission_is_not_spoken_about(
    composition: Composition, receiver: Host, visitor: Visitor, http: FlaskClient
) -> None:
    """The service has no business with him any more."""
    party = _listening(composition, receiver, events_requested=[CREDENTIAL_CHANGE])
    _log_in(party, visitor, http)
    with composition.database.transaction() as session:
        withdraw_consent(
            session,
            journal=composition.journal,
            person_id=visitor.person_id,
            client_id=party.client_id,
            now=composition.clock.now(),
        )
    _change_password(composition, visitor)
    assert _deliver(composition) == 0


def test_a_receiver_that_refuses_is_not_asked_again(
    composition: Composition, visitor: Visitor, http: FlaskClient, clock: ManualClock
) -> None:
    """RFC 8935 §2.3: 400 says that this token is not accepted."""
    refusal = b'HTTP/1.1 400 Bad\r\nContent-Length: 26\r\n\r\n{"err":"invalid_audience"}'
    with run_host(answering(refusal)) as host:
        party = _listening(composition, host, events_requested=[SESSION_REVOKED])
        logged_in = _log_in(party, visitor, http)
        visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
        _deliver(composition)
        clock.advance(timedelta(days=1))
        assert _deliver(composition) == 0
        assert len(host.requests) == 1
    assert events(composition, "idp:delivery:undeliverable") == [("failure", "receiver_answered_400", party.client_id)]


def test_registration_knows_the_events_that_there_are() -> None:
    """All of them if none is named; none without an address."""
    uri = "https://portal.example/events"
    assert ClientRegistration.parse(METADATA | {"event_delivery_uri": uri}).metadata.events_requested == EVENT_TYPES
    assert ClientRegistration.parse(METADATA).metadata.events_requested == ()
    for wrong in (
        {"event_delivery_uri": uri, "events_requested": ["https://x/other"]},
        {"event_delivery_uri": uri, "events_requested": SESSION_REVOKED},
        {"event_delivery_uri": uri, "events_requested": [["x"]]},
        {"events_requested": [SESSION_REVOKED]},
        {"event_delivery_uri": "http://portal.example/events"},
    ):
        with pytest.raises(Rejected, match="event"):
            ClientRegistration.parse(METADATA | wrong)


def test_discovery_names_what_is_served_and_no_more(http: FlaskClient) -> None:
    """Shared Signals Framework 1.0 §7.1: push; streams are made by registration, so no endpoint manages them."""
    answer = http.get("/.well-known/ssf-configuration")
    document = answer.get_json()
    assert document["issuer"] == "http://localhost:8000"
    assert document["delivery_methods_supported"] == ["urn:ietf:rfc:8935"]
    assert http.get(document["jwks_uri"].removeprefix(document["issuer"])).status_code == 200
    assert not [name for name in document if name.endswith("_endpoint")]


def test_nobody_waits_while_events_are_queued(composition: Composition, visitor: Visitor, http: FlaskClient) -> None:
    """A receiver that does not answer is the worker's matter."""
    with run_host(lambda connection, request: time.sleep(3)) as host:
        party = _listening(composition, host)
        logged_in = _log_in(party, visitor, http)
        visitor.http.get("/logout?" + urlencode({"id_token_hint": logged_in["token"]}))
        assert host.connections == 0
