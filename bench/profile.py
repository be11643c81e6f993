"""Where the time of one request goes: one process, one thread, no HTTP server; ``python -m bench.profile SCENARIO``."""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import pstats
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, quote, urlsplit

from bench import population
from bench.servers import API
from bench.workload import OFFLINE, REDIRECT_URI, SCENARIOS, Scenario, Side, authorize_path, code_body
from composition import Composition
from kernel.group_commit import GroupCommit
from kernel.settings import load_settings
from operations.installation import install
from tests.servers.postgresql import run_postgresql
from web.logging import configure_logging
from wsgi import create_app

_PATHS = {
    "authorize": "/authorize",
    "token": "/token",
    "userinfo": "/userinfo",
    "introspection": "/introspect",
    "discovery": "/.well-known/openid-configuration",
    "jwks": "/jwks",
}
_URL = "http://127.0.0.1:8000"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def main() -> None:
    """Print milliseconds a unit, and the functions that took most of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("scenario", choices=[each.name for each in SCENARIOS])
    parser.add_argument("--number", type=int, default=300, help="units that are profiled")
    parser.add_argument("--threads", type=int, default=1, help="units at once; from 2 on the writer alone is profiled")
    parser.add_argument("--lines", type=int, default=30)
    parser.add_argument("--sort", default="tottime", choices=["tottime", "cumulative"])
    parser.add_argument("--sqlite", action="store_true", help="on SQLite instead of PostgreSQL")
    arguments = parser.parse_args()
    scenario = next(each for each in SCENARIOS if each.name == arguments.scenario)
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
        _report(scenario, composition=Composition(settings), arguments=arguments)


def _report(scenario: Scenario, *, composition: Composition, arguments: argparse.Namespace) -> None:
    install(composition, demo=False)
    populated = population.populate(composition, people=8, redirect_uri=REDIRECT_URI, api=API)
    side = Side("SAU", _URL, _PATHS, populated.cookies, populated.portals, populated.services)
    unit = _unit(side, scenario, create_app(composition))
    for _ in range(30):
        unit()
    each = _processor_time(unit, arguments.number, arguments.threads)
    profile, of_the_writer = cProfile.Profile(), cProfile.Profile()
    with patch.object(GroupCommit, "_commit", _profiled(GroupCommit._commit, of_the_writer)):
        if arguments.threads == 1:
            profile.runcall(lambda: [unit() for _ in range(arguments.number)])
        else:  # then it is the writer that is of interest
            _processor_time(unit, arguments.number, arguments.threads)
    if profile.getstats():
        print("The thread that answers:")
        pstats.Stats(profile).sort_stats(arguments.sort).print_stats(arguments.lines)
    if of_the_writer.getstats():
        print("The thread that writes:")
        pstats.Stats(of_the_writer).sort_stats(arguments.sort).print_stats(arguments.lines)
    print(f"{scenario.title}: {each:.3f} ms of this process's processor time a unit, without the profiler")
    composition.database.dispose()


def _processor_time(unit: Callable[[], object], number: int, threads: int) -> float:
    """Return the milliseconds of processor time that a unit takes in this process, the database's not counted."""
    started = time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(unit) for _ in range(number)]:
            done.result()
    return (time.process_time() - started) / number * 1000


def _profiled(function: Callable[..., Any], profile: cProfile.Profile) -> Callable[..., Any]:
    return lambda *given: profile.runcall(function, *given)


def _unit(side: Side, scenario: Scenario, app: Callable[..., Any]) -> Callable[[], object]:
    def call(method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[int, dict[str, str], bytes]:
        answered: dict[str, Any] = {}

        def start_response(status: str, given: list[tuple[str, str]], _error: object = None) -> None:
            answered.update(status=int(status[:3]), headers=dict(given))

        octets = b"".join(app(_environ(method, path, headers, body.encode()), start_response))
        if answered["status"] not in (200, 303):
            raise RuntimeError(f"{path}: {answered['status']} {octets[:300]!r}")
        return answered["status"], answered["headers"], octets

    turns = count()

    def exchange(portal: str) -> dict[str, Any]:
        client, cookie = side.portals[portal], side.cookies[next(turns) % len(side.cookies)]
        scope = " ".join(["openid profile email"] + ["offline_access"] * (portal == OFFLINE))
        _, headers, _ = call("GET", authorize_path(side, client, scope), {"Cookie": cookie})
        (code,) = parse_qs(urlsplit(headers["Location"]).query)["code"]
        _, _, octets = call("POST", "/token", client.authorization | _FORM, code_body() + quote(code, safe=""))
        return _json(octets)

    portal = side.portals["ES256"]
    match scenario.kind:
        case "exchange":
            return lambda: exchange(scenario.algorithm)
        case "refresh":
            held = [exchange(OFFLINE)["refresh_token"] for _ in range(64)]
            authorization = side.portals[OFFLINE].authorization

            def refresh() -> None:
                body = f"grant_type=refresh_token&refresh_token={held.pop()}"
                held.append(_json(call("POST", "/token", authorization | _FORM, body)[2])["refresh_token"])

            return refresh
        case "service":
            client, body = side.services[scenario.algorithm]
            return lambda: call("POST", "/token", client.authorization | _FORM, body)
        case "userinfo":
            bearer = {"Authorization": f"Bearer {exchange('ES256')['access_token']}"}
            return lambda: call("GET", "/userinfo", bearer)
        case "introspection":
            body = f"token={exchange('ES256')['access_token']}"
            return lambda: call("POST", "/introspect", portal.authorization | _FORM, body)
    return lambda: call("GET", side.paths[scenario.kind], {})


def _environ(method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


def _json(octets: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(octets)
    return document


if __name__ == "__main__":
    main()
