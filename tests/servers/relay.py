"""A relay between two servers, for faults of the network between them: slow, silent, or closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 64 * 1024


@dataclass
class Relay:
    """A TCP port that passes everything on to another one.

    :ivar delay: seconds that each answer is kept back; what was sent in it arrives together.
    :ivar silent: nothing passes in either direction, nothing is closed: as when packets are dropped on the way.
    :ivar closed: whoever connects is hung up on.
    :ivar opened: connections that were made through it so far.
    """

    port: int
    delay: float = 0.0
    silent: bool = False
    closed: bool = False
    opened: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)

    @property
    def open_now(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def cut(self) -> None:
        """Close every connection that is open now."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._open])

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool) -> None:
        with suppress(OSError):
            while octets := await reader.read(_CHUNK):
                if late and self.delay:
                    await asyncio.sleep(self.delay)
                while self.silent:
                    await asyncio.sleep(0.02)
                writer.write(octets)
                await writer.drain()
        writer.transport.abort()

    async def _join(self, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self._open.add(writer)
        try:
            while self.silent:
                await asyncio.sleep(0.02)
            if self.closed:
                raise ConnectionRefusedError
            there, here = await asyncio.open_connection("127.0.0.1", target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, here, late=False))
                both.create_task(self._pass_on(there, writer, late=True))
        except (OSError, ExceptionGroup):
            writer.transport.abort()
        finally:
            self._open.discard(writer)


@contextmanager
def run_relay(target: int) -> Iterator[Relay]:
    """Pass connections on to the local port ``target``, until the block ends."""
    relay = Relay(0)
    started = threading.Event()
    ended: list[asyncio.Event] = []

    async def serve() -> None:
        ended.append(asyncio.Event())
        relay._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(lambda r, w: relay._join(target, r, w), "127.0.0.1", 0)
        relay.port = server.sockets[0].getsockname()[1]
        started.set()
        await ended[0].wait()
        server.close()
        for writer in relay._open:
            writer.transport.abort()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="relay", daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield relay
    finally:
        relay.silent = False
        assert relay._loop is not None
        relay._loop.call_soon_threadsafe(ended[0].set)
        thread.join(60)
