"""Keys change under applications that verify with a set they hold for as long as they may (OpenID Provider, rule 16).

The service runs as installed, in two web processes. An hour passes in the database alone: what was published a moment
ago is made an hour old.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from audit.event import Event as AuditedEvent
from audit.vocabulary import EventType
from composition import Composition
from idp.authentication.browser_session import start_browser_session
from idp.clients.client import find_client
from idp.consent.consent import grant_consent
from idp.protocol.algorithms import TOKEN_ALGORITHMS
from idp.protocol.terms import Terms
from idp.tokens.family import start_family
from idp.tokens.key_ring import CACHE_LIFETIME
from idp.tokens.key_rotation import JWKS_CACHE_LIFETIME, PUBLICATION_LEAD
from idp.tokens.model import SigningKeyRow
from idp.tokens.target import target_for_person
from idp.tokens.token_set import issue_token_set
from tests.faults import rounds
from tests.flows.citizens import add_citizen
from tests.idp.relying_party import RelyingParty, register
from tests.servers.postgresql import PostgreSqlServer
from tests.servers.service import LiveService, run_service

pytestmark = pytest.mark.server

PATIENCE = 60  # seconds; only a broken service takes so long
SCOPES = ("openid", "profile", "offline_access")


@dataclass
class Application:
    """One that refreshes its tokens again and again, and verifies them with the keys that it holds.

    :ivar kids: which keys signed its ID tokens, in order of appearance.
    """

    service: LiveService
    party: RelyingParty
    algorithm: str
    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    keys: KeySet | None = None
    kids: list[str] = field(default_factory=list)
    done: int = 0

    def fetch_keys(self) -> None:
        """Fetch the key set; from now on it is held, and no unknown ``kid`` makes it fetch another."""
        answer = requests.get(f"{self.service.url}/jwks", timeout=PATIENCE)
        held = f"max-age={int(JWKS_CACHE_LIFETIME.total_seconds())}"
        assert held in answer.headers["Cache-Control"]
        signing = [key for key in answer.json()["keys"] if key["use"] == "sig"]
        self.keys = KeySet.import_key_set({"keys": signing})

    def refresh(self) -> None:
        """Get new tokens and verify both, or fail."""
        answer = requests.post(
            f"{self.service.url}/token",
            data={"grant_type": "refresh_token", "refresh_token": self.refresh_token},
            headers=self.party.basic(),
            timeout=PATIENCE,
        )
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        self.refresh_token, self.access_token = tokens["refresh_token"], tokens["access_token"]
        assert self.keys is not None
        verified = jwt.decode(tokens["id_token"], self.keys, algorithms=[self.algorithm])
        jwt.decode(tokens["access_token"], self.keys, algorithms=["ES256"])
        if verified.header["kid"] not in self.kids:
            self.kids.append(verified.header["kid"])
        self.done += 1

    def go_on(self, stop: Event) -> None:
        """Refresh until told to stop."""
        while not stop.is_set():
            self.refresh()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSqlServer) -> Iterator[LiveService]:
    """The service over PostgreSQL, in two web processes."""
    name = postgresql.create_database(with_schema=False)
    folder = tmp_path_factory.mktemp("rotation")
    with run_service(folder, database_url=postgresql.url(name), demo=False, more={"SAU_WORKERS": "2"}) as running:
        yield running


@pytest.fixture
def applications(service: LiveService) -> list[Application]:
    """One for each algorithm, with offline access of one person."""
    with service.composition() as composition:
        person_id = add_citizen(composition).id
        return [_authorized(service, composition, person_id, algorithm) for algorithm in TOKEN_ALGORITHMS]


def _authorized(service: LiveService, composition: Composition, person_id: str, algorithm: str) -> Application:
    services, now = composition.idp, composition.clock.now()
    party = register(composition, id_token_signed_response_alg=algorithm, optional_scope="")
    with composition.database.transaction() as session:
        client = find_client(session, party.client_id)
        started, _ = start_browser_session(
            session, journal=composition.journal, person_id=person_id, amr=("pwd", "otp"), now=now
        )
        grant_consent(
            session,
            journal=composition.journal,
            person_id=person_id,
            client=client,
            requested=SCOPES,
            chosen=(),
            now=now,
        )
        family = start_family(
            session,
            certificates=services.certificates,
            client=client,
            grant_type="authorization_code",
            origin_sha256=None,
            person_id=person_id,
            sid=started.sid,
            scopes=SCOPES,
            terms=Terms(),
            confirmation=None,
            authenticated_at=started.authenticated_at,
            acr=started.acr,
            amr=started.amr,
            now=now,
        )
        event = AuditedEvent(type=EventType.TOKEN_ISSUED, subject=person_id, client_id=client.client_id)
        tokens = issue_token_set(
            session,
            services,
            client=client,
            family=family,
            target=target_for_person(session, services, client=client, family=family, named=(), scopes=SCOPES),
            nonce=None,
            txn=composition.journal.record_with_receipt(session, event, now=now),
            now=now,
        )
    assert tokens.refresh_token is not None
    return Application(service, party, algorithm, tokens.refresh_token)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def _let_an_hour_pass(service: LiveService) -> None:
    """Make every key an hour older."""
    with service.composition() as composition, composition.database.transaction() as session:
        for key in session.scalars(select(SigningKeyRow)):
            key.created_at -= PUBLICATION_LEAD


def test_no_token_fails_while_keys_rotate(service: LiveService, applications: list[Application]) -> None:
    """A new key is in the set before its first use; applications fetch the set once an hour and verify everything."""
    stop = Event()
    with ThreadPoolExecutor(len(applications)) as pool:
        for application in applications:
            application.fetch_keys()
        running = [pool.submit(application.go_on, stop) for application in applications]
        try:
            for rotations in range(1, rounds(1, 4) + 1):
                # The next key was published at least this long ago in every process.
                time.sleep(CACHE_LIFETIME.total_seconds() + 1)
                for application in applications:
                    application.fetch_keys()
                _let_an_hour_pass(service)
                service.command("keys", "rotate")
                _wait(partial(_have_seen, applications, running, keys=rotations + 1))
                done = [application.done + 3 for application in applications]
                _wait(partial(_have_done, applications, running, done))
        finally:
            stop.set()
    for each in running:
        each.result()  # raises what an application met


def _have_seen(applications: list[Application], running: list[Future[None]], *, keys: int) -> bool:
    """Tell whether each has met so many keys; or one of them has failed."""
    return any(each.done() for each in running) or all(len(each.kids) >= keys for each in applications)


def _have_done(applications: list[Application], running: list[Future[None]], counts: list[int]) -> bool:
    """Tell whether each has got so many tokens; or one of them has failed."""
    enough = [each.done >= count for each, count in zip(applications, counts, strict=True)]
    return any(each.done() for each in running) or all(enough)


def test_what_a_stolen_key_signed_is_refused_by_every_process(
    service: LiveService, applications: list[Application]
) -> None:
    """Emergency: the old key leaves the set; the one that takes over was published before."""
    time.sleep(CACHE_LIFETIME.total_seconds() + 1)
    application = applications[0]
    application.fetch_keys()
    application.refresh()
    stolen = application.access_token

    def opens(token: str) -> bool:
        # On a connection of its own each time: any process may answer.
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{service.url}/userinfo", headers=headers, timeout=PATIENCE).status_code == 200

    assert opens(stolen)
    _let_an_hour_pass(service)
    service.command("keys", "rotate", "--emergency")
    _wait(lambda: not any(opens(stolen) for _ in range(8)))
    time.sleep(CACHE_LIFETIME.total_seconds() + 1)
    assert not any(opens(stolen) for _ in range(16))
    application.refresh()  # verified with the set from before
    assert opens(application.access_token)
    published = {key["kid"] for key in requests.get(f"{service.url}/jwks", timeout=PATIENCE).json()["keys"]}
    assert application.kids[-1] in published
    assert application.kids[0] not in published
