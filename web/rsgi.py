"""The application as Granian serves it: short calls on the event loop, everything else on threads, as WSGI wants it.

RSGI is Granian's interface to event loops. A call on a short way that waits for the writer leaves the loop to others
(:mod:`kernel.loop_call`); one that would wait for anything else, and whatever Flask answers, gets a thread. Bodies are
gathered before a thread is taken: who sends slowly keeps nobody busy.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian._granian import RSGIProtocolClosed as ProtocolClosed
from granian._granian import RSGIProtocolError as ProtocolError
from granian.rsgi import Scope

from kernel.loop_call import NeedsThreadError, Threads, run_on_loop
from web.application import LONG_WAY, SauFlask
from web.held_answers import HeldAnswers
from web.ready_answer import ReadyAnswer
from web.request_bounds import MAX_BODY

BODY_SECONDS = 60.0
MOST_WAITING = 256
_STREAMED_FROM = 256 * 1024
_WITHOUT_BODY = ("GET", "HEAD")
_CLOSE, _LATER = [("Connection", "close")], [("Retry-After", "2")]
_HEADER_NAMES: dict[str, str | None] = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_MOST_NAMES = 1000


class _Reply(NamedTuple):
    """What Flask answered: a whole body, or one that is still coming."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    more: Iterator[bytes] | None
    close: Any


class RsgiApplication:
    """An RSGI application around a Flask one.

    :param threads: how many requests Flask answers at the same time; the database's pool must hold as many connections.
    """

    def __init__(self, app: SauFlask, *, threads: int) -> None:
        self._app = app
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._threads = Threads(self._pool, most=threads + MOST_WAITING)
        self._held = HeldAnswers()

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """End the threads when the server stops."""
        self._pool.shutdown(wait=False)

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        if not scope.query_string:
            asked = self._app.short_ways.find_document(scope.method, scope.path, scope.headers.items())
            answer = None if asked is None else self._app.answer_at_hand(asked, _address_of(scope))
            if answer is not None:
                return _send(protocol, answer)
        environ = _environ(scope)
        body = b""
        way = self._app.short_ways.find(environ)
        if environ["REQUEST_METHOD"] not in _WITHOUT_BODY:
            if way is not None and way.takes(environ):
                read = await _soon(protocol(), BODY_SECONDS)
            else:
                way, read = None, await _gathered(protocol, environ)
            if read is None:
                return _send(protocol, self._app.refuse_early(environ, 408, "Request timeout", _CLOSE))
            body = read
            environ["wsgi.input"] = io.BytesIO(body)
        if way is not None:
            with suppress(NeedsThreadError):
                answer = await run_on_loop(self._app.answer_shortly, way, environ, threads=self._threads)
                if answer is not None:
                    await self._held.wait(environ)
                    return _send(protocol, answer)
                environ[LONG_WAY] = True
            environ["wsgi.input"] = io.BytesIO(body)
        return await self._answer_in_thread(environ, protocol)

    async def _answer_in_thread(self, environ: dict[str, Any], protocol: HTTPProtocol) -> None:
        threads = self._threads
        if threads.in_progress >= threads.most:
            return _send(protocol, self._app.refuse_early(environ, 503, "Servicio ocupado / Service busy", _LATER))
        loop = asyncio.get_running_loop()
        threads.in_progress += 1
        try:
            reply = await loop.run_in_executor(self._pool, _answer, self._app, environ)
            if reply.more is None:
                await self._held.wait(environ)  # counted, but no thread has it any more
                return protocol.response_bytes(reply.status, reply.headers, reply.body)
            try:
                transport = protocol.response_stream(reply.status, reply.headers)
                part: bytes | None = reply.body
                while part is not None:
                    await transport.send_bytes(part)
                    part = await loop.run_in_executor(self._pool, next, reply.more, None)
            except (ProtocolClosed, ProtocolError):
                pass  # whoever asked has gone
            finally:
                await loop.run_in_executor(self._pool, reply.close)
        finally:
            threads.in_progress -= 1
        return None


def _send(protocol: HTTPProtocol, answer: ReadyAnswer) -> None:
    protocol.response_bytes(int(answer.status[:3]), answer.headers, answer.body)


async def _soon(awaitable: Any, seconds: float) -> bytes | None:
    """Return what comes within ``seconds``; None if it does not, and the connection is then of no more use."""
    patience = asyncio.get_running_loop().call_later(seconds, awaitable.cancel)
    try:
        return await awaitable  # type: ignore[no-any-return]
    except asyncio.CancelledError:
        return None
    finally:
        patience.cancel()


async def _gathered(protocol: HTTPProtocol, environ: dict[str, Any]) -> bytes | None:
    """Return the body, no more of it than one octet beyond what is allowed; None if it does not come in time."""
    said = str(environ.get("CONTENT_LENGTH", ""))
    length = int(said) if said.isascii() and said.isdecimal() else None  # said twice, it is no number
    if length is not None and length > MAX_BODY:
        return b""  # refused for its length, and not read
    loop, octets = asyncio.get_running_loop(), bytearray()
    end, parts = loop.time() + BODY_SECONDS, protocol.__aiter__()
    while len(octets) <= MAX_BODY:
        try:
            part = await _soon(parts.__anext__(), max(0.0, end - loop.time()))
        except StopAsyncIteration:
            return bytes(octets)
        if part is None:
            return None
        octets += part
        if length is not None and len(octets) >= length:
            return bytes(octets)
    return bytes(octets[: MAX_BODY + 1])


def _answer(app: SauFlask, environ: dict[str, Any]) -> _Reply:
    """Call the application as WSGI says (PEP 3333)."""
    began: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        began[:] = [int(status[:3]), headers]
        return None

    parts = app(environ, start_response)
    close = getattr(parts, "close", lambda: None)
    try:
        coming = iter(parts)
        octets = bytearray()
        for part in coming:
            octets += part
            if len(octets) >= _STREAMED_FROM:
                return _Reply(began[0], began[1], bytes(octets), coming, close)
    except BaseException:
        close()
        raise
    close()
    return _Reply(began[0], began[1], bytes(octets), None, close)


def _environ(scope: Scope) -> dict[str, Any]:
    """Return a request as PEP 3333 has it.

    Header names with an underscore are left out: they would be taken for those with a hyphen, which a proxy guards.
    """
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": _address_of(scope),
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        key = _HEADER_NAMES.get(name) or _key_of(name)
        if key is None:
            continue
        if key in environ:
            value = f"{environ[key]}{';' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    if "HTTP_HOST" not in environ and scope.authority:
        environ["HTTP_HOST"] = scope.authority
    return environ


def _address_of(scope: Scope) -> str:
    return scope.client.rpartition(":")[0].strip("[]")


def _key_of(name: str) -> str | None:
    key = None if "_" in name else f"HTTP_{name.upper().replace('-', '_')}"
    if len(_HEADER_NAMES) < _MOST_NAMES and len(name) < 64:
        _HEADER_NAMES[name] = key
    return key
