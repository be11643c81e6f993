"""Where the time of one certificate over ACME goes: one process, no HTTP server, no network.

``python -m bench.acme_profile`` prints milliseconds of processor time and transactions of each step (the database's own
time is not counted), and with ``--lines`` the functions that took most of them. With ``--together N`` so many clients
ask at once, as they do on the event loop of a web process, and only the whole is told.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.jwk import OctKey
from sqlalchemy import event

from bench.acme import RUC, ZONE, _csr, _jwk, _key
from bench.profile import _environ
from ca.acme.credential import issue_credential
from ca.acme.looker import Looker
from ca.acme.proof import Claim
from composition import Composition
from idp.directory.institutions import add_institution
from kernel.group_commit import GroupCommit
from kernel.identifiers import b64url
from kernel.settings import load_settings
from operations.installation import install
from tests.servers.postgresql import run_postgresql
from web.application import SauFlask
from web.logging import configure_logging
from web.rsgi import RsgiApplication
from wsgi import create_app

_URL = "http://127.0.0.1:8000"


class _Seen:
    """Sees every proof at once."""

    def look(self, claim: Claim) -> int:
        """See :class:`ca.acme.perspectives.Prover`."""
        return 1


class Measure:
    """Processor time and transactions by step."""

    def __init__(self, composition: Composition) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.statements: dict[str, int] = defaultdict(int)
        self.commits: dict[str, int] = defaultdict(int)
        self.profile: cProfile.Profile | None = None
        self._step = ""
        event.listen(composition.database.engine, "before_cursor_execute", self._statement)
        event.listen(composition.database.engine, "commit", self._commit)

    def _statement(self, *_given: Any) -> None:
        self.statements[self._step] += 1

    def _commit(self, *_given: Any) -> None:
        self.commits[self._step] += 1

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what happens within."""
        self._step = name
        started = time.process_time()
        if self.profile is not None:
            self.profile.enable()
        yield
        if self.profile is not None:
            self.profile.disable()
        self.seconds[name] += time.process_time() - started
        self._step = ""


class Client:
    """An ACME client that calls the application directly; its own time is not counted."""

    def __init__(self, app: Any, measure: Measure) -> None:
        self._app, self._measure = app, measure
        self._key, self._account, self._nonce = _key(1), "", ""
        self._directory = json.loads(self._call("directory", "GET", "/acme/directory", b"")[1])
        self._nonce = self._call("nonce", "HEAD", "/acme/new-nonce", b"")[0]["Replay-Nonce"]

    def register(self, key_id: str, mac_key: str) -> None:
        """Open the account."""
        mac = OctKey.import_key({"kty": "oct", "k": mac_key})
        header = {"alg": "HS256", "kid": key_id, "url": self._directory["newAccount"]}
        registry = jws.JWSRegistry(algorithms=["HS256"], strict_check_header=False)
        compact = jws.serialize_compact(header, json.dumps(_jwk(self._key)).encode(), mac, registry=registry)
        binding = dict(zip(("protected", "payload", "signature"), compact.split("."), strict=True))
        payload = {"termsOfServiceAgreed": True, "externalAccountBinding": binding}
        self._account = self._post("account", self._directory["newAccount"], payload)[0]["Location"]

    def issue(self) -> None:
        """Get one certificate."""
        name = f"n{os.urandom(8).hex()}.{ZONE}"
        identifiers = [{"type": "dns", "value": name}]
        _, order = self._post("1 newOrder", self._directory["newOrder"], {"identifiers": identifiers})
        [authorization] = order["authorizations"]
        challenges = self._post("2 authorization", authorization, None)[1]["challenges"]
        # With the look, whose own time is not the network's here: it is seen at once.
        self._post("3 challenge", next(each["url"] for each in challenges if each["type"] == "http-01"), {})
        while self._post("5 authorization again", authorization, None)[1]["status"] != "valid":
            time.sleep(
                0.05
            )  # where others use the cores, a look may take longer than the answer to the challenge waits
        csr = _csr(name)
        order = self._post("6 finalize", order["finalize"], {"csr": csr})[1]
        assert order["status"] == "valid", order
        self._post("7 certificate", order["certificate"], None)

    def _post(self, step: str, url: str, payload: Any) -> tuple[dict[str, str], Any]:
        headers, octets = self._call(step, "POST", urlsplit(url).path, self._message(url, payload))
        self._nonce = headers["Replay-Nonce"]
        return headers, json.loads(octets) if "json" in headers.get("Content-Type", "") else octets

    def _message(self, url: str, payload: Any) -> bytes:
        who = {"kid": self._account} if self._account else {"jwk": _jwk(self._key)}
        header = json.dumps({"alg": "ES256", "nonce": self._nonce, "url": url} | who).encode()
        protected, content = b64url(header), b64url(b"" if payload is None else json.dumps(payload).encode())
        signature = self._key.sign(f"{protected}.{content}".encode(), ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        message = {"protected": protected, "payload": content, "signature": b64url(r.to_bytes(32) + s.to_bytes(32))}
        return json.dumps(message).encode()

    def _call(self, step: str, method: str, path: str, body: bytes) -> tuple[dict[str, str], bytes]:
        answered: dict[str, Any] = {}

        def start_response(status: str, given: list[tuple[str, str]], _error: object = None) -> None:
            answered.update(status=int(status[:3]), headers=dict(given))

        environ = _environ(method, path, {"Content-Type": "application/jose+json"} if body else {}, body)
        with self._measure.step(step):
            octets = b"".join(self._app(environ, start_response))
        if answered["status"] >= 400:
            raise RuntimeError(f"{path}: {answered['status']} {octets[:500]!r}")
        return answered["headers"], octets


class Exchange:
    """One request and its answer, as Granian gives and takes them."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.status, self.headers, self.octets = 0, dict[str, str](), b""

    def __call__(self) -> asyncio.Future[bytes]:
        """Give the body."""
        given = asyncio.get_running_loop().create_future()
        given.set_result(self._body)
        return given

    def __aiter__(self) -> Exchange:
        """Give the body in parts, which is one here: its length was said."""
        return self

    __anext__ = __call__

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Take the answer."""
        self.status, self.headers, self.octets = status, dict(headers), body


class TogetherClient(Client):
    """The same client beside others on an event loop; the time that it takes itself is added up in ``own``."""

    own = 0.0

    def __init__(self, rsgi: RsgiApplication, like: Client, number: int) -> None:
        self._rsgi, self._number = rsgi, number
        self._directory, self._key, self._account = like._directory, like._key, like._account

    async def run(self, times: int) -> None:
        """Get so many certificates."""
        self._nonce = (await self._exchange("HEAD", "/acme/new-nonce", b"")).headers["Replay-Nonce"]
        for _ in range(times):
            await self._issue()

    async def _issue(self) -> None:
        name = f"n{os.urandom(8).hex()}-{self._number}.{ZONE}"
        _, order = await self._ask(self._directory["newOrder"], {"identifiers": [{"type": "dns", "value": name}]})
        [authorization] = order["authorizations"]
        challenges = (await self._ask(authorization, None))[1]["challenges"]
        await self._ask(next(each["url"] for each in challenges if each["type"] == "http-01"), {})
        while (await self._ask(authorization, None))[1]["status"] != "valid":
            await asyncio.sleep(0.05)
        began = time.thread_time()
        csr = _csr(name)
        TogetherClient.own += time.thread_time() - began
        order = (await self._ask(order["finalize"], {"csr": csr}))[1]
        await self._ask(order["certificate"], None)

    async def _ask(self, url: str, payload: Any) -> tuple[dict[str, str], Any]:
        began = time.thread_time()
        message = self._message(url, payload)
        TogetherClient.own += time.thread_time() - began
        answer = await self._exchange("POST", urlsplit(url).path, message)
        self._nonce = answer.headers["Replay-Nonce"]
        return answer.headers, json.loads(answer.octets) if "json" in answer.headers["Content-Type"] else answer.octets

    async def _exchange(self, method: str, path: str, body: bytes) -> Exchange:
        answer = Exchange(body)
        headers = {"host": "127.0.0.1:8000", "content-type": "application/jose+json", "content-length": str(len(body))}
        scope = SimpleNamespace(
            method=method,
            path=path,
            query_string="",
            client="127.0.0.1:1",
            server="127.0.0.1:8000",
            scheme="http",
            http_version="1.1",
            headers=headers if body else {"host": "127.0.0.1:8000"},
            authority=None,
        )
        await self._rsgi.__rsgi__(cast(Any, scope), cast(Any, answer))
        if answer.status >= 400:
            raise RuntimeError(f"{path}: {answer.status} {answer.octets[:500]!r}")
        return answer


def main() -> None:
    """Print what each step takes."""
    parser = argparse.ArgumentParser(prog="python -m bench.acme_profile", description=__doc__)
    parser.add_argument("--number", type=int, default=50)
    parser.add_argument("--together", type=int, default=0, help="so many clients at once, on the event loop")
    parser.add_argument("--sqlite", action="store_true", help="on SQLite instead of PostgreSQL")
    parser.add_argument("--lines", type=int, default=0, help="functions to print")
    parser.add_argument("--sort", default="tottime", choices=["tottime", "cumulative"])
    parser.add_argument("--match", default="", help="only functions whose place contains this")
    arguments = parser.parse_args()
    configure_logging(level="warning", form="json")
    with tempfile.TemporaryDirectory(prefix="sau-profile-") as folder, run_postgresql() as postgresql:
        url = "" if arguments.sqlite else postgresql.url(postgresql.create_database(with_schema=False))
        settings = load_settings(
            {
                "SAU_HOME": f"{folder}/home",
                "SAU_DATABASE_URL": url,
                "SAU_ISSUER": _URL,
                "SAU_RATE_LIMITS": "off",
                "SAU_LOG_LEVEL": "warning",
            }
        )
        _report(Composition(settings), arguments)


def _report(composition: Composition, arguments: argparse.Namespace) -> None:
    install(composition, demo=False)
    now, name = composition.clock.now(), "Institución de Prueba"
    with composition.database.transaction() as session:
        add_institution(session, journal=composition.journal, ruc=RUC, name=name, domains=(ZONE,), now=now)
        credential = issue_credential(
            session, services=composition.ca, institution_ruc=RUC, actor="command:bench", now=now
        )
    app = create_app(composition)
    app.extensions["ca.acme.looker"] = Looker(composition.ca, _Seen)
    measure = Measure(composition)
    client = Client(app, measure)
    client.register(credential.key_id, credential.mac_key)
    for _ in range(10):
        client.issue()
    for kept in (measure.seconds, measure.statements, measure.commits):
        kept.clear()
    for _ in range(arguments.number):
        client.issue()
    if arguments.together:
        _report_together(app, client, measure, arguments)
        return composition.database.dispose()
    total = 0.0
    for step in sorted(measure.seconds):
        each = measure.seconds[step] / arguments.number * 1000
        total += each
        counts = measure.statements[step] / arguments.number, measure.commits[step] / arguments.number
        print(f"{step:24}{each:8.2f} ms {counts[0]:6.1f} statements {counts[1]:5.1f} transactions")
    print(f"{'together':24}{total:8.2f} ms")
    if arguments.lines:
        profile = measure.profile = cProfile.Profile(time.thread_time)
        commit = GroupCommit._commit

        def profiled(*given: Any) -> Any:
            return profile.runcall(commit, *given)

        writer = cProfile.Profile(time.thread_time)
        with patch.object(GroupCommit, "_commit", lambda *given: writer.runcall(commit, *given)):
            for _ in range(arguments.number):
                client.issue()
        for title, each_profile in (("asks", profile), ("writes", writer)):
            print(f"The thread that {title}:")
            pstats.Stats(each_profile).sort_stats(arguments.sort).print_stats(
                *([arguments.match] if arguments.match else []), arguments.lines
            )
    return composition.database.dispose()


def _report_together(app: Any, client: Client, measure: Measure, arguments: argparse.Namespace) -> None:
    rsgi = RsgiApplication(cast(SauFlask, app), threads=16)
    clients = [TogetherClient(rsgi, client, number) for number in range(arguments.together)]
    asks, writer = cProfile.Profile(time.thread_time), cProfile.Profile(time.thread_time)
    commit = GroupCommit._commit

    async def run(times: int) -> None:
        await asyncio.gather(*[each.run(times) for each in clients])

    asyncio.run(run(2))
    TogetherClient.own = 0.0
    with measure.step("together"):
        for kept in (measure.seconds, measure.statements, measure.commits):
            kept.clear()
        began = time.process_time()
        asyncio.run(run(arguments.number))
        taken = time.process_time() - began - TogetherClient.own
        counts = measure.statements["together"], measure.commits["together"]
    made = arguments.number * arguments.together
    print(f"{arguments.together} together{taken / made * 1000:8.2f} ms", end=" ")
    print(f"{counts[0] / made:6.1f} statements {counts[1] / made:5.2f} transactions", end=" ")
    print(f"(the clients {TogetherClient.own / made * 1000:.2f} ms more)")
    if arguments.lines:
        with patch.object(GroupCommit, "_commit", lambda *given: writer.runcall(commit, *given)):
            asks.runcall(asyncio.run, run(arguments.number))
        for title, each_profile in (("loop", asks), ("writer", writer)):
            print(f"{title}, {made} certificates:")
            pstats.Stats(each_profile).sort_stats(arguments.sort).print_stats(
                *([arguments.match] if arguments.match else []), arguments.lines
            )
    rsgi.__rsgi_del__(cast(Any, None))


if __name__ == "__main__":
    main()
