"""A network on which pages arrive in pieces, for whoever doubts that the tests with a browser wait for what they read.

``TEST_SLOW_PAGES=0.2 python -m pytest tests/… -m browser``: a browser of :mod:`tests.servers.chromium` is led through
it. The headers and the first words of each answer come at once; half of the rest, and the other half, later each time.
A test that reads a page while it is arriving then fails every time, where it would once in a thousand runs.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds between the pieces; nothing is slow without.
PAUSE = float(os.environ.get("TEST_SLOW_PAGES", "0"))
_CHUNK, _FIRST_WORDS = 256 * 1024, 300


@contextmanager
def run_slow_network(pause: float) -> Iterator[str]:
    """Serve SOCKS (RFC 1928) and yield its address; every name is this machine."""
    loop, told = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def start() -> None:
        server = await asyncio.start_server(lambda r, w: _join(r, w, pause), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        told.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=run, name="slow network", daemon=True)
    thread.start()
    told.wait()
    yield f"socks5://127.0.0.1:{ports[0]}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        *_, kind = await reader.readexactly(4)
        length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        await reader.readexactly(length)
        port = int.from_bytes(await reader.readexactly(2), "big")
        try:
            there, here = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.write(b"\x05\x05\x00\x01" + bytes(6))  # nobody listens
        else:
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
            asked = asyncio.create_task(_pass_on(reader, here))
            await _pass_on_in_pieces(there, writer, pause)
            asked.cancel()
    writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while octets := await reader.read(_CHUNK):
            writer.write(octets)
            await writer.drain()
    writer.close()


async def _pass_on_in_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    while octets := await reader.read(_CHUNK):
        begun = octets.find(b"\r\n\r\n") + 4 if octets.startswith(b"HTTP/") else 0
        first = begun + min(_FIRST_WORDS, (len(octets) - begun) // 3)
        second = first + (len(octets) - first) // 2
        for piece in (octets[:first], octets[first:second], octets[second:]):
            if piece:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
