"""People and machines who use the service while something happens to it, and keep all that it told them it had done."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from ca.enrolment.credential import USES_LIMIT, Protocol, create_credential
from composition import Composition
from idp.clients.register import register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.directory.institutions import add_institution
from tests.flows.citizens import Citizen, add_citizen
from tests.flows.form_browser import FormBrowser
from tests.servers.service import LiveService

_CALLBACK = "http://localhost:9/callback"  # never opened: the browser stops before it
_RUC = "1760013210001"
_CODES, _REFRESHES = 3, 2
_PAUSE = 0.1  # seconds after a refusal
_BREATH = 0.02  # seconds between two requests: what is to be shown is no throughput
_TIMEOUT = 60.0  # seconds: what takes so long hangs
_TOKEN_SECONDS = 200  # access tokens live for 300

_ASKED_AGAIN = 40


@dataclass
class Acknowledged:
    """What the service said that it had done. Only what was answered in full is here.

    :ivar events: ids that ID tokens named (``txn``).
    :ivar counted: events that answers stand for without naming them, by person and type.
    :ivar access_tokens: each with the moment until which it must be active, by this process's clock.
    :ivar refresh_tokens: the last one of each family that was not asked about in vain.
    :ivar certificates: DER.
    :ivar refused: what was not acknowledged, by kind. ``in_a_row``: the most that one person or machine met running.
    """

    events: list[str] = field(default_factory=list)
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    access_tokens: deque[tuple[str, float]] = field(default_factory=deque)
    refresh_tokens: deque[str] = field(default_factory=deque)
    certificates: list[bytes] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    in_a_row: int = 0

    def total(self) -> int:
        """How many answers there were."""
        return len(self.events) + len(self.certificates) + self.counted.total()


@dataclass(frozen=True)
class Actors:
    """Who is known to the service beforehand."""

    client: dict[str, str]
    credential: dict[str, str]
    citizens: Sequence[Citizen]

    @classmethod
    def of(cls, service: LiveService, *, people: int) -> Actors:
        """Make an application, people and an enrolment credential."""
        with service.composition() as composition:
            return cls(
                _add_client(composition),
                _add_credential(composition),
                [add_citizen(composition, with_totp=False) for _ in range(people)],
            )


def _add_client(composition: Composition) -> dict[str, str]:
    metadata = {
        "client_name": "Carga",
        "redirect_uris": [_CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
        "application_type": "web",
        "scope": "openid offline_access",
    }
    with composition.database.transaction() as session:
        registered = register_client(
            session,
            journal=composition.journal,
            registration=ClientRegistration.parse(metadata),
            now=composition.clock.now(),
        )
    assert registered.secret
    return {"client_id": registered.client.client_id, "client_secret": registered.secret.reveal()}


def _add_credential(composition: Composition) -> dict[str, str]:
    now = composition.clock.now()
    with composition.database.transaction() as session:
        add_institution(session, journal=composition.journal, ruc=_RUC, name="Ministerio de Pruebas", now=now)
        credential, secret = create_credential(
            session,
            services=composition.ca,
            protocol=Protocol.EST,
            profile="tls-client",
            institution_ruc=_RUC,
            uses=USES_LIMIT,
            actor="ana",
            now=now,
        )
    return {"id": credential.id, "secret": secret.reveal()}


class Load:
    """Everyone at work, each in a thread, until the block ends.

    :param url: where they go: the service itself, or what stands before it.
    :param trust: PEM file of what signed that address's certificate, if it is an https one.
    """

    def __init__(self, url: str, actors: Actors, *, trust: Path | None = None, enrol: bool = True) -> None:
        self.acknowledged = Acknowledged()
        self.url = url
        self._actors = actors
        self._trust = trust
        self._stopped = threading.Event()
        self._numbers = count(1)
        works = [(self._live, citizen) for citizen in actors.citizens]
        self._threads = [threading.Thread(target=self._until_stopped, args=work) for work in works]
        if enrol:
            self._threads.append(threading.Thread(target=self._until_stopped, args=(self._enrol, None)))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def is_active(self, token: str) -> bool:
        """Ask the service what a token is worth (RFC 7662).

        A process that is still coming back says so (503), one that was killed with the question in its hands says
        nothing: either way it is asked again.
        """
        for again in range(_ASKED_AGAIN):
            try:
                answer = self._post("/introspect", {"token": token})
            except requests.ConnectionError:
                if again + 1 == _ASKED_AGAIN:
                    raise
            else:
                if answer.status_code != 503:
                    break
            time.sleep(0.5)
        answer.raise_for_status()
        return bool(answer.json()["active"])

    def session(self) -> requests.Session:
        """Return a connection of its own."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self._trust) if self._trust else True
        return session

    def _until_stopped(self, work: Any, actor: Citizen | None) -> None:
        running = 0
        while not self._stopped.is_set():
            try:
                work(actor)
                running = 0
            except (requests.RequestException, AssertionError, KeyError, ValueError) as error:
                # Refused, cut off or unavailable: nothing was acknowledged.
                self.acknowledged.refused[type(error).__name__] += 1
                running += 1
                self.acknowledged.in_a_row = max(running, self.acknowledged.in_a_row)
                self._stopped.wait(_PAUSE)

    def _live(self, citizen: Citizen | None) -> None:
        """Log in, and take tokens some times."""
        assert citizen is not None
        browser = FormBrowser(stop_at=_CALLBACK, trust=self._trust)
        self._take_tokens(browser, citizen, also="idp:session:started")
        for _ in range(_CODES):
            if not self._stopped.is_set():
                self._take_tokens(browser, citizen)

    def _take_tokens(self, browser: FormBrowser, citizen: Citizen, *, also: str = "") -> None:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self._actors.client["client_id"],
            "response_type": "code",
            "scope": "openid offline_access",
            "prompt": "consent",
            "redirect_uri": _CALLBACK,
            "state": "s",
            "nonce": secrets.token_hex(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        browser.open(f"{self.url}/authorize?{urlencode(asked)}")
        browser.log_in(citizen)
        assert browser.stopped_at
        (code,) = parse_qs(urlsplit(browser.stopped_at).query)["code"]
        self.acknowledged.counted[citizen.id, "idp:authorization:granted"] += 1
        if also:
            self.acknowledged.counted[citizen.id, also] += 1
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": _CALLBACK, "code_verifier": verifier}
        refresh_token = self._keep(self._post("/token", given))
        for _ in range(_REFRESHES):
            time.sleep(_BREATH)
            # Asked in vain, the family is left alone: whether the token is used up is then unknown, by design.
            refresh_token = self._keep(
                self._post("/token", {"grant_type": "refresh_token", "refresh_token": refresh_token})
            )
        self.acknowledged.refresh_tokens.append(refresh_token)

    def _keep(self, answer: requests.Response) -> str:
        assert answer.status_code == 200, answer.status_code
        given = answer.json()
        claims = json.loads(base64.urlsafe_b64decode(given["id_token"].split(".")[1] + "=="))
        self.acknowledged.events.append(claims["txn"].split(".")[0])  # the rest is the receipt of the same event
        self.acknowledged.access_tokens.append((given["access_token"], time.monotonic() + _TOKEN_SECONDS))
        refresh_token: str = given["refresh_token"]
        return refresh_token

    def _post(self, path: str, form: dict[str, str]) -> requests.Response:
        client = self._actors.client
        form = {**form, "client_id": client["client_id"], "client_secret": client["client_secret"]}
        with self.session() as session:
            return session.post(self.url + path, data=form, timeout=_TIMEOUT)

    def _enrol(self, _nobody: Citizen | None) -> None:
        """Let a machine have a certificate by EST (RFC 7030 §4.2)."""
        name = f"Equipo {next(self._numbers)}"
        csr = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        )
        credential = self._actors.credential
        with self.session() as session:
            answer = session.post(
                f"{self.url}/.well-known/est/simpleenroll",
                data=base64.encodebytes(csr.public_bytes(serialization.Encoding.DER)),
                headers={"Content-Type": "application/pkcs10"},
                auth=(credential["id"], credential["secret"]),
                timeout=_TIMEOUT,
            )
        assert answer.status_code == 200, answer.status_code
        (certificate,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))
        self.acknowledged.certificates.append(certificate.public_bytes(serialization.Encoding.DER))
        self._stopped.wait(0.2)
